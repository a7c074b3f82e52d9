from __future__ import annotations

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
