"""Where a training stands, and what its epochs gave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

SMALLER_IS_BETTER = ("loss", "mse", "mae")


@dataclass(frozen=True, slots=True)
class EpochDone:
    """values: 'train.loss', 'valid.accuracy', 'test.loss' and so on."""

    epoch: int
    step: int
    seconds: float
    values: Mapping[str, float]


@dataclass(slots=True)
class History:
    """What a training gave, epoch by epoch."""

    epochs: list[EpochDone] = field(default_factory=list[EpochDone])

    def column(self, name: str) -> list[float]:
        """One figure over the epochs, 'valid.accuracy' for example."""
        return [e.values[name] for e in self.epochs if name in e.values]


@dataclass(slots=True)
class Place:
    """Where a training stands between two steps; with the model's arrays, all that going on needs.

    epoch: the one under way, from 1, of which `batch` batches with `samples` samples took `seconds`. sums: of
    its loss and metrics, each times its samples. history: the epochs that are finished.
    """

    epoch: int = 1
    batch: int = 0
    samples: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict[str, float])
    history: History = field(default_factory=History)

    def end_epoch(self, values: Mapping[str, float], step: int) -> EpochDone:
        """Take note of a finished epoch, and stand before the next."""
        done = EpochDone(self.epoch, step, self.seconds, values)
        self.history.epochs.append(done)
        self.epoch, self.batch, self.samples, self.seconds, self.sums = self.epoch + 1, 0, 0, 0.0, {}
        return done


def is_better(name: str, new: float, old: float) -> bool:
    """Whether a figure ('valid.accuracy') has improved; anything is better than what is no number."""
    if math.isnan(old):
        return not math.isnan(new)
    return new < old if name.rpartition(".")[2] in SMALLER_IS_BETTER else new > old
