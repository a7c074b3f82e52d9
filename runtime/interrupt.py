"""Ctrl-C and the signals that end a process, held back until a step is whole."""

from __future__ import annotations

import signal
import threading
from types import FrameType
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


class Interrupts:
    """Within this context a first signal is noted, and check() tells it; a second one does not wait.

    Where signals cannot be had (outside the main thread) or are ignored (by nohup), all stays as it is.
    """

    def __init__(self) -> None:
        self._seen: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._seen is not None:
            raise Interrupted(self._seen)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._seen is not None:
            raise KeyboardInterrupt
        self._seen = number
