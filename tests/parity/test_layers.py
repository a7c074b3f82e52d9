"""Every standard layer against PyTorch (metrics: scikit-learn): value, gradients, and gradients of those.

The figures come from tests/references/make_layers.py, in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import netc
from netc.compiler import ast, library

from .cases import OPTIMIZERS
from .draws import integers, normal, start
from .layers import BATCH, BY_CHANCE, USES, Use, spec

REFERENCES = Path(__file__).parents[1] / "references"
EXACT = 1e-10


@pytest.fixture(scope="module")
def references() -> dict[str, NDArray[np.float64]]:
    with np.load(REFERENCES / "layers.npz") as file:
        return {key: file[key] for key in file.files}


def gradients(use: Use, z: tuple[int, ...], second: bool) -> dict[str, Any]:
    # The train block does nothing but choose the precision.
    text = spec(use, z, second) + "train sgd(lr = 0) { steps = 1, precision = float64 }\n"
    model = netc.compile(text=text, device="cpu")
    for name in model.parameters:
        shape = model.parameters[name].shape
        model.parameters[name] = (start if name.startswith("z.") else normal)(name, shape)
    given: dict[str, Any] = {"unit": np.eye(BATCH)}
    if use.classes:
        given["y"] = integers("y", (BATCH, *use.y), use.classes)
    return model.gradients(**given)


def close(found: NDArray[np.float64], wanted: NDArray[np.float64], what: str) -> None:
    distance = np.abs(found.reshape(wanted.shape) - wanted).max()
    assert distance <= EXACT * max(1.0, np.abs(wanted).max()), f"{what} is {distance:.2e} off"


@pytest.mark.parametrize("name", USES)
def test_value_and_gradients(name: str, references: dict[str, NDArray[np.float64]]) -> None:
    use, z = USES[name], references[f"{name}/z"]
    found = gradients(use, z.shape, second=False)
    close(found["U"], z, "its value")
    _compared(found, references, f"{name}/first ")


@pytest.mark.parametrize("name", USES)
def test_second_gradients(name: str, references: dict[str, NDArray[np.float64]]) -> None:
    if not any(key.startswith(f"{name}/second ") for key in references):
        pytest.skip("it has no gradient")
    _compared(
        gradients(USES[name], references[f"{name}/z"].shape, second=True), references, f"{name}/second "
    )


def _compared(found: dict[str, Any], references: dict[str, NDArray[np.float64]], prefix: str) -> None:
    wanted = {key.removeprefix(prefix): value for key, value in references.items() if key.startswith(prefix)}
    if wanted:
        assert {key for key in found if key.startswith("z.")} == {k for k in wanted if k.startswith("z.")}
    for key in found.keys() & wanted.keys():
        close(found[key], wanted[key], f"the gradient by {key}")


def test_running_statistics(references: dict[str, NDArray[np.float64]]) -> None:
    model = netc.compile(
        text="""
            input x[N, 3, 2, 4]
            z = batchnorm(x)
            loss sum(square(z))
            train sgd(lr = 0) { steps = 3, precision = float64 }
        """,
        device="cpu",
    )
    for i in range(3):
        model.step(x=normal(f"running {i}", (BATCH, 3, 2, 4)))
    for name in ("mean", "var"):
        close(model.state[f"z.{name}"], references[f"running/{name}"], f"the running {name}")
    found = model.forward(x=normal("running", (BATCH, 3, 2, 4)), want=["z"])
    close(found["z"], references["running/z"], "what it gives when not training")


def _defined(kind: type[ast.LayerDef] | type[ast.OptimizerDef]) -> set[str]:
    files = [library.parsed(file.source.name) for file in library.library()]
    return {item.name.text for file in files for item in file.items if isinstance(item, kind)}


def test_every_standard_definition_has_a_reference() -> None:
    schedules = {name.split("_")[1] for name in OPTIMIZERS if name.startswith("schedule_")}
    used = {name.split()[0] for name in USES}
    assert _defined(ast.LayerDef) == used | BY_CHANCE | schedules
    assert _defined(ast.OptimizerDef) == {name.split("_")[0] for name in OPTIMIZERS} - {"clip", "schedule"}
