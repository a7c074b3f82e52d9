"""The page: strips beside each other under a title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .coordinates import Frame, Move, Place, Wire
from .look import Direction, Size
from .metrics import line_height, text_width
from .picture import Picture
from .strip import Strip

MARGIN = 12.0
_BETWEEN = 30.0  # two strips
_NARROWEST = 500.0  # a page, for its title


@dataclass(frozen=True, slots=True)
class Layout:
    """places by node name, wires by the names of their ends, frames by strip and path.

    heading: the lines beside and below the name in the title.
    """

    places: dict[str, Place]
    wires: dict[tuple[str, str], Wire]
    frames: dict[tuple[int, tuple[str, ...]], Frame]
    title: Place
    heading: tuple[str, ...]
    width: float
    height: float


def layout(rows: Sequence[Picture], size: Size, direction: Direction = "LR") -> Layout:
    """Lay out the rows of a picture, one under the other, or its columns from left to right."""
    turned = direction == "TB"
    strips = [Strip(row, size, number, turned) for number, row in enumerate(rows)]
    long = max(strip.end[0] for strip in strips)
    wide = sum(strip.end[1] for strip in strips) + _BETWEEN * (len(strips) - 1)
    width, height = (wide, long) if turned else (long, wide)
    heading = _heading(rows[0], size, max(width, _NARROWEST))
    title_width, title_height = _title_size(rows[0], heading, size)
    places: dict[str, Place] = {}
    wires: dict[tuple[str, str], Wire] = {}
    frames: dict[tuple[int, tuple[str, ...]], Frame] = {}
    top, passed = MARGIN + title_height + 16, 0.0
    for strip in strips:
        move = Move(MARGIN + turned * passed, top + (not turned) * passed, turned)
        places |= {name: move.place(place) for name, place in strip.places.items()}
        wires |= {ends: move.wire(wire) for ends, wire in strip.wires.items()}
        frames |= {(strip.number, path): move.frame(frame) for path, frame in strip.frames.items()}
        passed += strip.end[1] + _BETWEEN
    title = Place(
        MARGIN + title_width / 2, MARGIN + title_height / 2, title_width + 2 * MARGIN - 1, title_height + 10
    )
    right = MARGIN + max(width, title_width) + MARGIN
    return Layout(places, wires, frames, title, heading, right, top + height + MARGIN)


def _heading(picture: Picture, size: Size, width: float) -> tuple[str, ...]:
    """The facts beside the name or, where the picture is narrow, in lines below it."""
    lines = [""]
    room = width - text_width(f"net {picture.name}", size.title, bold=True) - 20
    for fact in picture.facts:
        longer = f"{lines[-1]}  ·  {fact}" if lines[-1] else fact
        if text_width(longer, size.facts) > room and (lines[-1] or len(lines) == 1):
            lines.append(fact)
            room = width
        else:
            lines[-1] = longer
    return tuple(lines)


def _title_size(picture: Picture, heading: Sequence[str], size: Size) -> tuple[float, float]:
    first, *rest = (text_width(line, size.facts) for line in heading)
    first += text_width(f"net {picture.name}", size.title, bold=True) + 14
    return max(first, *rest, 0), line_height(size.title) + len(rest) * line_height(size.facts)
