"""A run as its folder tells of it, and how its figures are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..checkpoint import Description
from ..place import EpochDone, is_better

FILE = "report.html"
MOST_CURVES = 12  # in one plot
SPLITS = ("train", "valid", "test")
SHARES = ("accuracy", "top_k", "precision", "recall")


class ReportError(Exception):
    """A report cannot be made; one sentence says why, and the help what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


@dataclass(frozen=True, slots=True)
class Kept:
    """A run as its folder tells of it. watched: the figure that tells its best epoch."""

    folder: Path
    description: Description
    watched: str

    @property
    def epochs(self) -> Sequence[EpochDone]:
        return self.description.place.history.epochs

    @property
    def best(self) -> EpochDone | None:
        """The best epoch, or the last one where none is better."""
        found: EpochDone | None = None
        for done in self.epochs:
            if (
                self.watched not in done.values
                or found is None
                or is_better(self.watched, done.values[self.watched], found.values[self.watched])
            ):
                found = done
        return found


def shown(name: str, value: float) -> str:
    """A figure as people read it."""
    if is_share(name):
        return f"{100 * value:.2f} %"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.3g}"


def is_share(name: str) -> bool:
    return name.rpartition(".")[2] in SHARES


def needs_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        message = "a report needs matplotlib, which is not installed"
        raise ReportError(message, "pip install 'netc[report]'")


def metrics(runs: Sequence[Kept]) -> list[str]:
    """The loss and the metrics that any of the runs has."""
    names = [n.partition(".")[2] for run in runs for done in run.epochs[:1] for n in done.values]
    return list(dict.fromkeys(names))


def points(run: Kept, figure: str) -> tuple[list[float], list[float]]:
    given = [(float(e.epoch), e.values[figure]) for e in run.epochs if figure in e.values]
    finite = [(x, y) for x, y in given if np.isfinite(y)]
    return [x for x, _ in finite], [y for _, y in finite]
