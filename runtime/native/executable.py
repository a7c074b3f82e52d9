"""Runs a native program over the arrays of a model's parameters and states."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ...compiler.emit.kernels import KERNELS
from ...compiler.emit.native import Host, NativeProgram, Place, Step
from ...compiler.emit.native.sharing import room
from ...compiler.emit.native.sync import CONTEXT_WORDS
from ...grammar.store import Store
from ..device import Device
from ..program import Executable
from .adapt import AdaptiveThreads
from .cores import usable_cores
from .jit import load
from .threads import aligned, team


class NativeExecutable(Executable):
    """A native program on the CPU, run by as many threads as are worth it."""

    def __init__(self, program: NativeProgram, device: Device, variables: Mapping[str, Any]) -> None:
        super().__init__(program, device, variables)
        self.program = program
        names = [s for s in (*program.once, *program.steps) if isinstance(s, str)]
        names += ["epoch"] if program.repeats else []
        self._code = load(program.text, Store("native"), tuple(names))
        self._addresses = {name: self._code.address(name) for name in names}
        self._hosts: dict[int, Callable[..., None]] = {}
        self._words = aligned(CONTEXT_WORDS + len(program.words) + 1)  # the last one is for what is not read
        self._context = _address(self._words)
        self._at = {word: CONTEXT_WORDS + i for i, word in enumerate(program.words)}
        self._counters = [
            (name, self._words[at : at + 1].view(dtype), dtype == "uint64")
            for word, at in self._at.items()
            for name, colon, dtype in [word.partition(":")]
            if colon
        ]
        self._fixed = aligned(program.fixed_bytes // 8 + 8)
        self._arena: Any = None
        self._results: list[np.ndarray] = []
        wanted = device.threads
        most = wanted or usable_cores()
        self._policy = AdaptiveThreads(most, wanted or 1)
        self._claims = aligned(room(most))
        self._set("fixed", self._fixed.ctypes.data)
        self._set("claims", self._claims.ctypes.data)
        for name, array in self._variables.items():
            self._set(f"variable {name}", array.ctypes.data)
        self._places = np.arange(program.n)
        self._fed_at = [
            (self._at.get(f"fed {feed.name}", -1), self._at.get(f"stride {feed.name}", -1))
            for feed in program.feeds
        ]
        self._bind()
        self._do(program.once, {}, 1)

    def _values(self, arrays: Sequence[Any], counters: dict[str, Any], rows: Any) -> Sequence[Any]:
        numbers = self._places if rows is None else np.ascontiguousarray(rows, np.int64)
        self._feed(arrays, self._places, numbers, counters)
        threads = self._policy.threads
        begun = time.perf_counter()
        self._do(self.program.steps, {**counters, "rows": numbers}, threads)
        self._policy.took(time.perf_counter() - begun)
        return self._results

    @property
    def repeating(self) -> NativeExecutable | None:
        return self if self.program.repeats else None

    def epoch(
        self,
        arrays: Mapping[str, Any],
        places: np.ndarray,
        rows: np.ndarray,
        count: int,
        counters: dict[str, Any],
    ) -> np.ndarray:
        """Make `count` steps, on one batch after another; gives float64[steps, results].

        arrays: whole columns, [samples, …], rows without gaps. places: which of their rows, and rows: the
        samples' numbers, int64[count · n] both. Ends after a step with a result that is not finite.
        """
        program = self.program
        assert program.repeats
        log = np.empty((count, len(program.results)))
        self._feed([arrays[feed.name] for feed in program.feeds], places, rows, counters)
        self._set("log", log.ctypes.data)
        self._set("count", count)
        self._set("done", 0)
        threads = self._policy.threads
        begun = time.perf_counter()
        team().run(self._addresses["epoch"], self._context, threads)
        done = int(self._words[self._at["done"]])
        self._policy.took(time.perf_counter() - begun, done)
        return log[:done]

    def _feed(
        self, arrays: Sequence[Any], places: np.ndarray, rows: np.ndarray, counters: Mapping[str, Any]
    ) -> None:
        """Tell the program where its batch lies. The arrays must live as long as it runs."""
        self._bind()
        for (begin, stride), array in zip(self._fed_at, arrays, strict=True):
            self._words[begin] = _address(array)
            self._words[stride] = array.strides[0] // array.itemsize if array.ndim else 0
        there = _address(places)
        self._set("places", there)
        self._set("rows", there if rows is places else _address(rows))
        for name, word, unsigned in self._counters:
            word[0] = counters[name] % 2**64 if unsigned else counters[name]

    def _bind(self) -> None:
        """Take the arena that the device has now."""
        arena = self.device.reserve(self.program.arena_bytes)
        if arena is not self._arena:
            self._arena = arena
            self._set("arena", arena.ctypes.data)
            self._results = [self._view(place) for place in self.program.returned]

    def point(self, word: str, array: np.ndarray) -> None:
        """Let a word of the context point to an array, which must live as long as the program runs."""
        self._set(word, array.ctypes.data)

    def _set(self, word: str, value: int) -> None:
        if word in self._at:
            self._words[self._at[word]] = value

    def _do(self, steps: Sequence[Step], counters: Mapping[str, Any], threads: int) -> None:
        for step in steps:
            if isinstance(step, str):
                team().run(self._addresses[step], self._context, threads)
            else:
                self._host(step, counters)

    def _host(self, step: Host, counters: Mapping[str, Any]) -> None:
        """Let NumPy do an operation. Padding samples take the values of the last sample."""
        if step.node.id not in self._hosts:
            self._hosts[step.node.id] = _function(step.source)
        out = self._view(step.out)
        work = np.empty(step.work_bytes, np.uint8)
        operands = [self._view(place) for place in step.operands]
        written = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        with np.errstate(all="ignore"):
            self._hosts[step.node.id](written, *operands, work, *(counters[name] for name in step.counters))
        if written is not out:
            out[...] = written
        whole = self._whole(step.out)
        for axis, (size, padded) in enumerate(zip(step.out.shape, step.out.padded, strict=True)):
            if padded > size:
                moved = np.moveaxis(whole, axis, 0)
                moved[size:] = moved[size - 1]

    def _whole(self, place: Place) -> np.ndarray:
        memory = self._fixed.view(np.uint8) if place.fixed else self._arena
        size = int(np.prod(place.padded, dtype=np.int64)) * np.dtype(place.dtype).itemsize
        return memory[place.offset : place.offset + size].view(place.dtype).reshape(place.padded)

    def _view(self, place: Place) -> np.ndarray:
        # With ... it is an array, even where it has no axes.
        return self._whole(place)[(*(slice(0, size) for size in place.shape), ...)]


def _address(array: np.ndarray) -> int:
    """Where an array begins. A buffer is the quickest to say so, but must be one that can be written."""
    if array.flags.writeable and array.flags.c_contiguous and array.size:
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    return array.ctypes.data


@cache
def _function(source: str) -> Callable[..., None]:
    namespace: dict[str, Any] = {"np": np, **KERNELS}
    exec(source, namespace)
    return namespace["host"]
