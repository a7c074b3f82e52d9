"""A trained network, as its checkpoint describes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .compiler import ast
from .compiler.parse import parse
from .compiler.pipeline import compile
from .locate import Spec
from .overrides import expression
from .runs import RunError, home, newest, parameters_in
from .runtime.checkpoint import Description, describe, restore
from .runtime.device import Device
from .runtime.model import Model
from .runtime.opening import column_types, compile_source, read

Overrides = tuple[dict[str, ast.Expr], dict[str, ast.Expr]]


def parsed(texts: Mapping[str, str], place: str) -> Overrides:
    """Overrides of dims and of the train block, from their texts; place is what errors call them."""
    found = {name: expression(text, place) for name, text in texts.items()}
    dims = {name: value for name, value in found.items() if not name.startswith("train.")}
    train = {name.removeprefix("train."): v for name, v in found.items() if name.startswith("train.")}
    return dims, train


def home_of(spec: Spec, train: Mapping[str, ast.Expr] | None = None) -> Path:
    """Where the runs of a spec are kept: as its train block or its override says, else runs/NAME.

    Raises SpecError where the spec cannot be parsed.
    """
    settings = dict(train or {})
    for item in parse(spec.source).items:
        if isinstance(item, ast.Train):
            settings = {**{s.name.text: s.value for s in item.settings}, **settings}
    saves = settings.get("save")
    return home(spec.name, saves.value if isinstance(saves, ast.String) else None)


def find(spec: Spec, given: Path | None) -> Path:
    """The checkpoint to use: the given one, that of the given folder, or that of the newest run.

    Raises RunError, SpecError.
    """
    if given is not None and given.is_dir():
        file = parameters_in(given)
        if file is None:
            raise RunError(
                f"{given} holds no run", "name the folder of a training, or one of its checkpoints"
            )
        return file
    if given is not None:
        return given
    place = home_of(spec)
    folder = newest(place)
    file = parameters_in(folder) if folder else None
    if file is None:
        help = f"train it first: netc train {spec.name}"
        raise RunError(f"there is no trained {spec.name} in {place}", help)
    return file


def open_trained(spec: Spec, path: Path, device: Device) -> tuple[Model, Description]:
    """The network with its trained parameters; its data need not be there.

    Raises SpecError, CheckpointError, OSError.
    """
    description = describe(path)
    dims, train = parsed(description.overrides, str(path))
    if description.columns:
        columns = column_types(description.columns)
        compiled = compile(spec.source, dims, train, lambda p: read(p, spec.base), lambda data: columns)
    else:
        compiled = compile_source(spec.source, spec.base, dims, train)
    model = Model(compiled, device, spec.base)
    restore(model, path, optimizer=False)
    return model, description
