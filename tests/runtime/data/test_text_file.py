from pathlib import Path

import numpy as np
import pytest

from .conftest import Fail, Load


def words(dataset_column: np.ndarray, classes: tuple[str, ...] | None) -> list[str]:
    assert classes is not None
    return ["".join(classes[token] for token in window) for window in dataset_column]


def test_windows(tmp_path: Path, load: Load):
    (tmp_path / "a.txt").write_text("the cat sat on\nthe mat")
    dataset = load("text", "a.txt", test=0.3, length=3)
    column = dataset.columns["chars"]
    assert dataset.test is not None and column.sequence
    assert column.classes == tuple("\n acehmnost")
    assert words(dataset.train["chars"], column.classes) == ["the ", " cat", "t sa", "at o"]
    assert words(dataset.test["chars"], column.classes) == ["the ", " mat"]


def test_a_stride_of_one_takes_every_window_to_train_with(tmp_path: Path, load: Load):
    (tmp_path / "a.txt").write_text("abcdefghij")
    dataset = load("text", "a.txt", test=0.4, stride=1, length=2)
    assert dataset.test is not None
    assert words(dataset.train["chars"], dataset.columns["chars"].classes) == ["abc", "bcd", "cde", "def"]
    assert words(dataset.test["chars"], dataset.columns["chars"].classes) == ["ghi"]


def test_windows_share_the_memory_of_the_text(tmp_path: Path, load: Load):
    (tmp_path / "a.txt").write_text("ab" * 5000)
    windows = load("text", "a.txt", test=0, stride=1, length=1000).train["chars"]
    assert windows.shape == (9000, 1001) and windows.strides == (1, 1)


def test_no_test_split(tmp_path: Path, load: Load):
    (tmp_path / "a.txt").write_text("abc")
    assert load("text", "a.txt", test=0, length=2).test is None


def test_line_ends_and_a_byte_order_mark_are_no_characters(tmp_path: Path, load: Load):
    (tmp_path / "a.txt").write_bytes("\ufeffa\r\nb\rc".encode())
    dataset = load("text", "a.txt", test=0, length=4)
    assert words(dataset.train["chars"], dataset.columns["chars"].classes) == ["a\nb\nc"]


def test_large_vocabularies(tmp_path: Path, load: Load):
    text = "".join(chr(0x4E00 + i) for i in range(300)) + "\U0001f40d"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    dataset = load("text", "a.txt", test=0, length=300)
    assert dataset.columns["chars"].dtype == np.uint16
    assert words(dataset.train["chars"], dataset.columns["chars"].classes) == [text]


@pytest.mark.parametrize(
    ("data", "message", "place"),
    [
        (b"", "the file is empty", None),
        (b"abc", "3 characters to train with are too few for a sequence of 4", None),
        (b"abcdefghi", "1 characters to test with are too few for a sequence of 4", None),
        (b"ab\ncd\xff", "the text is not UTF-8", "line 2, byte 5"),
    ],
)
def test_wrong_texts(tmp_path: Path, fail: Fail, data: bytes, message: str, place: str | None):
    (tmp_path / "a.txt").write_bytes(data)
    error = fail("text", "a.txt", length=4)
    assert message in error.message and (error.path, error.place) == (str(tmp_path / "a.txt"), place)


def test_no_length(tmp_path: Path, fail: Fail):
    (tmp_path / "a.txt").write_text("abc")
    assert "the length of a sequence is not known" in fail("text", "a.txt").message
