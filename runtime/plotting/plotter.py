"""Plots that are drawn beside what else there is to do."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from .plot import Plot


class Plotter:
    """Draws plots as SVG in a process of its own.

    To import matplotlib takes longer than a short training: that process does so from the beginning, while
    this one has something else to do. This one draws them where it has imported it already, or where the
    other one fails.
    """

    def __init__(self) -> None:
        self._plots: list[Plot] = []
        self._process = None if "matplotlib" in sys.modules else _begun()

    def add(self, plots: Sequence[Plot]) -> slice:
        """Ask for plots; returns which of all they are."""
        first = len(self._plots)
        self._plots += plots
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                pickle.dump(list(plots), self._process.stdin)
                self._process.stdin.flush()
        return slice(first, len(self._plots))

    def drawn(self) -> list[str]:
        """The SVG of each plot that was asked for. Raises ImportError where there is no matplotlib."""
        if self._process is not None:
            output, _ = self._process.communicate()
            with suppress(pickle.UnpicklingError, EOFError):
                svgs: list[str] = pickle.loads(output)
                return svgs
        from .draw import draw

        return [draw(plot) for plot in self._plots]

    def close(self) -> None:
        """End the process; what it draws is lost."""
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):  # of what it did not read
                self._process.communicate()

    def __enter__(self) -> Plotter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _begun() -> subprocess.Popen[bytes] | None:
    """The process, which ends with this one; None where none can be started."""
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        # Its own session: an interrupt from the keyboard is not meant for it.
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__.rpartition(".")[0]],
            stdin=pipe,
            stdout=pipe,
            stderr=nothing,
            start_new_session=True,
        )
    except OSError:
        return None
