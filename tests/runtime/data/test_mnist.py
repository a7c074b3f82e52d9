import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .conftest import Fail, Load

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def images(n: int) -> bytes:
    return struct.pack(">4I", 2051, n, 28, 28) + bytes(i % 251 for i in range(n * 784))


def labels(n: int) -> bytes:
    return struct.pack(">2I", 2049, n) + bytes(i % 10 for i in range(n))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in zip(FILES, (images(7), labels(7), images(3), labels(3)), strict=True):
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_plain(folder: Path, load: Load):
    dataset = load("mnist", ".")
    assert dataset.test is not None
    assert dataset.train["image"].reshape(-1).tolist() == [i % 251 for i in range(7 * 784)]
    assert dataset.train["label"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert dataset.test["label"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("below", [".", "raw", "FashionMNIST/raw"])
@pytest.mark.parametrize("mark", "-.")
def test_gzipped_in_sub_folders_and_either_spelling(folder: Path, load: Load, below: str, mark: str):
    (folder / below).mkdir(parents=True, exist_ok=True)
    for name in FILES:
        packed = gzip.compress((folder / name).read_bytes())
        (folder / name).unlink()
        (folder / below / f"{name.replace('-idx', mark + 'idx')}.gz").write_bytes(packed)
    dataset = load("fashion_mnist", ".")
    assert dataset.train["image"].shape == (7, 1, 28, 28)
    assert (
        dataset.columns["label"].classes is not None and dataset.columns["label"].classes[9] == "ankle boot"
    )


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(folder: Path, fail: Fail, name: str):
    (folder / name).unlink()
    error = fail("mnist", ".")
    assert error.path == str(folder / name) and "each plain or as .gz" in (error.help or "")


def test_a_missing_folder(fail: Fail):
    error = fail("mnist", "nowhere")
    assert error.message == "there is no such folder" and "train-images-idx3-ubyte" in (error.help or "")


@pytest.mark.parametrize(
    ("index", "data", "message", "place"),
    [
        (0, images(7)[:-1], "cut short: 5503 bytes, not the 5504", None),
        (0, images(7) + b"!", "too long: 5505 bytes, not the 5504", None),
        (0, images(7)[:15], "cut short: 15 bytes are less than its header", None),
        (0, b"", "cut short: 0 bytes", None),
        (0, labels(7) + bytes(9), "it starts with 2049, not 2051", "byte 0"),
        (1, images(7), "it starts with 2051, not 2049", "byte 0"),
        (2, b"\x10" + images(3)[1:], "it starts with 268437507, not 2051", "byte 0"),
        (0, images(0), "no samples", "byte 4"),
        (0, struct.pack(">4I", 2051, 1, 32, 30), "32 by 30 pixels, not 28 by 28", "byte 8"),
        (1, labels(6), "6 labels for 7 images", None),
        (3, labels(2) + b"\x0a", "too long", None),
        (3, labels(3)[:-1] + b"\x0a", "label 10 is not one of 0..9", "sample 2"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files(
    folder: Path, fail: Fail, index: int, data: bytes, message: str, place: str | None, packed: bool
):
    path = folder / FILES[index]
    path.unlink()
    if packed:
        path, data = path.with_name(path.name + ".gz"), gzip.compress(data)
    path.write_bytes(data)
    error = fail("mnist", ".")
    assert message in error.message and (error.path, error.place) == (str(path), place)


@pytest.mark.parametrize(
    "damage", [lambda z: z[:-9], lambda z: b"no gzip at all", lambda z: z[:60] + b"??" + z[62:]]
)
def test_damaged_gzip(folder: Path, fail: Fail, damage: Callable[[bytes], bytes]):
    path = folder / f"{FILES[0]}.gz"
    (folder / FILES[0]).unlink()
    path.write_bytes(damage(gzip.compress(images(7))))
    error = fail("mnist", ".")
    assert "the gzip file is damaged or cut short" in error.message and error.path == str(path)


def test_pixels_are_compact(folder: Path, load: Load):
    assert load("mnist", ".").train["image"].dtype == np.uint8
