"""Where boxes, lines and clusters stand, in points from the upper left corner."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
TIP = 8.5  # the length of an arrow's head


@dataclass(frozen=True, slots=True)
class Place:
    """A box's centre and size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Wire:
    """A line of cubic curves; at_start: its head is at the first point. label: its middle, if it has one."""

    points: tuple[Point, ...]
    at_start: bool = False
    headed: bool = True
    label: Point | None = None

    @property
    def is_straight(self) -> bool:
        return len(self.points) == 4


@dataclass(frozen=True, slots=True)
class Frame:
    """A cluster's rectangle."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Move:
    """From where a strip was laid out to its place on the page.

    turned: over the diagonal, so that what ran from left to right runs from top to bottom.
    """

    right: float
    down: float
    turned: bool

    def point(self, point: Point) -> Point:
        x, y = reversed(point) if self.turned else point
        return x + self.right, y + self.down

    def place(self, place: Place) -> Place:
        sizes = (place.width, place.height)
        return Place(*self.point((place.x, place.y)), *(reversed(sizes) if self.turned else sizes))

    def wire(self, wire: Wire) -> Wire:
        label = self.point(wire.label) if wire.label is not None else None
        return Wire(tuple(map(self.point, wire.points)), wire.at_start, wire.headed, label)

    def frame(self, frame: Frame) -> Frame:
        return Frame(*self.point((frame.left, frame.top)), *self.point((frame.right, frame.bottom)))


def line(a: Point, b: Point) -> tuple[Point, ...]:
    """A straight line as a cubic curve."""
    return (
        a,
        ((2 * a[0] + b[0]) / 3, (2 * a[1] + b[1]) / 3),
        ((a[0] + 2 * b[0]) / 3, (a[1] + 2 * b[1]) / 3),
        b,
    )
