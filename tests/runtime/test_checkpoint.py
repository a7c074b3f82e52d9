from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from netc.compiler.diagnostics import Source
from netc.overrides import expressions
from netc.runtime.atomic import replace
from netc.runtime.checkpoint import CheckpointError, describe, restore, save
from netc.runtime.model import Model
from netc.runtime.opening import open_model
from netc.runtime.train import EpochDone, History, Place

TEXT = """dim H = 5
input x[N, 3]
input y[N] : class(4)
h = x -> dense(H) -> batchnorm
logits = h -> dense(4)
loss cross_entropy(logits, y)
train sgd(lr = 0.1, momentum = 0.9) { seed = 7 }
"""


def model(text: str = TEXT, **dims: float) -> Model:
    return open_model(Source("m.net", text), Path(), expressions(dims), device="cpu")


def trained(**dims: float) -> Model:
    found = model(**dims)
    random = np.random.default_rng(1)
    for _ in range(3):
        found.step(x=random.standard_normal((6, 3)), y=random.integers(0, 4, 6))
    return found


def values(of: Model) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in of.memory.items()}


def test_what_is_saved_is_restored_bit_for_bit(tmp_path: Path) -> None:
    first, second = trained(), model()
    done = EpochDone(1, 9, 0.5, {"train.loss": 0.1 + 0.2, "valid.loss": float("inf")})
    place = Place(2, 3, 48, 1.25, {"loss": 1 / 3}, History([done]))
    save(first, tmp_path / "a.safetensors", place)
    described = restore(second, tmp_path / "a.safetensors")
    assert second.memory.keys() == first.memory.keys()
    for name, array in first.memory.items():
        assert (second.memory[name] == array).all(), name
    assert any(name.endswith(".v") for name in first.memory)
    assert second.step_number == 3
    assert (described.step, described.seed, described.precision) == (3, 7, "float32")
    assert described.place == place
    assert described.epoch == 1
    assert described.spec == TEXT


def test_the_file_is_one_that_others_read(tmp_path: Path) -> None:
    found = trained(H=6)
    save(found, tmp_path / "a.safetensors")
    assert load_file(tmp_path / "a.safetensors")["h.dense1.W"].shape == (3, 6)
    with safe_open(tmp_path / "a.safetensors", "numpy") as file:
        metadata = file.metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["spec"] == TEXT
    assert describe(tmp_path / "a.safetensors").overrides == {"H": "6"}


def test_the_optimizer_may_be_another_when_it_is_not_needed(tmp_path: Path) -> None:
    first = trained()
    save(first, tmp_path / "a.safetensors")
    other = model(TEXT.replace("sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.1)"))
    with pytest.raises(CheckpointError):
        restore(other, tmp_path / "a.safetensors")
    restore(other, tmp_path / "a.safetensors", optimizer=False)
    assert (other.memory["h.dense1.W"] == first.memory["h.dense1.W"]).all()
    assert (other.memory["h.batchnorm1.mean"] == first.memory["h.batchnorm1.mean"]).all()


@pytest.mark.parametrize(
    ("text", "dims", "message"),
    [
        (
            TEXT,
            {"H": 6},
            r"h.dense1.W, a parameter of m, is float32\[3, 6\], and in .* it is float32\[3, 5\]",
        ),
        (TEXT.replace("dense(4)", "dense(4) as top"), {}, "holds no top.W|holds no logits.top.W"),
        (
            TEXT.replace(" -> batchnorm", " -> relu"),
            {},
            "holds h.batchnorm1.*m has no such parameter or state",
        ),
        (TEXT.replace("seed = 7", "precision = float64"), {}, r"is float64\[3, 5\], and in .* it is float32"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    tmp_path: Path, text: str, dims: dict[str, float], message: str
) -> None:
    save(trained(), tmp_path / "a.safetensors")
    other = model(text, **dims)
    before = values(other)
    with pytest.raises(CheckpointError, match=message):
        restore(other, tmp_path / "a.safetensors")
    assert other.step_number == 0
    for name, array in before.items():
        assert (other.memory[name] == array).all()


@pytest.mark.parametrize("length", [0, 5, 100, 1000, -1])
def test_a_truncated_file(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.safetensors"
    save(trained(), path)
    path.write_bytes(path.read_bytes()[:length])
    other = model()
    before = values(other)
    with pytest.raises(CheckpointError, match="is no whole file of parameters"):
        restore(other, path)
    assert all((other.memory[name] == array).all() for name, array in before.items())


@pytest.mark.parametrize("place", [0.001, 0.3, 0.6, 0.999])
def test_a_flipped_bit(tmp_path: Path, place: float) -> None:
    path = tmp_path / "a.safetensors"
    save(trained(), path)
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 4
    path.write_bytes(data)
    other = model()
    before = values(other)
    with pytest.raises(CheckpointError, match=r"is no whole file|is damaged|was not written by netc"):
        restore(other, path)
    assert all((other.memory[name] == array).all() for name, array in before.items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("step", '"3"'), ("dims", "[5]"), ("dims", '{"H": "5"}'), ("overrides", '{"H": 5}')),
        *(("place", "[]"), ("place", '["a", 0, 0, 0, {}]'), ("place", "[-1, 0, 0, 0, {}]")),
        *(("place", "[1, 0, 0, NaN, {}]"), ("history", "[[1, 2]]"), ("history", "[" * 100_000)),
        *(("columns", '{"x": ["nonsense", [1], null, null, false]}'), ("samples", "{")),
    ],
)
def test_a_description_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr("netc.runtime.checkpoint._digest", lambda *_: "right")
    path = tmp_path / "a.safetensors"
    save(trained(), path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, {**metadata, name: value})
    with pytest.raises(CheckpointError, match="was not written by netc"):
        restore(model(), path)


def test_a_file_of_another_program(tmp_path: Path) -> None:
    save_file({"W": np.zeros(3, np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="was not written by netc"):
        restore(model(), tmp_path / "a.safetensors")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        restore(model(), tmp_path / "none.safetensors")
    with pytest.raises(OSError):
        restore(model(), tmp_path)


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    replace(path, b"old")

    def fails(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(KeyboardInterrupt):
        replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    replace(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        replace(path, b"new")
    assert raised.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_before_is_kept_under_another_name(tmp_path: Path) -> None:
    for text in (b"first", b"second", b"third"):
        replace(tmp_path / "a", text, tmp_path / "b")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"third", b"second")
