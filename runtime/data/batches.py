"""Splits, and the batches of an epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .lazy import SelectedArray, gather, in_memory, unselected
from .look_ahead import LookAhead
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


class Whole(NamedTuple):
    """An epoch whose columns are in memory: sample after sample, rows places[i] of the columns.

    rows: the samples' numbers in the split; int64[samples] both.
    """

    columns: dict[str, np.ndarray]
    places: np.ndarray
    rows: np.ndarray


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
        self._ahead = None
        if all(map(in_memory, self._arrays.values())):
            rows = min(size, self.samples)
            self._buffers = {n: np.empty((rows, *a.shape[1:]), a.dtype) for n, a in self._arrays.items()}
        else:
            self._ahead = LookAhead(self._arrays, self.samples, size, seed, shuffle)

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
            return self._gathered(number, start)
        return (Batch(columns, len(rows), rows) for columns, rows in self._ahead.epoch(number, start))

    def whole(self, number: int) -> Whole | None:
        """All of an epoch, for programs that gather their batches themselves; None where memory does not hold
        its columns, row by row.
        """
        if self._ahead is not None:
            return None
        rows = order(self.samples, self._seed, number) if self._shuffle else np.arange(self.samples)
        found = [unselected(array) for array in self._arrays.values()]
        if any(base is None for base, _ in found):
            return None
        places = [selected for _, selected in found]
        if any(other is not places[0] for other in places[1:]):
            return None
        columns = {
            name: base for name, (base, _) in zip(self._arrays, found, strict=True) if base is not None
        }
        return Whole(columns, rows if not places or places[0] is None else places[0][rows], rows)

    def _gathered(self, number: int, start: int) -> Iterator[Batch]:
        shuffled = order(self.samples, self._seed, number) if self._shuffle else None
        for begin in range(start * self.size, self.samples, self.size):
            end = min(begin + self.size, self.samples)
            batch = {name: buffer[: end - begin] for name, buffer in self._buffers.items()}
            rows = np.arange(begin, end) if shuffled is None else shuffled[begin:end]
            for name, array in self._arrays.items():
                if shuffled is None:
                    np.copyto(batch[name], array[begin:end])
                else:
                    gather(array, rows, batch[name])
            yield Batch(batch, end - begin, rows)
