import os
import sys
from pathlib import Path

import numpy as np
import pytest

from netc.runtime.data import image_folder, lazy
from netc.runtime.data.batches import Batches
from netc.runtime.data.errors import DataError
from netc.runtime.data.sources import open_source

from .conftest import Fail, Load

Image = pytest.importorskip("PIL.Image")


def paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (6, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_one_folder_a_class(tmp_path: Path, load: Load):
    paint(tmp_path / "pets" / "dog" / "1.png", (1, 2, 3))
    paint(tmp_path / "pets" / "cat" / "2.PNG", (4, 5, 6), (3, 9))
    paint(tmp_path / "pets" / "cat" / "1.bmp", (7, 8, 9))
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "pets" / ".hidden").mkdir()
    dataset = load("images", "pets", size=[4, 5])
    assert dataset.columns["label"].classes == ("cat", "dog") and dataset.test is None
    assert dataset.train["image"].shape == (3, 3, 4, 5) and dataset.train["label"].tolist() == [0, 0, 1]
    assert dataset.train["image"][:, :, 2, 3].tolist() == [[7, 8, 9], [4, 5, 6], [1, 2, 3]]


def test_rows_and_channels_are_not_confused(tmp_path: Path, load: Load):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    (tmp_path / "a").mkdir()
    Image.fromarray(pixels).save(tmp_path / "a" / "1.png")
    assert (load("images", ".", size=[2, 3]).train["image"][0] == pixels.transpose(2, 0, 1)).all()
    assert load("images", ".", size=2, channels=1).train["image"].shape == (1, 1, 2, 2)
    assert (load("images", ".", size=2, channels=4).train["image"][0, 3] == 255).all()


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_of_16_bits_the_upper_8_are_taken(tmp_path: Path, load: Load, suffix: str):
    (tmp_path / "a").mkdir()
    values = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a" / f"1.{suffix}")
    assert load("images", ".", size=[2, 3], channels=1).train["image"][0, 0].tolist() == [
        [0, 0, 1], [128, 254, 255],
    ]  # fmt: skip
    call = {"folder": str(tmp_path), "size": [2, 3], "channels": 1, "suffixes": image_folder.SUFFIXES}
    written = image_folder.read_images(**call)["train"]["image"]
    np.testing.assert_array_equal(written, load("images", ".", size=[2, 3], channels=1).train["image"])


def test_split_folders(tmp_path: Path, load: Load, fail: Fail):
    for split in ("train", "valid", "test"):
        for name in "ab":
            paint(tmp_path / split / name / "1.png", (1, 2, 3))
    dataset = load("images", ".", 2)
    assert dataset.valid is not None and dataset.test is not None
    assert dataset.test["label"].tolist() == [0, 1]
    paint(tmp_path / "test" / "c" / "1.png", (1, 2, 3))
    error = fail("images", ".", 2)
    assert "this split has a folder c, unlike" in error.message and error.path == str(tmp_path / "test")


def test_empty_folders(tmp_path: Path, fail: Fail):
    assert "there are no sub-folders" in fail("images", ".", 2).message
    (tmp_path / "a").mkdir()
    error = fail("images", ".", 2)
    assert (error.message, error.path) == ("there are no pictures", str(tmp_path / "a"))
    error = fail("images", "nowhere", 2)
    assert "there is no such folder" in error.message and "a sub-folder of pictures" in (error.help or "")


@pytest.mark.parametrize("data", [b"", b"no picture", None])
def test_damaged_pictures(tmp_path: Path, fail: Fail, data: bytes | None):
    paint(tmp_path / "a" / "1.png", (1, 2, 3), (60, 60))
    paint(tmp_path / "a" / "2.png", (1, 2, 3), (60, 60))
    path = tmp_path / "a" / "2.png"
    path.write_bytes(path.read_bytes()[:60] if data is None else data)
    error = fail("images", ".", 2)
    assert error.message.startswith("the picture cannot be read") and error.path == str(path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs pipes, and names that are no text")
def test_what_is_no_picture_of_a_class(tmp_path: Path, fail: Fail):
    paint(tmp_path / "a" / "1.png", (1, 2, 3))
    os.mkfifo(tmp_path / "a" / "2.png")
    error = fail("images", ".", 2)
    assert (error.message, error.path) == ("this is no file", str(tmp_path / "a" / "2.png"))
    (tmp_path / "a" / "2.png").unlink()
    paint(tmp_path / os.fsdecode(b"\xff") / "1.png", (1, 2, 3))
    error = fail("images", ".", 2)
    assert error.message == "the name of a class is not UTF-8"


def test_without_pillow(tmp_path: Path, fail: Fail, monkeypatch: pytest.MonkeyPatch):
    paint(tmp_path / "a" / "1.png", (1, 2, 3))
    monkeypatch.setattr(image_folder, "find_spec", lambda name: None)
    error = fail("images", ".", 2)
    assert "needs Pillow" in error.message and error.help == "install it: pip install netc[images]"


def test_pictures_that_memory_does_not_hold(tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch):
    """They are decoded when their batch comes, in the order that they have in memory."""
    for i in range(23):
        paint(tmp_path / "ab"[i % 2] / f"{i:02}.png", (i, 2 * i, 3 * i))
    inside = open_source("images", [".", 3], {}, tmp_path).load()
    monkeypatch.setattr(lazy, "HELD_BYTES", 100)
    outside = open_source("images", [".", 3], {}, tmp_path).load()
    assert isinstance(outside.train["image"], image_folder.Pictures)
    for far, near in zip(Batches(outside.train, 5, 7), Batches(inside.train, 5, 7), strict=True):
        assert far.size == near.size
        assert all((far.columns[name] == near.columns[name]).all() for name in near.columns)
    path = tmp_path / "a" / "04.png"
    path.write_bytes(path.read_bytes()[:45])
    with pytest.raises(DataError, match="the picture cannot be read") as error:
        list(Batches(outside.train, 5, 7))
    assert error.value.path == str(path)
