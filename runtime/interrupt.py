"""Ctrl-C and the signals that end a process, held back until a step is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is missing on Windows


class Interrupted(KeyboardInterrupt):
    """A signal came; the model stands between two steps."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that a shell knows it by: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


@contextmanager
def terminations() -> Generator[None]:
    """Within this context SIGTERM and SIGHUP raise Interrupted where they strike, as Ctrl-C does its own.

    So what is being written is removed, and other processes are told, before this one ends.
    """

    def strike(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {n: signal.getsignal(n) for n in _numbers() if n != signal.SIGINT}
    handled = [n for n, handler in before.items() if handler == signal.SIG_DFL] if _in_main_thread() else []
    for number in handled:
        signal.signal(number, strike)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


class Interrupts:
    """Within this context a first signal is noted; check() tells it, or else the context's end. A second one
    does not wait.

    Where signals cannot be had (outside the main thread) or are ignored (by nohup), all stays as it is.
    """

    def __init__(self) -> None:
        self._seen: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if _in_main_thread():
            for number in _numbers():
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._seen is not None:
            raise Interrupted(self._seen)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._seen is not None:
            raise KeyboardInterrupt
        self._seen = number


def _numbers() -> list[int]:
    return [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
