"""The threads that run a native function together."""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from time import perf_counter

import numpy as np

from ...compiler.emit.native.sync import MAILBOX_WORDS
from ...compiler.emit.native.sync import team as team_text
from ...grammar.store import Store
from .jit import host, load

# A worker looks for work for about as long as it takes to wake one: then that costs at most twice what would
# have been best, whenever the next call comes.
AWAKE = 50e-6  # seconds

MOST = 64  # threads; with more, waiting for one another would take longer than the work


class Team:
    """Runs native functions on several threads: the caller's, and workers that start when first wanted.

    A worker stays awake for a moment after its work and then sleeps. The workers end with the interpreter.
    """

    def __init__(self) -> None:
        self._code = load(team_text(host().isa), Store("native"), ("start", "look", "work", "run", "stop"))
        self._work = _native(self._code.address("work"), 3)
        self._run = _native(self._code.address("run"), 4)
        self._stop = _native(self._code.address("stop"), 2)
        self._patience = int(AWAKE / _look_seconds(_native(self._code.address("look"), 1)))
        self._begin()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def run(self, function: int, context: int, threads: int) -> None:
        """Run f(context, thread, threads) on each of the threads at the same time, and wait for all.

        function: its address; context: the address of its memory, of which the first CONTEXT_WORDS 64-bit
        words are for the threads. Callers on several threads take turns.
        """
        if not 1 <= threads <= MOST:
            raise ValueError(f"{threads} threads are asked for; there can be 1 to {MOST}")
        with self._turn:
            while len(self._workers) < threads - 1:
                self._hire()
            self._run(self._address, function, context, threads)

    def close(self) -> None:
        """End the workers."""
        with self._turn:
            for number, worker in enumerate(self._workers, 1):
                self._stop(self._address, number)
                worker.join()
            self._workers.clear()

    def _begin(self) -> None:
        """Without workers: at first, and in a forked process, which has none of its parent's threads."""
        self._turn = Lock()
        self._workers: list[Thread] = []
        self._mailboxes = aligned(MOST * MAILBOX_WORDS)
        self._address = self._mailboxes.ctypes.data
        _native(self._code.address("start"), 2)(self._address, MOST)

    def _hire(self) -> None:
        arguments = (self._address, len(self._workers) + 1, self._patience)
        worker = Thread(target=self._work, args=arguments, name="netc worker", daemon=True)
        worker.start()
        self._workers.append(worker)


@cache
def team() -> Team:
    """The one of this process."""
    return Team()


def _native(address: int, arguments: int) -> Callable[..., None]:
    """A native function of integers and addresses; Python's other threads go on while it runs."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(address)


def _look_seconds(look: Callable[..., None]) -> float:
    """How long a worker's look for work takes here; the least of several, as others may have had the core."""
    taken: list[float] = []
    for _ in range(5):
        begun = perf_counter()
        look(1000)
        taken.append((perf_counter() - begun) / 1000)
    return min(taken)


def aligned(words: int) -> np.ndarray:
    """64-bit words, all 0, that begin with a cache line."""
    raw = np.zeros(words + 7, np.int64)
    skip = -raw.ctypes.data // 8 % 8
    return raw[skip : skip + words]
