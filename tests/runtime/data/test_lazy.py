import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netc.runtime.data import lazy
from netc.runtime.data.errors import DataError
from netc.runtime.data.lazy import FileArray, JoinedArray, SelectedArray, held, in_memory, runs

VALUES = np.arange(120, dtype=np.int16).reshape(20, 2, 3)


def stored(path: Path, values: np.ndarray, gap: int = 0, offset: int = 0) -> FileArray:
    rows = values.reshape(len(values), -1)
    with path.open("wb") as file:
        file.write(bytes(offset))
        for row in rows:
            file.write(row.tobytes() + bytes(gap))
    return FileArray(path, offset, values.dtype, values.shape, rows[0].nbytes + gap)


@pytest.mark.parametrize("gap", [0, 1, 7])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4", ">f8", "u1"])
def test_rows_of_a_file(tmp_path: Path, gap: int, dtype: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lazy, "BLOCK_BYTES", 50)  # several blocks
    values = VALUES.astype(dtype)
    array = stored(tmp_path / "a", values, gap, offset=5)
    assert array.dtype.isnative and array.shape == (20, 2, 3) and len(array) == 20 and array.ndim == 3
    assert (np.asarray(array) == values).all()
    assert (array[3] == values[3]).all() and (array[-1] == values[-1]).all()
    assert (array[4:11] == values[4:11]).all() and (array[::-3] == values[::-3]).all()
    assert (array[[7, 1, 2, 3, 7]] == values[[7, 1, 2, 3, 7]]).all()
    assert array[5:5].shape == (0, 2, 3)
    with pytest.raises(IndexError):
        array[20]


def test_joined_and_selected(tmp_path: Path):
    parts = [stored(tmp_path / str(i), VALUES[i : i + n]) for i, n in ((0, 7), (7, 1), (8, 12))]
    joined = JoinedArray(parts)
    assert (np.asarray(joined) == VALUES).all() and (joined[5:9] == VALUES[5:9]).all()
    rows = np.array([0, 1, 6, 7, 8, 19])
    for base in (joined, VALUES):
        selected = SelectedArray(base, rows)
        assert (np.asarray(selected) == VALUES[rows]).all() and (selected[2:4] == VALUES[[6, 7]]).all()
        assert (selected[[5, 0]] == VALUES[[19, 0]]).all()


@pytest.mark.parametrize("block", [12, 36, 120, 1 << 19])  # bytes; a row has 12
def test_rows_of_a_selection_and_what_is_foreseen(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
):
    """The system is told of each row that will be read, with gaps of less than a block between them."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda file, at, size, advice: asked.append((at, at + size)))
    monkeypatch.setattr(lazy, "BLOCK_BYTES", block)
    parts = [stored(tmp_path / str(i), VALUES[i : i + n], 1, 5) for i, n in ((0, 7), (7, 13))]
    rows = np.array([0, 1, 2, 4, 6, 7, 8, 15, 16, 19])
    selected = SelectedArray(JoinedArray(parts), rows)
    assert (np.asarray(selected) == VALUES[rows]).all() and (selected[3:8] == VALUES[rows[3:8]]).all()
    assert selected.foresee(2, 8) and not SelectedArray(VALUES, rows).foresee(2, 8)
    told = {byte for begin, end in asked for byte in range(begin, end)}
    for row in rows[2:8].tolist():
        begin = 5 + 13 * (row if row < 7 else row - 7)
        assert told >= set(range(begin, begin + 12))
    assert max(end - begin for begin, end in asked) <= max(block, 12)


def test_a_system_that_reads_at_no_place_and_foresees_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for missing in ("preadv", "posix_fadvise"):
        monkeypatch.delattr(os, missing, raising=False)
    array = stored(tmp_path / "a", VALUES)
    assert (array[::-3] == VALUES[::-3]).all() and not array.foresee(0, 20)


@given(st.lists(st.integers(0, 30)), st.one_of(st.none(), st.integers(1, 5)))
def test_runs(rows: list[int], most: int | None):
    found = list(runs(np.array(rows, np.int64), most))
    assert [row for _, begin, end in found for row in range(begin, end)] == rows
    assert all(rows[at] == begin and end - begin <= (most or 99) for at, begin, end in found)


def test_the_smallest_columns_are_held_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    large, small = stored(tmp_path / "a", VALUES), stored(tmp_path / "b", VALUES[:, 0, 0])
    monkeypatch.setattr(lazy, "HELD_BYTES", VALUES.nbytes)
    columns = held({"train": {"x": large, "y": small}})["train"]
    assert not in_memory(columns["x"]) and in_memory(columns["y"])
    assert (np.asarray(columns["y"]) == VALUES[:, 0, 0]).all()


def test_a_number_that_is_not_finite(tmp_path: Path):
    values = VALUES.astype(np.float32)
    values[13, 1, 2] = np.inf
    array = stored(tmp_path / "a", values)
    assert (array[:13] == values[:13]).all()
    with pytest.raises(DataError, match="inf is not a finite number") as error:
        array[10:15]
    assert (error.value.path, error.value.place) == (str(tmp_path / "a"), "index [13, 1, 2]")


def test_a_file_that_shrinks_while_it_is_used(tmp_path: Path):
    array = stored(tmp_path / "a", VALUES)
    with (tmp_path / "a").open("r+b") as file:
        file.truncate(12 * 12 + 5)
    assert (array[:12] == VALUES[:12]).all()
    with pytest.raises(DataError, match="cut short") as error:
        np.asarray(array)
    assert error.value.place == "sample 12"
