from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import netc

from .conftest import SMALL


def test_compile_a_file_a_text_and_an_example(small: Path) -> None:
    assert netc.compile(small, device="cpu").parameters["logits.dense1.W"].shape == (64, 8)
    model = netc.compile(
        text=SMALL, dims={"H": np.int64(6)}, train={"lr": 0.5, "precision": "float64"}, device="cpu"
    )
    assert model.parameters["logits.dense1.W"].shape == (64, 6)
    assert model.parameters["logits.dense1.W"].dtype == np.float64
    assert isinstance(netc.compile("digits", device="cpu"), netc.Model)


def test_a_file_comes_before_an_example_of_its_name(folder: Path) -> None:
    (folder / "digits.net").write_text(SMALL)
    assert "logits.dense1.W" in netc.compile("digits.net", device="cpu").parameters


def test_what_is_wrong_raises_spec_error(folder: Path) -> None:
    with pytest.raises(netc.SpecError, match="there is no file nothing"):
        netc.compile("nothing.net")
    with pytest.raises(netc.SpecError, match="has no dim called G"):
        netc.compile(text=SMALL, dims={"G": 3})
    with pytest.raises(netc.SpecError):
        netc.compile(text=SMALL, dims={"H": "2 *"})
    with pytest.raises(TypeError, match="a path or a text"):
        netc.compile()
    with pytest.raises(ValueError, match="H should be a number or a text"):
        netc.compile(text=SMALL, dims={"H": [3]})  # pyright: ignore[reportArgumentType]


def test_a_trained_model_is_saved_and_loaded(folder: Path) -> None:
    model = netc.compile(text=SMALL, device="cpu")
    model.fit(epochs=1)
    model.save("m.safetensors")
    other = netc.compile(text=SMALL, device="cpu")
    other.load("m.safetensors")
    assert other.evaluate("test") == model.evaluate("test")


@pytest.mark.parametrize("line", ["import netc", "from netc.__main__ import command"])
def test_importing_is_quick(line: str) -> None:
    """What is heavy is imported where it is used: time would not be a steady measure."""
    heavy = ("numpy", "networkx", "lark", "rich", "safetensors")
    code = f"import sys; {line}; print([m for m in {heavy} if m in sys.modules])"
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert ran.stdout == "[]\n"


def test_check_imports_neither_rich_nor_safetensors(small: Path) -> None:
    code = (
        "import sys\nfrom netc.__main__ import main\n"
        "try:\n    main(['check', 'small.net'])\nexcept SystemExit: pass\n"
        "print([m for m in ('rich', 'safetensors', 'graphviz') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=small.parent,
        env=environment,
        check=True,
    )
    assert ran.stdout.endswith("[]\n")
