"""The networks that ship with the project: each compiles, fits a slide and says what it teaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.ir import TensorType
from netc.compiler.lower import Lowering
from netc.compiler.network import ColumnType
from netc.compiler.verify import verify

FOLDER = Path(__file__).parents[2] / "specs"
SPECS = sorted(FOLDER.glob("*.net"))
COLUMNS = {
    "digits": {"image": (1, 8, 8), "label": 10},
    "mnist": {"image": (1, 28, 28), "label": 10},
    "cifar10": {"image": (3, 32, 32), "label": 10},
    "iris": {"features": (4,), "label": 3},
    "moons": {"features": (2,), "label": 2},
    "spirals": {"features": (2,), "label": 3},
    "text": {"chars": 96},
}


def columns(source: str, length: int | None) -> dict[str, ColumnType]:
    """What the spec's source offers, without opening it."""
    found: dict[str, ColumnType] = {}
    for name, what in COLUMNS[source].items():
        if isinstance(what, tuple):
            found[name] = ColumnType(TensorType("uint8" if name == "image" else "float32", what))
        elif length is None:
            found[name] = ColumnType(TensorType("uint8", ()), what)
        else:
            found[name] = ColumnType(TensorType("uint8", (length + 1,)), what, sequence=True)
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_it_compiles_without_a_warning(path: Path) -> None:
    lowering = Lowering(Source(path.name, path.read_text("utf-8")))
    assert lowering.data_spec is not None
    network = lowering.network(columns(lowering.data_spec.source, lowering.data_spec.length))
    assert network.warnings == () and network.train is not None
    for graph in (network.training, network.evaluating, network.training_data, network.evaluating_data):
        verify(graph, path.name)
        assert graph.results


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_it_fits_a_slide_and_says_what_it_teaches(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith(f"# {path.name}: ") and len(lines[0]) > len(path.name) + 20
    assert len(lines) <= 26 and max(map(len, lines)) <= 105


def test_the_normative_files_are_among_them() -> None:
    assert {"mlp", "residual", "chars"} <= {p.stem for p in SPECS}
