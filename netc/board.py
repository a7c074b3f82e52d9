"""What a training shows while it runs: a line for each epoch, and a bar within it on a terminal."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .console import columns, paint, result, say
from .figures import duration, figure

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from .runtime.start import Started
    from .runtime.train import Began, EpochDone, Progress

WIDTH = 10  # of a column
TEXTS = 66  # columns of a terminal that the bar's texts may take


class Board:
    """Lines go to standard output; the bar goes to standard error and leaves nothing behind."""

    def __init__(self, watched: str) -> None:
        """watched: the figure whose best value so far is marked."""
        self._watched = watched
        self._names: tuple[str, ...] = ()  # of the epochs' figures
        self._shown: tuple[str, ...] = ()  # of these, the ones that a line has room for
        self._bar: tuple[Bar, TaskID] | None = None
        self._shows_bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._began: Began | None = None
        self._clock = (0.0, 0)  # when the first step was seen, and its number

    def began(self, event: Began) -> None:
        self._began = event

    def progress(self, event: Progress) -> None:
        """Move the bar."""
        if not self._shows_bar:
            return
        bar, task = self._bar or self._new_bar(event.epoch, event.batches)
        rate = f"{event.samples_per_second:,.0f}"
        left = self._left(event.step)
        bar.update(task, completed=event.batch, loss=figure("loss", event.loss), rate=rate, left=left)
        bar.refresh()

    def epoch(self, event: EpochDone, best: bool) -> None:
        """One line. best: whether its parameters are the best so far."""
        self.close()
        if tuple(event.values) != self._names:
            self._names = tuple(event.values)
            self._shown = self._fitting(columns(sys.stdout))
            for line in _heading(self._shown):
                result(paint(line, "heading"))
        cells = [f"{event.epoch:>5}"]
        for name in self._shown:
            cell = f"{figure(name, event.values[name]):>{_width(name)}}"
            cells.append(paint(cell, "best") if best and name == self._watched else cell)
        result("".join(cells) + f"{duration(event.seconds):>{WIDTH}}")

    def _fitting(self, width: int | None) -> tuple[str, ...]:
        """The figures that a line of this width has room for: first those of the training split go."""
        room = math.inf if width is None else width - 5 - WIDTH
        shown = list(self._names)
        while sum(map(_width, shown)) > room and len(shown) > 1:
            shown.remove(next(name for name in shown if name != self._watched))
        if left := [name for name in self._names if name not in shown]:
            say(paint(f"too wide for here, but in history.csv: {', '.join(left)}", "dim", sys.stderr))
        return tuple(shown)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def _new_bar(self, epoch: int, batches: int) -> tuple[Bar, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        room = console.width - TEXTS
        rate = "{task.fields[rate]} samples/s   " if room >= 0 else ""
        columns = (
            TextColumn("{task.description}"),
            *([BarColumn(min(room, 30))] if room > 4 else []),
            TextColumn("{task.percentage:>3.0f} %   loss {task.fields[loss]}"),
            TextColumn(f"{rate}{{task.fields[left]}}", style="dim"),
        )
        # Drawn when there is news: a thread of its own would take the processor from the training.
        bar = Bar(*columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False)
        total = f"/{self._began.epochs}" if self._began else ""
        task = bar.add_task(f"epoch {epoch}{total}", total=batches, loss="", rate="", left="")
        bar.start()
        self._bar = (bar, task)
        return self._bar

    def _left(self, step: int) -> str:
        """The time until the last step, as the steps so far have gone."""
        now = time.perf_counter()
        if self._began is None or not self._clock[1]:
            self._clock = (now, step)
            return ""
        began, first = self._clock
        if step == first:
            return ""
        return f"{duration((self._began.steps - step) * (now - began) / (step - first))} left"


def started(event: Started) -> list[str]:
    """What a training began with, in lines: what was taken from another run, and what was not."""
    count = f"{len(event.taken)} tensor{'s' * (len(event.taken) != 1)}"
    lines = [f"begins with {count} of {event.path}: {_listed(event.taken)}"]
    if event.refused:
        lines.append(f"not taken, as their shapes differ: {_listed(event.refused)}")
    if event.left:
        lines.append(f"not in that file, so drawn anew: {_listed(event.left)}")
    if event.unused:
        lines.append(f"in that file alone: {_listed(event.unused)}")
    return lines


def _listed(names: Iterable[str]) -> str:
    given = list(names)
    return ", ".join(given if len(given) <= 8 else [*given[:6], f"and {len(given) - 6} more"])


def summary(values: Mapping[str, float], split: str) -> str:
    """The figures of a split in one line: loss 0.0931, accuracy 97.50 %."""
    figures = [(n.partition(".")[2], value) for n, value in values.items() if n.startswith(f"{split}.")]
    return ", ".join(f"{name} {figure(name, value)}" for name, value in figures)


def _width(name: str) -> int:
    return max(WIDTH, len(name.rpartition(".")[2]) + 2)


def _heading(names: Iterable[str]) -> tuple[str, str]:
    """The splits above, their figures below."""
    upper, lower, before = " " * 5, "epoch", ""
    for name in names:
        split, _, metric = name.partition(".")
        width = _width(name)
        upper += f"{split if split != before else '':>{width}}"
        lower += f"{metric:>{width}}"
        before = split
    return upper, f"{lower}{'time':>{WIDTH}}"
