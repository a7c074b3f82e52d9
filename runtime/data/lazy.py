"""Arrays whose rows are read when they are asked for: from a file, from several, by an index.

A data set of more than HELD_BYTES stays where it is; its rows pass through memory a window at a time
(look_ahead.py).
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from weakref import finalize

import numpy as np

from .errors import DataError

HELD_BYTES = 1 << 30  # the columns of a data set that memory holds, the smallest first
BLOCK_BYTES = 1 << 19  # read at once: enough that a disk's seeking does not count


PIECE_BYTES = 1 << 22  # unpacked at once


class Stream(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class LazyArray(ABC):
    """An array [n, …] of which rows are read: a[3], a[10:20], a[[7, 1]]; np.asarray(a) reads them all."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...], block: int = 1) -> None:
        """block: so many rows that stand together cost hardly more than one of them."""
        self.dtype = dtype
        self.shape = shape
        self.block = block

    @abstractmethod
    def read(self, begin: int, out: np.ndarray) -> None:
        """Read len(out) rows from `begin` on into out. Raises DataError."""

    def foresee(self, begin: int, end: int) -> bool:
        """Tell the system that these rows will be read soon, so that it fetches them meanwhile.

        Gives whether it can be told; otherwise only reading fetches them.
        """
        return False

    def take(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Read these rows, in their order, into out. Raises DataError."""
        for at, begin, end in runs(rows):
            self.read(begin, out[at : at + end - begin])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        if isinstance(key, slice):
            rows = np.arange(*key.indices(len(self)))
        else:
            given = np.asarray(key)
            rows = (
                np.flatnonzero(given)
                if given.dtype == np.bool_
                else np.where(given < 0, given + len(self), given)
            )
            if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
                raise IndexError(f"row {key} of {len(self)}")
        out = np.empty((rows.size, *self.shape[1:]), self.dtype)
        self.take(rows.reshape(-1), out)
        return out if rows.ndim else out[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        out = np.empty(self.shape, self.dtype)
        self.read(0, out)
        return out if dtype is None else out.astype(dtype)


Array = np.ndarray | LazyArray


class FileArray(LazyArray):
    """Rows of numbers in a file, `stride` bytes from one to the next."""

    def __init__(
        self,
        path: Path,
        offset: int,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        stride: int | None = None,
        name: str = "",
    ) -> None:
        """dtype: as in the file; rows come in the machine's byte order. name: for errors. Raises OSError."""
        self._row = int(np.prod(shape[1:])) * dtype.itemsize
        self._stride = self._row if stride is None else stride
        super().__init__(dtype.newbyteorder("="), shape, max(1, BLOCK_BYTES // max(1, self._stride)))
        self._path, self._offset, self._stored, self._name = path, offset, dtype, name
        self._file = path.open("rb", buffering=0)
        finalize(self, self._file.close)
        self._lock = Lock()  # the place in the file is shared by the threads that read

    def read(self, begin: int, out: np.ndarray) -> None:
        direct = self._stride == self._row and self._stored.isnative and out.flags.c_contiguous
        for at in range(0, len(out), self.block):
            rows = out[at : at + self.block]
            if direct:
                self._fill(begin + at, rows.reshape(-1).view(np.uint8))
            else:
                self._convert(begin + at, rows)
            check_sound(rows, self._path, self._name, begin + at)

    def foresee(self, begin: int, end: int) -> bool:
        if not hasattr(os, "posix_fadvise"):
            return False
        for at in range(begin, end, self.block):  # of a longer stretch the system would fetch the beginning
            length = (min(self.block, end - at) - 1) * self._stride + self._row
            place = self._offset + at * self._stride
            os.posix_fadvise(self._file.fileno(), place, length, os.POSIX_FADV_WILLNEED)
        return True

    def _convert(self, begin: int, rows: np.ndarray) -> None:
        raw = np.empty((len(rows) - 1) * self._stride + self._row, np.uint8)
        self._fill(begin, raw)
        inner = np.empty(self.shape[1:], self._stored).strides
        rows[...] = np.ndarray(rows.shape, self._stored, raw, strides=(self._stride, *inner))

    def _fill(self, begin: int, out: np.ndarray) -> None:
        start = self._offset + begin * self._stride
        if hasattr(os, "preadv"):  # several threads at once
            missing = fill(_Place(self._file.fileno(), start), out)
        else:
            with self._lock:
                self._file.seek(start)
                missing = fill(self._file, out)
        if missing:
            number = begin + (out.nbytes - missing) // self._stride
            place = ", ".join(part for part in (self._name, f"sample {number}") if part)
            raise DataError("the file is cut short", self._path, place)


class JoinedArray(LazyArray):
    """The rows of several arrays, one after the other."""

    def __init__(self, parts: Sequence[LazyArray]) -> None:
        first = parts[0]
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        super().__init__(first.dtype, (int(self._ends[-1]), *first.shape[1:]), first.block)

    def read(self, begin: int, out: np.ndarray) -> None:
        done = 0
        for part, first, last in self._within(begin, begin + len(out)):
            part.read(first, out[done : done + last - first])
            done += last - first

    def foresee(self, begin: int, end: int) -> bool:
        return all(part.foresee(first, last) for part, first, last in self._within(begin, end))

    def _within(self, begin: int, end: int) -> Iterator[tuple[LazyArray, int, int]]:
        """The parts that these rows lie in, and which rows of each they are."""
        while begin < end:
            number = int(np.searchsorted(self._ends, begin, "right"))
            part, stop = self._parts[number], min(end, int(self._ends[number]))
            start = int(self._ends[number]) - len(part)
            yield part, begin - start, stop - start
            begin = stop


class SelectedArray(LazyArray):
    """Rows of another array, by their numbers there."""

    def __init__(self, base: Array, rows: np.ndarray) -> None:
        """rows: ascending, where the array is not in memory."""
        super().__init__(base.dtype, (len(rows), *base.shape[1:]), getattr(base, "block", 1))
        self.base, self.rows = base, rows

    def read(self, begin: int, out: np.ndarray) -> None:
        if not isinstance(self.base, LazyArray):
            gather(self.base, self.rows[begin : begin + len(out)], out)
            return
        done = 0
        for rows in self._neighbours(begin, begin + len(out)):
            first, end, found = int(rows[0]), int(rows[-1]) + 1, out[done : done + len(rows)]
            if end - first == len(rows):
                self.base.read(first, found)
            else:
                np.take(self.base[first:end], rows - first, axis=0, out=found, mode="clip")
            done += len(rows)

    def foresee(self, begin: int, end: int) -> bool:
        base = self.base
        return isinstance(base, LazyArray) and all(
            base.foresee(int(rows[0]), int(rows[-1]) + 1) for rows in self._neighbours(begin, end)
        )

    def take(self, rows: np.ndarray, out: np.ndarray) -> None:
        gather(self.base, self.rows[rows], out)

    def _neighbours(self, begin: int, end: int) -> Iterator[np.ndarray]:
        """The rows of the base, as many at a time as lie in one block, which is best read at once."""
        while begin < end:
            stop = min(end, int(np.searchsorted(self.rows, self.rows[begin] + self.block)))
            yield self.rows[begin:stop]
            begin = stop


def fill(file: Stream, out: np.ndarray) -> int:
    """Read the bytes of a contiguous array from a stream; gives how many of them were missing."""
    rest = out.reshape(-1, order="A").view(np.uint8).data
    while rest and (count := file.readinto(rest[:PIECE_BYTES])):
        rest = rest[count:]
    return len(rest)


@dataclass(slots=True)
class _Place:
    """A place in an open file, from which on it is read."""

    file: int
    at: int

    def readinto(self, buffer: memoryview, /) -> int:
        count = os.preadv(self.file, [buffer], self.at)
        self.at += count
        return count


def in_memory(array: Array) -> bool:
    """Whether any row of an array is to be had at once."""
    return in_memory(array.base) if isinstance(array, SelectedArray) else isinstance(array, np.ndarray)


def unselected(array: Array) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The array in memory whose rows these are, each without gaps, and which they are.

    The first is None if there is no such array, the second for all rows.
    """
    if isinstance(array, SelectedArray):
        base, rows = unselected(array.base)
        return base, array.rows if rows is None else rows[array.rows]
    if isinstance(array, LazyArray) or not len(array):
        return None, None
    whole = array[0].flags.c_contiguous and array.strides[0] % array.itemsize == 0
    return (array if whole else None), None


def gather(array: Array, rows: np.ndarray, out: np.ndarray) -> None:
    """Put these rows of an array into out. Raises DataError where they cannot be read."""
    if isinstance(array, LazyArray):
        array.take(rows, out)
    elif array.flags.c_contiguous:
        # The default mode, "raise", would gather into a temporary array first; no row is out of range here.
        np.take(array, rows, axis=0, out=out, mode="clip")
    else:
        # take() would first copy all of the array, which for the windows of a text is many times the text.
        for i, row in enumerate(rows):
            out[i] = array[row]


def runs(rows: np.ndarray, most: int | None = None) -> Iterator[tuple[int, int, int]]:
    """The stretches of rows that follow each other, of at most `most`: place, first row, end."""
    starts = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    for start, stop in pairwise(starts):
        step = max(1, stop - start) if most is None else most
        for at in range(start, stop, step):
            begin = int(rows[at])
            yield at, begin, begin + min(step, stop - at)


def parts(array: Array) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of an array, some at a time, each part with the number of its first row."""
    rows = max(1, BLOCK_BYTES // max(1, array.nbytes // max(1, len(array))))
    for begin in range(0, len(array), rows):
        yield begin, array[begin : begin + rows]


def held(splits: Mapping[str, Mapping[str, Array]]) -> dict[str, dict[str, Array]]:
    """The same, as many columns in memory as HELD_BYTES allows. Raises DataError where one cannot be read."""
    sizes = sorted(
        (array.nbytes, split, name) for split, arrays in splits.items() for name, array in arrays.items()
    )
    found: dict[str, dict[str, Array]] = {split: dict(arrays) for split, arrays in splits.items()}
    total = 0
    for size, split, name in sizes:
        total += size
        array = found[split][name]
        if total <= HELD_BYTES and not in_memory(array):
            found[split][name] = np.asarray(array)
    return found


def check_sound(rows: np.ndarray, path: Path | str | None, name: str, first: int = 0) -> None:
    """Raise DataError, with the place, at a number that is not finite or a truth value that is none.

    rows: those from `first` on.
    """
    if rows.dtype.kind == "f":
        wrong = ~np.isfinite(rows)
    elif rows.dtype.kind == "b":
        wrong = rows.view(np.uint8) > 1
    else:
        return
    if wrong.any():
        inner = [int(i) for i in np.argwhere(wrong)[0]]
        value = rows.view(np.uint8)[tuple(inner)] if rows.dtype.kind == "b" else rows[tuple(inner)]
        kind = "neither true nor false" if rows.dtype.kind == "b" else "not a finite number"
        place = ", ".join(part for part in (name, f"index {[first + inner[0], *inner[1:]]}") if part)
        raise DataError(f"{value} is {kind}", path, place)
