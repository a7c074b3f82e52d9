"""The ways of arrows in a strip: straight to the next box, in a lane past others, or back in a loop."""

from __future__ import annotations

from .coordinates import TIP, Place, Point, Wire, line
from .picture import Picture


def lanes(picture: Picture) -> dict[int, int]:
    """The lane of each arrow that passes a column, by its id; lane 0 is the nearest to the boxes.

    Arrows that do not overlap share one, and short ones stay near.
    """
    sources = sum(c.forward.role == "data" for c in picture.columns)
    taken: list[list[tuple[int, int]]] = []
    found: dict[int, int] = {}
    long = [a for a in picture.arrows if a.target - max(a.source, sources - 1) > 1]
    for arrow in sorted(long, key=lambda a: (a.target - a.source, a.source)):
        free = (
            n for n, ways in enumerate(taken) if all(t <= arrow.source or arrow.target <= s for s, t in ways)
        )
        number = next(free, len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((arrow.source, arrow.target))
        found[id(arrow)] = number
    return found


def within(start: Place, end: Place, headed: bool = True) -> Wire:
    """Between two boxes of a column."""
    if start.y < end.y:
        return Wire(line((start.x, start.bottom), (end.x, end.top - headed * TIP)), headed=headed)
    return Wire(line((start.x, start.top), (end.x, end.bottom + headed * TIP)), headed=headed)


def across(source: Place, target: Place, back: bool, label: Point) -> Wire:
    """Straight from a box to the next. back: its head is at the source."""
    a = source.right + back * TIP
    b = target.left - (not back) * TIP
    return Wire(line((a, source.y), (b, target.y)), at_start=back, label=label)


def in_lane(
    source: Place, target: Place, back: bool, upwards: bool, y: float, inset: float, label: Point
) -> Wire:
    """Out of one side, upwards or not, along the lane at y, and in on the same side."""
    away = -1 if upwards else 1
    x1 = max(source.right - inset, source.x + 4)
    x2 = min(target.left + inset, target.x - 4)
    y1 = (source.top if upwards else source.bottom) + back * away * TIP
    y2 = (target.top if upwards else target.bottom) + (not back) * away * TIP
    bend = min(26.0, (x2 - x1) / 2)
    points = (
        (x1, y1), (x1, (y1 + y) / 2), (x1 + bend / 3, y), (x1 + bend, y),
        *line((x1 + bend, y), (x2 - bend, y))[1:],
        (x2 - bend / 3, y), (x2, (y2 + y) / 2), (x2, y2),
    )  # fmt: skip
    return Wire(points, at_start=back, label=label)


def loop(source: Place, target: Place, back: bool, room: float, label: Point) -> Wire:
    """A carried tensor, from the end of one turn to the start of the next, outside of both rows."""
    away = 1 if back else -1
    edge = source.bottom if back else source.top
    y = edge + away * room
    inset = min(16.0, source.width * 0.15)
    x1, x2 = source.right - inset, target.left + inset
    bend = min(10.0, (x1 - x2) / 3)
    y1 = edge + back * away * TIP
    y2 = edge + (not back) * away * TIP
    points = ((x1, y1), (x1, y), (x1, y), (x1 - bend, y), *line((x1 - bend, y), (x2 + bend, y))[1:],
              (x2, y), (x2, y), (x2, y2))  # fmt: skip
    return Wire(points, at_start=back, label=label)
