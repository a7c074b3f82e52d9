"""Splits, and the batches of an epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .lazy import SelectedArray, gather, in_memory, unselected
from .look_ahead import LookAhead, Stretch
from .rows import held_out, held_out_tail, order
from .source import DataError, Dataset, Split


class Batch(NamedTuple):
    columns: dict[str, np.ndarray]  # [size, …] each; valid until the next batch is asked for
    size: int
    rows: np.ndarray  # of the split, int64[size]


def split_valid(dataset: Dataset, valid: float | None, seed: int) -> Dataset:
    """Move samples of the training split to a validation split: a count of them, or a fraction below 1.

    The seed chooses them. Of a text it is the end, and windows that reach into it are dropped, so that
    no character is in both. Raises DataError if there is a validation split already, or one would be empty.
    """
    if valid is None:
        return dataset
    if dataset.valid is not None:
        raise DataError("the data set has a validation split of its own", help="leave valid = … out")
    n = length(dataset.train)
    if isinstance(valid, bool) or not valid > 0 or (valid >= 1 and valid % 1 != 0):
        raise DataError(f"valid should be a number of samples or a fraction, as in 10%, not {valid!r}")

    windows = [dataset.train[name] for name, column in dataset.columns.items() if column.sequence]
    if windows and isinstance(windows[0], np.ndarray):
        before, after = held_out_tail(windows[0], valid)
        train = {name: array[before] for name, array in dataset.train.items()}
        out = {name: array[after] for name, array in dataset.train.items()}
    else:
        kept, held = held_out(n, valid, seed)
        train = {name: SelectedArray(array, kept) for name, array in dataset.train.items()}
        out = {name: SelectedArray(array, held) for name, array in dataset.train.items()}
    if length(out) == 0:
        raise DataError(f"valid = {valid:g} of {n} training samples is none of them")
    if length(train) == 0:
        raise DataError(f"valid = {valid:g} of {n} training samples leaves none to train with")
    return replace(dataset, train=train, valid=out)


def length(split: Split) -> int:
    """The number of samples of a split. Raises ValueError unless all columns agree on it."""
    counts = {name: len(array) for name, array in split.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"the columns differ in length: {counts}")
    return next(iter(counts.values()))


class Batches:
    """The batches of a split, gathered into buffers that later batches overwrite.

    The last batch of an epoch may be smaller. Columns that memory does not hold are read by a thread that
    looks ahead, in an order that has rows from all over in every batch.
    """

    def __init__(
        self,
        split: Split,
        size: int,
        seed: int = 0,
        *,
        shuffle: bool = True,
        names: Iterable[str] | None = None,
    ) -> None:
        """names: the columns to gather, all of them unless given. Raises DataError if the split is empty."""
        if size < 1:
            raise ValueError(f"a batch of {size} samples")
        self.size = size
        self.samples = length(split)
        if self.samples == 0:
            raise DataError("the split has no samples")
        self._seed = seed
        self._shuffle = shuffle
        self._arrays = {name: split[name] for name in (split if names is None else names)}
        most = min(size, self.samples)
        self._buffers = {n: np.empty((most, *a.shape[1:]), a.dtype) for n, a in self._arrays.items()}
        held = all(map(in_memory, self._arrays.values()))
        self._ahead = None if held else LookAhead(self._arrays, self.samples, size, seed, shuffle)

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return -(-self.samples // self.size)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from index `start` on: to resume, give the number already done.

        Raises DataError at a batch that cannot be read.
        """
        if self._ahead is None:
            rows = self._order(number)[start * self.size :]
            yield from self._gathered(Stretch(self._arrays, rows, rows))
            return
        for stretch in self._ahead.stretches(number, start):
            yield from self._gathered(stretch)

    def stretches(self, number: int, start: int = 0) -> Iterator[Stretch]:
        """The samples of an epoch from batch `start` on, for programs that gather their batches themselves.

        All but the last have a multiple of the batch size. There are none where a column is not held row by
        row.
        """
        if self._ahead is not None:
            yield from self._ahead.stretches(number, start)
            return
        found = [unselected(array) for array in self._arrays.values()]
        places = [selected for _, selected in found]
        if any(base is None for base, _ in found) or any(other is not places[0] for other in places[1:]):
            return
        columns = {
            name: base for name, (base, _) in zip(self._arrays, found, strict=True) if base is not None
        }
        rows = self._order(number)[start * self.size :]
        yield Stretch(columns, rows if not places or places[0] is None else places[0][rows], rows)

    def _order(self, number: int) -> np.ndarray:
        return order(self.samples, self._seed, number) if self._shuffle else np.arange(self.samples)

    def _gathered(self, stretch: Stretch) -> Iterator[Batch]:
        for begin in range(0, len(stretch.rows), self.size):
            some = slice(begin, begin + self.size)
            rows = stretch.rows[some]
            batch = {name: buffer[: len(rows)] for name, buffer in self._buffers.items()}
            for name, out in batch.items():
                gather(stretch.columns[name], stretch.places[some], out)
            yield Batch(batch, len(rows), rows)
