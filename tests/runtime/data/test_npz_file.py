import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Fail, Load

X, Y = np.arange(24.0).reshape(6, 2, 2), np.array([0, 1, 2, 0, 1, 2], np.int8)


def test_arrays_by_name(tmp_path: Path, load: Load):
    np.savez_compressed(tmp_path / "a.npz", x=X, y=Y, test_score=Y)
    dataset = load("npz", "a.npz")
    # test_score belongs to the test split only if there is a score to go with it.
    assert list(dataset.train) == ["x", "y", "test_score"]
    assert (dataset.train["x"] == X).all() and dataset.columns["y"].count == 3
    assert dataset.valid is None and dataset.test is None


def test_splits_by_name(tmp_path: Path, load: Load):
    np.savez(tmp_path / "a.npz", x=X, y=Y, test_x=X[:2], test_y=Y[:2], valid_x=X[:1], valid_y=Y[:1] + 4)
    dataset = load("npz", "a.npz")
    assert dataset.test is not None and dataset.valid is not None
    assert list(dataset.train) == list(dataset.test) == list(dataset.valid) == ["x", "y"]
    assert len(dataset.test["x"]) == 2 and dataset.columns["y"].count == 5


def test_a_fraction_or_a_file_to_test_with(tmp_path: Path, load: Load):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    np.savez(tmp_path / "b.npz", y=Y[:3], x=X[:3], more=Y)
    fraction, file = load("npz", "a.npz", test=0.5), load("npz", "a.npz", test="b.npz")
    assert fraction.test is not None and file.test is not None
    both = np.concatenate([fraction.train["x"], fraction.test["x"]])
    assert sorted(both[:, 0, 0]) == X[:, 0, 0].tolist() and len(fraction.test["y"]) == 3
    assert len(file.train["x"]) == 6 and file.test["y"].tolist() == [0, 1, 2]


def test_foreign_byte_order_and_booleans(tmp_path: Path, load: Load):
    np.savez(tmp_path / "a.npz", x=X.astype(">f4"), y=Y > 0)
    dataset = load("npz", "a.npz")
    assert dataset.train["x"].dtype == np.float32 and dataset.train["x"].dtype.isnative
    assert dataset.train["y"].dtype == np.bool_ and (dataset.train["x"] == X).all()


def nan() -> np.ndarray:
    x = X.copy()
    x[3, 1, 0] = np.nan
    return x


@pytest.mark.parametrize(
    ("arrays", "message", "place"),
    [
        ({"x": X, "y": Y[:5]}, "there are 5 samples, but 6 in 'x'", "array 'y'"),
        ({"x": X, "y": np.array(3)}, "has no axis of samples", "array 'y'"),
        ({"x": X[:0], "y": Y[:0]}, "the array is empty", "array 'x'"),
        ({"x": np.array(["a", "b"])}, "<U1 is no type of numbers", "array 'x'"),
        ({"x": np.array([{}, []], object)}, "object is no type of numbers", "array 'x'"),
        ({"x": X * 1j}, "complex128 is no type of numbers", "array 'x'"),
        ({"x": nan()}, "nan is not a finite number", "array 'x', index [3, 1, 0]"),
        ({"x": X, "test_x": nan()}, "nan is not", "array 'test_x', index [3, 1, 0]"),
        ({"x": X, "y": Y, "test_x": X}, "there is no such array", "array 'test_y'"),
        ({"x": X, "test_x": X[:, :1]}, "a sample is float64[1, 2], not float64[2, 2]", "array 'test_x'"),
        ({}, "there are no arrays", None),
    ],
)
def test_wrong_arrays(tmp_path: Path, fail: Fail, arrays: dict[str, Any], message: str, place: str | None):
    np.savez(tmp_path / "a.npz", **arrays)
    error = fail("npz", "a.npz")
    assert message in error.message and (error.path, error.place) == (str(tmp_path / "a.npz"), place)


def test_a_split_named_twice_or_too_small(tmp_path: Path, fail: Fail):
    np.savez(tmp_path / "a.npz", x=X, test_x=X)
    assert "one too many" in fail("npz", "a.npz", test=0.5).message
    np.savez(tmp_path / "a.npz", x=X)
    assert "leaves none on one side" in fail("npz", "a.npz", test=0.01).message


@pytest.mark.parametrize("data", [b"", b"no archive", struct.pack("<I", 0x04034B50) + bytes(40)])
def test_no_archive(tmp_path: Path, fail: Fail, data: bytes):
    (tmp_path / "a.npz").write_bytes(data)
    assert "this is no whole .npz file" in fail("npz", "a.npz").message


@pytest.mark.parametrize("at", range(30, 700, 7))
def test_a_flipped_bit_never_gets_through_as_a_crash(tmp_path: Path, load: Load, fail: Fail, at: int):
    np.savez(tmp_path / "a.npz", x=X.astype(np.int64))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    at %= len(data)
    data[at] ^= 0x10
    (tmp_path / "a.npz").write_bytes(bytes(data))
    try:
        load("npz", "a.npz")
    except Exception:
        fail("npz", "a.npz")


def test_truncated(tmp_path: Path, fail: Fail):
    np.savez(tmp_path / "a.npz", x=X)
    data = (tmp_path / "a.npz").read_bytes()
    for end in range(0, len(data), 37):
        (tmp_path / "a.npz").write_bytes(data[:end])
        assert fail("npz", "a.npz").path == str(tmp_path / "a.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path, fail: Fail):
    np.save(tmp_path / "x.npy", X)
    os.mkfifo(tmp_path / "y.npy")
    error = fail("npz", ".")
    assert (error.message, error.path) == ("this is no file", str(tmp_path / "y.npy"))
