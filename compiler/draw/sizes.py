"""How large boxes must be to hold their texts, and labels."""

from __future__ import annotations

from functools import lru_cache

from .blocks import blocks_size
from .lines import broken
from .look import Size
from .metrics import line_height, text_width
from .picture import CARDS, Box, Column, Role

_PADDING = 9.0  # between a box's outline and its text
_TITLE = 22  # signs in a line of a title
_BAR = 4.0  # above and below the title in a bar
OWN: frozenset[Role] = CARDS | frozenset[Role](
    {"loss", "seed", "link"}
)  # whose boxes are as large as their texts


def boxes(column: Column) -> list[Box]:
    return [*column.above, *(b for b in (column.forward, column.backward, column.below) if b is not None)]


def texts(box: Box, size: Size) -> list[tuple[str, float, bool]]:
    """The lines of a box: text, points, bold."""
    titles = [box.title] if box.role in CARDS else broken(box.title, _TITLE) or [box.title]
    found = [(title, float(size.node), True) for title in titles if title]
    found += [(line, float(size.formula if box.title else size.node - 1), False) for line in box.lines]
    return found + [(line, float(size.muted), False) for line in box.muted]


@lru_cache(4096)  # each box is measured for every way of breaking its picture into rows
def box_size(box: Box, size: Size) -> tuple[float, float]:
    """The least width and height that hold a box's texts."""
    if box.role in ("loss", "seed"):
        return size.height * 72, size.height * 72
    lines = texts(box, size)
    wide, high = blocks_size(box.blocks, size)
    width = max([text_width(*line) for line in lines] + [wide]) + 2 * _PADDING
    height = sum(line_height(points) for _, points, _ in lines) + high + 10
    if box.role in CARDS:
        height += bar_height(size) - line_height(size.node)
    elif box.role == "data":
        width, height = width * 1.25, height * 1.1  # the corners of the text stay inside the ellipse
    least = 0.0 if box.role == "link" else size.width * 72
    return max(width, least), max(height, 0.0 if box.role == "link" else size.height * 72)


def bar_height(size: Size) -> float:
    """The height of the bar with a card's title."""
    return line_height(size.node) + 2 * _BAR


@lru_cache(4096)
def label_size(lines: tuple[str, ...], size: Size) -> tuple[float, float]:
    """The width and height of an arrow's label."""
    width = max((text_width(line, size.edge) for line in lines), default=0.0)
    return width, len(lines) * line_height(size.edge)
