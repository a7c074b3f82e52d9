"""Started from the same parameters on the same batches, training follows PyTorch, step by step.

The figures come from tests/references/make_parity.py. In float64 both sides must agree to 1e-9. In float32 no
two orders of summation agree, and the differences grow as the training goes; how fast is a property of the
network. So the bound is measured: PyTorch's own float32 runs, in several orders, stray some distance from its
float64 run, and ours may stray FACTOR times as far, and a few roundings more where those happen to be none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import netc

from .cases import CASES, EXAMPLES, MARKS, STEPS, Case, batch
from .draws import projections, start

REFERENCES = Path(__file__).parents[1] / "references"
EXACT = 1e-9
FACTOR = 4.0
ROUNDINGS = 8 * 2.0**-24


def compiled(case: Case, precision: str) -> netc.Model:
    settings = {**case.train, "precision": precision}
    return netc.compile(text=case.text, dims=case.dims, train=settings, device="cpu")


def trained(model: netc.Model, case: Case) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Losses, and each parameter's projections after the marked steps."""
    for name in model.parameters:
        model.parameters[name] = start(name, model.parameters[name].shape)
    losses: list[float] = []
    marks: dict[str, list[Any]] = {name: [] for name in model.parameters}
    for step in range(1, STEPS + 1):
        losses.append(model.step(**batch(case, step)))
        if step in MARKS:
            for name, value in model.parameters.items():
                marks[name].append(projections(name, value))
    return np.array(losses), {name: np.stack(rows) for name, rows in marks.items()}


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_training_follows_pytorch(name: str, precision: str) -> None:
    case = CASES[name]
    with np.load(REFERENCES / f"parity_{name}.npz") as file:
        known = {key: file[key].astype(np.float64) for key in file.files}
    losses, marks = trained(compiled(case, precision), case)
    assert sorted(marks) == sorted(key.removeprefix("param ") for key in known if key.startswith("param "))
    _close(losses, known["losses"], known["losses far"], np.abs(known["losses"]), precision, "loss")
    for key, found in marks.items():
        wanted = known[f"param {key}"]
        _close(found, wanted, known[f"far {key}"], wanted[:, -1:], precision, key)


def _close(found: Any, wanted: Any, far: Any, size: Any, precision: str, what: str) -> None:
    if precision == "float64":
        allowed = EXACT * size
    else:
        allowed = FACTOR * far.max(axis=-1, keepdims=True) if far.ndim > 1 else FACTOR * far
        allowed = allowed + ROUNDINGS * size
    excess = np.abs(found - wanted) / allowed
    assert excess.max() <= 1, f"{what}: {excess.max():.3g} times the distance allowed"


def test_every_example_has_its_reference() -> None:
    folder = Path(str(netc.__file__)).parent / "specs"
    shipped = {path.stem for path in folder.glob("*.net")}
    assert shipped <= {case.spec for case in EXAMPLES.values()}
