"""A long picture in rows: each row is a picture, joined to the next by links that name what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .look import Direction, Size
from .picture import Arrow, Box, Column, Picture
from .sizes import box_size, boxes, label_size


def rows(
    picture: Picture, number: int, size: Size, direction: Direction = "LR", even: bool = False
) -> tuple[Picture, ...]:
    """The picture in so many rows, or fewer where there are fewer operations.

    They are about equally long or, if even, have about as many operations each.
    """
    sources = sum(c.forward.role == "data" for c in picture.columns)
    count = len(picture.columns) - sources
    number = min(number, count)
    if number <= 1:
        return (picture,)
    if even:
        cuts = [0, *(sources + round(count * k / number) for k in range(1, number))]
    else:
        cuts = [0, *_cuts(_lengths(picture, size, direction), sources, number)]
    ends = [*cuts[1:], len(picture.columns)]
    return tuple(_row(picture, a, b) for a, b in zip(cuts, ends, strict=True))


def _lengths(picture: Picture, size: Size, direction: Direction) -> list[float]:
    """How much of a row the columns take, each with the label of the arrow into it."""
    axis = 0 if direction == "LR" else 1
    found = [max(box_size(b, size)[axis] for b in boxes(c)) + 40 for c in picture.columns]
    for arrow in picture.arrows:
        if arrow.target == arrow.source + 1:
            labels = label_size(arrow.lines, size), label_size(arrow.gradient or (), size)
            found[arrow.target] += max(label[axis] for label in labels)
    return found


def _cuts(lengths: list[float], sources: int, number: int) -> list[int]:
    """Where rows start, after the first, so that none is longer than need be."""
    low, high = max(lengths), sum(lengths)
    while high - low > 1:
        middle = (low + high) / 2
        if len(_starts(lengths, sources, middle)) < number:
            high = middle
        else:
            low = middle
    starts = _starts(lengths, sources, high)
    while len(starts) < number - 1:  # some row can be cut without need: the longest
        ends = [0, *starts, len(lengths)]
        longest = max(range(len(ends) - 1), key=lambda k: ends[k + 1] - ends[k])
        starts = sorted({*starts, (ends[longest] + ends[longest + 1] + 1) // 2})
    return starts


def _starts(lengths: list[float], sources: int, most: float) -> list[int]:
    found: list[int] = []
    room = most
    for i, length in enumerate(lengths):
        if length > room and i > sources:
            found.append(i)
            room = most
        room -= length
    return found


def _row(picture: Picture, first: int, end: int) -> Picture:
    coming = [a for a in picture.arrows if a.source < first <= a.target and not a.carried]
    going = [a for a in picture.arrows if a.source < end <= a.target and not a.carried]
    shift = -first + (1 if coming else 0)
    arrows = [
        replace(a, source=a.source + shift, target=a.target + shift)
        for a in picture.arrows
        if first <= a.source < end and first <= a.target < end
    ]
    columns = [*picture.columns[first:end]]
    last = end + shift
    if coming:
        columns.insert(0, _link(coming, "continued"))
        arrows += _merged([replace(a, source=0, target=a.target + shift) for a in coming if a.target < end])
    if going:
        columns.append(_link(going, "continues"))
        arrows += _merged([replace(a, source=max(a.source + shift, 0), target=last) for a in going])
    return replace(picture, columns=tuple(columns), arrows=tuple(arrows))


def _link(arrows: Sequence[Arrow], note: str) -> Column:
    names = ", ".join(dict.fromkeys(a.lines[0] for a in arrows))
    backs = ", ".join(dict.fromkeys(a.gradient[0] for a in arrows if a.gradient is not None))
    backward = Box("link", backs, muted=(note,)) if backs else None
    return Column(Box("link", names, muted=(note,)), backward=backward)


def _merged(arrows: Sequence[Arrow]) -> list[Arrow]:
    """One arrow for all between the same columns, with all their names."""
    found: dict[tuple[int, int], list[Arrow]] = {}
    for arrow in arrows:
        found.setdefault((arrow.source, arrow.target), []).append(arrow)
    return [_joined(group) for group in found.values()]


def _joined(arrows: Sequence[Arrow]) -> Arrow:
    lines = _together([a.lines for a in arrows])
    gradients = [a.gradient for a in arrows if a.gradient is not None]
    return replace(arrows[0], lines=lines, gradient=_together(gradients) if gradients else None)


def _together(lines: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The names in one line; the shapes of the first below it."""
    return ", ".join(dict.fromkeys(one[0] for one in lines)), *lines[0][1:]
