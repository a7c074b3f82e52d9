from pathlib import Path

import pytest

from .conftest import Fail, Load

FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


def record(label: int) -> bytes:
    return bytes([label, *(label + 1,) * 1024, *(label + 2,) * 1024, *(label + 3,) * 1024])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(FILES):
        (tmp_path / name).write_bytes(record(i) + record(9 - i))
    return tmp_path


def test_records(folder: Path, load: Load):
    dataset = load("cifar10", ".")
    train, test = dataset.train, dataset.test
    assert test is not None
    assert train["label"].tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5] and test["label"].tolist() == [5, 4]
    assert train["image"][1].reshape(3, -1).min(1).tolist() == [10, 11, 12]
    assert train["image"][1].reshape(3, -1).max(1).tolist() == [10, 11, 12]
    assert train["image"].flags.c_contiguous
    assert dataset.columns["label"].classes is not None and dataset.columns["label"].classes[6] == "frog"


def test_the_archives_folder_and_its_own_names(folder: Path, load: Load):
    below = folder / "cifar-10-batches-bin"
    below.mkdir()
    for name in FILES:
        (folder / name).rename(below / name)
    (below / "batches.meta.txt").write_text("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n")
    assert load("cifar10", ".").columns["label"].classes == tuple("abcdefghij")
    (below / "batches.meta.txt").write_text("a\nb\n")
    assert load("cifar10", ".").columns["label"].classes != ("a", "b")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(folder: Path, fail: Fail, name: str):
    (folder / name).unlink()
    error = fail("cifar10", ".")
    assert error.path == str(folder / name) and "cifar-10-binary.tar.gz" in (error.help or "")


@pytest.mark.parametrize(
    ("data", "message", "place"),
    [
        (b"", "the file is empty", None),
        (record(1) + record(2)[:-1], "cut short: 6145 bytes are no multiple of 3073", "record 1"),
        (record(1) + record(10), "label 10 is not one of 0..9", "record 1"),
    ],
)
def test_damaged_files(folder: Path, fail: Fail, data: bytes, message: str, place: str | None):
    (folder / FILES[2]).write_bytes(data)
    error = fail("cifar10", ".")
    assert message in error.message and (error.path, error.place) == (str(folder / FILES[2]), place)
