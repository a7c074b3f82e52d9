"""The batches of data that memory does not hold: a thread reads them, a window of rows ahead."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .lazy import Array, LazyArray, gather, in_memory, runs
from .rows import numbers, order

WINDOW_BYTES = 1 << 26  # of rows that are mixed with each other; memory holds two windows
Buffers = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Plan:
    """An epoch's order that reads rows which stand together at once.

    The blocks come in the order of the seed; windows are cut from their sequence, their rows mixed.
    With blocks of one row that is the order of data in memory.
    """

    samples: int
    block: int  # rows
    window: int  # rows, a multiple of the batch
    seed: int
    epoch: int
    shuffle: bool
    _blocks: np.ndarray = field(init=False)
    _ends: np.ndarray = field(init=False)  # of the blocks, in their sequence

    def __post_init__(self) -> None:
        count = -(-self.samples // self.block)
        blocks = order(count, self.seed, self.epoch) if self.shuffle else np.arange(count)
        object.__setattr__(self, "_blocks", blocks)
        sizes = np.minimum(self.block, self.samples - blocks * self.block)
        object.__setattr__(self, "_ends", np.cumsum(sizes))

    @property
    def windows(self) -> int:
        return -(-self.samples // self.window)

    def rows(self, number: int) -> np.ndarray:
        """The rows of a window, as they are read: int64[n]."""
        low = number * self.window
        high = min(low + self.window, self.samples)
        first, last = np.searchsorted(self._ends, [low, high - 1], "right")
        blocks = self._blocks[first : last + 1]
        stretches = [
            np.arange(b * self.block, min((b + 1) * self.block, self.samples)) for b in blocks.tolist()
        ]
        found = np.concatenate(stretches)
        skipped = low - (int(self._ends[first]) - len(stretches[0]))
        return found[skipped : skipped + high - low]

    def places(self, number: int) -> np.ndarray:
        """In which order the samples are taken from these rows: int64[n]."""
        rows = min(self.window, self.samples - number * self.window)
        if not self.shuffle or self.block == 1:
            return np.arange(rows)
        return numbers(self.seed, f"window {number}", self.epoch).permutation(rows)


class Stretch(NamedTuple):
    """Samples in the order in which they are trained with: sample i is row places[i] of the columns.

    rows: the samples' numbers in the split; int64[n] both. Valid until the next one is asked for.
    """

    columns: Mapping[str, Array]
    places: np.ndarray
    rows: np.ndarray


class LookAhead:
    """Windows of samples. The results depend on the plan alone, not on the thread."""

    def __init__(
        self, arrays: Mapping[str, Array], samples: int, size: int, seed: int, shuffle: bool
    ) -> None:
        slow = [a for a in arrays.values() if isinstance(a, LazyArray) and not in_memory(a)]
        self._arrays, self._samples, self._size = arrays, samples, size
        self._seed, self._shuffle = seed, shuffle
        self._block = min(array.block for array in slow)
        row = sum(array.nbytes // max(1, len(array)) for array in arrays.values())
        # Where rows are read one by one, or in sequence, a larger window would only begin later.
        room = WINDOW_BYTES if shuffle and self._block > 1 else WINDOW_BYTES >> 4
        self._window = size * max(1, room // max(1, row * size))
        if self._block == 1:
            self._window = min(self._window, size * 4)
        self._buffers: tuple[Buffers, Buffers] | None = None

    def stretches(self, number: int, start: int) -> Iterator[Stretch]:
        """The windows of an epoch, from batch `start` on. Raises DataError where reading fails."""
        plan = Plan(self._samples, self._block, self._window, self._seed, number, self._shuffle)
        buffers = self._buffers = self._buffers or (self._new(), self._new())
        first, skipped = divmod(start * self._size, self._window)
        if first >= plan.windows:
            return
        with ThreadPoolExecutor(1, "look-ahead") as thread:
            ahead = thread.submit(self._fill, plan, first, buffers[first % 2])
            for window in range(first, plan.windows):
                rows, places = ahead.result()
                if window + 1 < plan.windows:
                    # Nobody uses the other buffers any more: what they held has been trained with.
                    ahead = thread.submit(self._fill, plan, window + 1, buffers[(window + 1) % 2])
                taken = places[skipped:]
                yield Stretch(buffers[window % 2], taken, rows[taken])
                skipped = 0

    def _new(self) -> Buffers:
        rows = min(self._window, self._samples)
        return {name: np.empty((rows, *a.shape[1:]), a.dtype) for name, a in self._arrays.items()}

    def _fill(self, plan: Plan, number: int, buffers: Buffers) -> tuple[np.ndarray, np.ndarray]:
        """Read a window, as it stands in the file; gives its rows and their order.

        They are mixed where batches are gathered: here it would hold Python's lock, and be a second copy.
        """
        rows = plan.rows(number)
        for name, array in self._arrays.items():
            out = buffers[name]
            if isinstance(array, LazyArray) and not in_memory(array) and plan.block > 1:
                for at, begin, end in runs(rows, plan.block):
                    array.read(begin, out[at : at + end - begin])
            else:
                gather(array, rows, out[: len(rows)])
        return rows, plan.places(number)
