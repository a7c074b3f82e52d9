"""Fitting a picture to a page: in rows, as large as can be, or on as few pages as keep its text readable."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil

from .layout import Layout, layout
from .look import DENSE, HANDOUT, SLIDE, Direction, Size, SizeName, Theme
from .mirror import mirror
from .picture import Picture
from .rows import rows

Rows = tuple[Picture, ...]
LEAST: dict[SizeName, float] = {"slide": 10.0, "handout": 7.0}  # points that can still be read there
_SIZES = {"slide": (SLIDE, DENSE), "handout": (HANDOUT,)}
_MOST_ROWS = 6  # of one page


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page or several as DOT text, and the size of the smallest text on them, in points."""

    pages: tuple[str, ...]
    smallest: float

    def readable(self, size: SizeName) -> bool:
        return self.smallest >= LEAST[size]


@dataclass(frozen=True, slots=True)
class Paper:
    """What a picture is drawn for, and how. width, height: of the page, in points."""

    name: SizeName
    width: float
    height: float
    theme: Theme
    direction: Direction

    def smallest(self, found: Layout, size: Size) -> float:
        """The size of the smallest text when the picture is fitted into the page."""
        return min(self.width / found.width, self.height / found.height, 1.0) * min(size.muted, size.edge)


def on_one_page(pictures: Sequence[Picture], paper: Paper, enough: float) -> Drawn:
    """In the type, box width and number of rows that leave the text largest on the page.

    enough: times what can just be read; beyond it, the first pictures and fewer rows are better than larger
    text.
    """
    best: tuple[float, Size, Layout, Rows] | None = None
    for size, picture, number, even in product(
        _SIZES[paper.name], pictures, range(1, _MOST_ROWS + 1), (False, True)
    ):
        if number == 1 and even:
            continue
        parts = rows(picture, number, size, paper.direction, even)
        if len(parts) < number:
            continue
        found = layout(parts, size, paper.direction)
        smallest = min(paper.smallest(found, size), LEAST[paper.name] * enough)
        if best is None or smallest > best[0] + 0.05:
            best = (smallest, size, found, parts)
    assert best is not None
    smallest, size, found, parts = best
    return Drawn((mirror(parts, found, size, paper.theme, paper.direction),), smallest)


def on_pages(pictures: Sequence[Picture], paper: Paper) -> Drawn:
    """On the fewest pages whose text can be read, all of one size. Of the pictures, the first are better."""
    best: tuple[tuple[int, int], list[tuple[Layout, Rows]]] | None = None
    size = _SIZES[paper.name][-1]
    for picture in pictures:
        pages = _paged(picture, size, paper)
        smallest = min(paper.smallest(found, size) for found, _ in pages)
        rank = (ceil(max(LEAST[paper.name] - smallest, 0) * 10), len(pages))
        if best is None or rank < best[0]:
            best = rank, pages
    assert best is not None
    pages = best[1]
    width, height = max(found.width for found, _ in pages), max(found.height for found, _ in pages)
    pages = [(replace(found, width=width, height=height), parts) for found, parts in pages]
    texts = tuple(mirror(parts, found, size, paper.theme, paper.direction) for found, parts in pages)
    return Drawn(texts, min(paper.smallest(found, size) for found, _ in pages))


def _paged(picture: Picture, size: Size, paper: Paper) -> list[tuple[Layout, Rows]]:
    """The pages in this type: rows that are short enough, and as many on a page as it holds."""
    parts = _short_rows(picture, size, paper)
    ends = [0]  # of the pages, each as full as can be
    for k in range(1, len(parts)):
        if not _readable(parts[ends[-1] : k + 1], size, paper):
            ends.append(k)
    number = len(ends)
    evenly = [round(len(parts) * k / number) for k in range(number)]
    if all(_readable(group, size, paper) for group in _groups(parts, evenly)):
        ends = evenly
    groups = [_numbered(group, k + 1, number) for k, group in enumerate(_groups(parts, ends))]
    return [(layout(group, size, paper.direction), group) for group in groups]


def _groups(parts: Rows, starts: Sequence[int]) -> list[Rows]:
    return [parts[a:b] for a, b in zip(starts, [*starts[1:], len(parts)], strict=True)]


def _readable(parts: Rows, size: Size, paper: Paper) -> bool:
    """Whether a page holds the rows; they have a title of their own there."""
    found = layout(_numbered(parts, 1, 10), size, paper.direction)
    return paper.smallest(found, size) >= LEAST[paper.name]


def _short_rows(picture: Picture, size: Size, paper: Paper) -> Rows:
    """The fewest rows that are short enough; where a column is too long by itself, one for each column."""
    scale = LEAST[paper.name] / min(size.muted, size.edge)

    def is_short(part: Picture) -> bool:
        found = layout(_numbered((part,), 1, 10), size, paper.direction)
        if paper.direction == "TB":
            return found.height * scale <= paper.height
        return found.width * scale <= paper.width

    def are_short(number: int) -> bool:
        return all(map(is_short, rows(picture, number, size, paper.direction)))

    number = 1 + bisect_left(range(1, len(picture.columns)), True, key=are_short)
    return rows(picture, number, size, paper.direction)


def _numbered(parts: Rows, number: int, of: int) -> Rows:
    """With the page's number in its title, where there are several."""
    if of == 1:
        return parts
    first, *rest = parts
    return replace(first, facts=(f"page {number} of {of}", *first.facts)), *rest
