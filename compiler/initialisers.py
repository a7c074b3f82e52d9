"""What parameters and states may start from: names and arguments. runtime/initialise.py draws them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of an initialiser; without a default it must be given."""

    name: str
    default: float | None = None


@dataclass(frozen=True, slots=True)
class Initialiser:
    """needs_matrix: it reads its scale off two axes or more, unless the first argument is given and not 0."""

    parameters: tuple[Parameter, ...] = ()
    needs_matrix: bool = False


INITIALISERS: dict[str, Initialiser] = {
    "zeros": Initialiser(),
    "ones": Initialiser(),
    "constant": Initialiser((Parameter("c"),)),
    "normal": Initialiser((Parameter("mean", 0.0), Parameter("std", 1.0))),
    "uniform": Initialiser((Parameter("a", -1.0), Parameter("b", 1.0))),
    "glorot": Initialiser(needs_matrix=True),
    "glorot_normal": Initialiser(needs_matrix=True),
    "he": Initialiser(needs_matrix=True),
    "he_normal": Initialiser(needs_matrix=True),
    "lecun": Initialiser(needs_matrix=True),
    "fan_in_uniform": Initialiser((Parameter("fan_in", 0.0),), needs_matrix=True),
    "orthogonal": Initialiser(needs_matrix=True),
}
