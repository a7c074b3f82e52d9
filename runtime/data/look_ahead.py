"""The batches of data that memory does not hold: threads read them, a window of rows at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from .lazy import Array, LazyArray, SelectedArray, in_memory, runs
from .rows import numbers, order

WINDOW_BYTES = 1 << 26  # of rows that are mixed with each other; memory holds one or two windows
CACHED = 2e9  # bytes a second: so fast is nothing read but the system's cache
Buffers = dict[str, np.ndarray]
Job = Callable[[], object]


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


class Pieces(NamedTuple):
    """What is read for a window: rows[i] of the split will stand at places[i] of the buffers.

    stored: (place, begin, end), the rows of the arrays that will stand there, one stretch after the other.
    size: of all of them, with those between that are not of the split.
    """

    rows: np.ndarray
    places: np.ndarray
    stored: list[tuple[int, int, int]]
    size: int


Window = tuple[Pieces, Buffers]


class LookAhead:
    """Windows of samples. The results depend on the plan alone, not on the threads.

    Where the system can be told what will be read, it looks ahead, and two threads copy a window when its
    turn has come: one that copied while native code runs on every core would hold up all of them at each of
    their barriers. Elsewhere (pictures must be decoded) a thread reads the next window meanwhile.
    """

    def __init__(
        self, arrays: Mapping[str, Array], samples: int, size: int, seed: int, shuffle: bool
    ) -> None:
        self._arrays, self._chosen = _stored(arrays)
        self._slow = [a for a in self._arrays.values() if isinstance(a, LazyArray) and not in_memory(a)]
        self._samples, self._size = samples, size
        self._seed, self._shuffle = seed, shuffle
        self._block = min(array.block for array in self._slow)
        self._row = sum(array.nbytes // max(1, len(array)) for array in arrays.values())
        # Where rows are read one by one, or in sequence, a larger window would only begin later.
        room = WINDOW_BYTES if shuffle and self._block > 1 else WINDOW_BYTES >> 4
        self._window = size * max(1, room // max(1, self._row * size))
        if self._block == 1:
            self._window = min(self._window, size * 4)
        self._foreseen = all(array.foresee(0, 1) for array in self._slow)
        self._fetched = False  # some of it came from a disk, not from the system's cache
        self._buffers: tuple[Buffers, ...] = ({},) if self._foreseen else ({}, {})

    def stretches(self, number: int, start: int) -> Iterator[Stretch]:
        """The windows of an epoch, from batch `start` on. Raises DataError where reading fails."""
        plan = Plan(self._samples, self._block, self._window, self._seed, number, self._shuffle)
        first, skipped = divmod(start * self._size, self._window)
        if first >= plan.windows:
            return
        with ThreadPoolExecutor(1, "look-ahead") as thread:
            windows = (self._foreseeing if self._foreseen else self._ahead)(plan, first, thread)
            for window, (read, columns) in enumerate(windows, first):
                order = plan.places(window)[skipped:]
                yield Stretch(columns, read.places[order], read.rows[order])
                skipped = 0

    def _foreseeing(self, plan: Plan, first: int, thread: Executor) -> Iterator[Window]:
        (buffers,) = self._buffers
        following = self._pieces(plan.rows(first))
        for window in range(first, plan.windows):
            pieces, jobs = following, list[Job]()
            if window + 1 < plan.windows:
                following = self._pieces(plan.rows(window + 1))
                if self._fetched:
                    soon = [(begin, end) for _, begin, end in following.stored]
                    jobs += [partial(array.foresee, *piece) for array in self._slow for piece in soon]
            jobs += self._reading(pieces, buffers)
            began = perf_counter()
            half = thread.submit(_do, jobs[1::2])
            _do(jobs[::2])
            half.result()
            self._fetched |= pieces.size * self._row < CACHED * (perf_counter() - began)
            yield pieces, buffers

    def _ahead(self, plan: Plan, first: int, thread: Executor) -> Iterator[Window]:
        def read(window: int) -> Window:
            pieces, buffers = self._pieces(plan.rows(window)), self._buffers[window % 2]
            _do(self._reading(pieces, buffers))
            return pieces, buffers

        ahead = thread.submit(read, first)
        for window in range(first, plan.windows):
            found = ahead.result()
            if window + 1 < plan.windows:
                # Nobody uses the other buffers any more: what they held has been trained with.
                ahead = thread.submit(read, window + 1)
            yield found

    def _pieces(self, rows: np.ndarray) -> Pieces:
        if self._chosen is None:
            return Pieces(rows, np.arange(len(rows)), list(runs(rows, self._block)), len(rows))
        places, stored, size = np.empty_like(rows), list[tuple[int, int, int]](), 0
        for at, begin, end in runs(rows, self._block):
            chosen = self._chosen[begin:end]
            first, last = int(chosen[0]), int(chosen[-1])
            places[at : at + end - begin] = chosen + (size - first)
            stored.append((size, first, last + 1))
            size += last + 1 - first
        return Pieces(rows, places, stored, size)

    def _reading(self, pieces: Pieces, buffers: Buffers) -> list[Job]:
        """What reads the pieces, as they stand in the file.

        They are mixed where batches are gathered: here it would be a second copy.
        """
        jobs: list[Job] = []
        for name, array in self._arrays.items():
            if len(buffers.get(name, ())) < pieces.size:
                room = pieces.size * 17 // 16  # another window may have a few more rows between its own
                buffers[name] = np.empty((room, *array.shape[1:]), array.dtype)
            out = buffers[name]
            for at, begin, end in pieces.stored:
                part = out[at : at + end - begin]
                read = array.read if isinstance(array, LazyArray) else partial(_copy, array)
                jobs.append(partial(read, begin, part))
        return jobs


def _stored(arrays: Mapping[str, Array]) -> tuple[Mapping[str, Array], np.ndarray | None]:
    """The arrays that these are rows of, and which rows, if it is best to read all and leave some unused."""
    bases: dict[str, Array] = {}
    chosen: np.ndarray | None = None
    for name, array in arrays.items():
        if not isinstance(array, SelectedArray) or (array.block == 1 and not in_memory(array)):
            return arrays, None
        if (chosen is not None and array.rows is not chosen) or 2 * len(array.rows) < len(array.base):
            return arrays, None
        bases[name], chosen = array.base, array.rows
    return bases, chosen


def _copy(array: np.ndarray, begin: int, out: np.ndarray) -> None:
    out[...] = array[begin : begin + len(out)]


def _do(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job()
