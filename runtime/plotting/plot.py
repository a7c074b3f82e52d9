"""What is to be seen in a plot. Nothing here needs matplotlib, whose import takes long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """Points, and as a rule a line through them. series: the number of its colour, which may repeat."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    series: int


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves over one axis. mark: a place on the x axis and what is there; logarithmic: the axes that are;
    percent: whether y is a share.
    """

    given: Sequence[Curve]
    title: str
    across: str = "epoch"
    mark: tuple[float, str] | None = None
    logarithmic: str = ""
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Scatter:
    """Points, with a line of this slope through (0, 0) on which they should lie."""

    given: Sequence[Curve]
    title: str
    across: str
    up: str
    slope: float


Plot = Curves | Scatter


def by_epoch(values: Mapping[str, Mapping[int, float]], title: str, logarithmic: str = "") -> Curves:
    """A curve for each name: values by epoch."""
    given = [
        Curve(name, list(points), list(points.values()), i) for i, (name, points) in enumerate(values.items())
    ]
    return Curves(given, title, logarithmic=logarithmic)
