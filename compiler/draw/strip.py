"""One row of a picture being laid out, or one column of a picture from top to bottom.

A strip is laid out as if it ran from left to right. Each column is as wide as its widest box, each kind of
box stands on one height throughout, and arrows past columns run in lanes between the two rows: forward ones
below the operations, their gradients as far above the backward row. So a node and its gradient are in one
column exactly, and nothing can overlap. One that runs from top to bottom is turned over afterwards; what
differs is that its texts are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .coordinates import Frame, Place, Point, Wire
from .look import Size
from .metrics import line_height, text_width
from .picture import Arrow, Box, Column, Picture
from .sizes import OWN, box_size, label_size
from .wires import across, in_lane, lanes, loop, within

_FRAME = 10.0  # between a cluster's outline and what is in it
_APART = 16.0  # between two boxes of one kind that no arrow joins


def node(kind: str, strip: int, column: int) -> str:
    """The name of a node: f1_4 is the operation in column 4 of strip 1."""
    return f"{kind}{strip}_{column}"


class Strip:
    """places by node name, wires by the names of their ends, frames by path; end: its lower right corner."""

    def __init__(self, picture: Picture, size: Size, number: int, turned: bool) -> None:
        self.picture, self.size, self.number, self.turned = picture, size, number, turned
        self.columns = picture.columns
        self.places: dict[str, Place] = {}
        self.wires: dict[tuple[str, str], Wire] = {}
        self.frames: dict[tuple[str, ...], Frame] = {}
        self._lane_of = lanes(picture)
        self._bands()
        right = self._along()
        self._framed()
        self._joins()
        for arrow in picture.arrows:
            self._arrow(arrow)
        self.end = right, self._bottom

    # What differs with the direction

    def _box(self, box: Box) -> tuple[float, float]:
        """How much a box takes along the strip and across it."""
        width, height = box_size(box, self.size)
        return (height, width) if self.turned else (width, height)

    def _label(self, lines: tuple[str, ...]) -> tuple[float, float]:
        width, height = label_size(lines, self.size)
        return (height, width) if self.turned else (width, height)

    def _beside(self, x: float, y: float, lines: tuple[str, ...]) -> Point:
        """Where a label stands at a line: above it, or to its right."""
        _, wide = self._label(lines)
        return (x, y + wide / 2 + 6) if self.turned else (x, y - wide / 2 - 4)

    @property
    def _heading(self) -> tuple[float, float]:
        """What a cluster's label takes at its start and at its top."""
        high = line_height(self.size.muted)
        return (high, 0.0) if self.turned else (0.0, high)

    # Heights

    def _bands(self) -> None:
        """The middle of each kind of box, one height for all of a kind."""
        arrows = self.picture.arrows
        depth = max(len(c.path) for c in self.columns)
        heads = max(len(c.above) for c in self.columns)
        self._heights = self._kinds()
        passing = [a for a in arrows if id(a) in self._lane_of]
        names = [self._label(lines[:1])[1] for a in passing for lines in (a.lines, a.gradient or ())]
        self._step = max(names, default=0.0) + (12 if self.turned else 4)
        gap = self.size.nodes * 72
        carried = [a for a in arrows if a.carried]
        self._gap = gap * (2.0 if carried else 1.6)
        if carried and self.turned:
            self._gap = max(self._gap, 1.8 * max(self._label(a.lines[:1])[1] for a in carried) + 24)
        mirrored = any(c.backward is not None for c in self.columns)
        lanes_height = (max(self._lane_of.values(), default=-1) + 1) * self._step
        bands = ["a"] * heads
        below = ["g"] if any(c.below is not None for c in self.columns) else []
        backward = ["b"] if mirrored else []
        meet = self.picture.meet
        order = ["f", *bands, *below, *backward] if meet else [*bands, "f", *backward, *below]
        # Lanes run between the rows or, where parameters stand there, outside of both.
        after = {"f": 0.0, "b": lanes_height} if meet else {"f": lanes_height, "b": 0.0}
        before = {"f": lanes_height, "b": 0.0} if meet else {"f": 0.0, "b": lanes_height}
        for kind in ("f", "b"):
            after[kind] += self._overhang(kind)
        if lanes_height and mirrored:
            before["f" if meet else "b"] += line_height(self.size.edge)
        if carried and order[0] == "f":  # loops are outside of both rows
            before["f"] += self._gap
        if carried and order[-1] == "b":
            after["b"] += self._gap
        y = depth * (_FRAME + self._heading[1])
        self._middles: dict[str, list[float]] = {"a": [], "f": [], "b": [], "g": []}
        for k, kind in enumerate(order):
            y += (self._gap if k else 0.0) + before.get(kind, 0.0)
            self._middles[kind].append(y + self._heights[kind] / 2)
            y += self._heights[kind] + after.get(kind, 0.0)
        self._bottom = y + depth * _FRAME

    def _kinds(self) -> dict[str, float]:
        """The height of each kind."""
        found = {"a": 0.0, "f": 0.0, "b": 0.0, "g": 0.0}
        for column in self.columns:
            named = [("a", box) for box in column.above]
            rest = (("f", column.forward), ("b", column.backward), ("g", column.below))
            for kind, box in (*named, *((k, b) for k, b in rest if b is not None)):
                found[kind] = max(found[kind], self._box(box)[1])
        return found

    def _overhang(self, kind: str) -> float:
        """How far labels to the right of the arrows of a kind reach beyond its boxes."""
        straight = [a for a in self.picture.arrows if self.turned and self._is_straight(a)]
        labels = [a.lines if kind == "f" else a.gradient or () for a in straight]
        return max([0.0, *(self._label(lines)[1] + 10 - self._heights[kind] / 2 for lines in labels)])

    # Columns

    def _name(self, kind: str, column: int) -> str:
        return node(kind, self.number, column)

    def _along(self) -> float:
        """Place the columns from left to right; gives the right end."""
        self._spans: list[tuple[float, float]] = []  # what each column takes
        ends = {"a": 0.0, "f": 0.0, "b": 0.0, "g": 0.0}  # of the last box of each kind
        for i, column in enumerate(self.columns):
            widths = {kind: max(self._box(b)[0] for b in found) for kind, found in _stack(column).items()}
            gaps = self._gaps(i)
            if outlines := self._outlines(i):  # nothing of what follows stands left of the cluster
                ends = dict.fromkeys(ends, max(ends.values()) + outlines)
                gaps = dict.fromkeys(gaps, max(gaps.values()))
            x = max(ends[kind] + gaps[kind] + w / 2 for kind, w in widths.items())
            self._stand(i, column, x)
            wide = max(widths.values())
            self._spans.append((x - wide / 2, x + wide / 2))
            ends |= {kind: x + w / 2 for kind, w in widths.items()}
            if missing := self._short(i):
                ends = dict.fromkeys(ends, max(ends.values()) + missing)
        return max(ends.values()) + _FRAME * len(self.columns[-1].path)

    def _outlines(self, i: int) -> float:
        """The room for the outlines of clusters between a column and the one before."""
        left = self.columns[i - 1].path if i else ()
        right = self.columns[i].path
        common = _common(left, right)
        return (len(left) + len(right) - 2 * common) * _FRAME + (len(right) - common) * self._heading[0]

    def _gaps(self, i: int) -> dict[str, float]:
        """The room between a column's boxes and those before: for labels and heads of arrows."""
        if not i:
            return dict.fromkeys("afbg", 0.0)
        near = [a for a in self.picture.arrows if a.source < i <= a.target and self._is_straight(a)]
        forward = max([36.0, *(self._label(a.lines)[0] + 20 for a in near)])
        backward = max([36.0, *(self._label(a.gradient)[0] + 20 for a in near if a.gradient)])
        return {"a": _APART, "f": forward, "b": backward, "g": _APART}

    def _is_straight(self, arrow: Arrow) -> bool:
        return id(arrow) not in self._lane_of and not arrow.carried

    def _short(self, i: int) -> float:
        """How much wider the clusters that end here must be to hold their labels."""
        after = self.columns[i + 1].path if i + 1 < len(self.columns) else ()
        labels = dict(self.picture.clusters)
        missing = [0.0]
        for path in self.columns[i].path if not self.turned else ():
            if path not in after:
                first = next(k for k, c in enumerate(self.columns) if path in c.path)
                label = text_width(labels[path], self.size.muted) + 8
                missing.append(label - (self._spans[i][1] - self._spans[first][0]))
        return max(missing)

    def _stand(self, i: int, column: Column, x: float) -> None:
        def put(name: str, box: Box, y: float) -> None:
            along, high = self._box(box)
            own = box.role in OWN or (self.turned and box.role == "data")
            self.places[name] = Place(x, y, along, high if own else self._heights[name[0]])

        heads = self._middles["a"]
        missing = len(heads) - len(column.above)  # they stand at the gradient, or at the operation
        for k, box in enumerate(column.above):
            put(f"{self._name('a', i)}_{k}", box, heads[missing + k])
        for kind, box in (("f", column.forward), ("b", column.backward), ("g", column.below)):
            if box is not None:
                put(self._name(kind, i), box, self._middles[kind][0])

    def _framed(self) -> None:
        start, top = self._heading
        for path in dict.fromkeys(p for c in self.columns for p in c.path):
            inside = [i for i, c in enumerate(self.columns) if path in c.path]
            level = self.columns[inside[0]].path.index(path)
            before = len(self.columns[inside[0]].path) - level
            after = len(self.columns[inside[-1]].path) - level
            self.frames[path] = Frame(
                min(self._spans[i][0] for i in inside) - before * (_FRAME + start),
                level * (_FRAME + top),
                max(self._spans[i][1] for i in inside) + self._short(inside[-1]) + after * _FRAME,
                self._bottom - level * _FRAME,
            )

    # Lines

    def _joins(self) -> None:
        """The lines within each column."""
        meet = self.picture.meet
        for i, column in enumerate(self.columns):
            heads = [f"{self._name('a', i)}_{k}" for k in range(len(column.above))]
            forward, backward, below = (self._name(kind, i) for kind in "fbg")
            for head in heads:
                self.wires[head, forward] = within(self.places[head], self.places[forward])
            if column.joined(meet):
                self.wires[forward, backward] = within(self.places[forward], self.places[backward], False)
            if column.below is not None:
                self.wires[backward, below] = within(self.places[backward], self.places[below])
                if meet and heads:
                    self.wires[below, heads[-1]] = within(self.places[below], self.places[heads[-1]])

    def _arrow(self, arrow: Arrow) -> None:
        for kind, lines in (("f", arrow.lines), ("b", arrow.gradient)):
            if lines is None:
                continue
            ends = self._name(kind, arrow.source), self._name(kind, arrow.target)
            source, target = self.places[ends[0]], self.places[ends[1]]
            back = kind == "b"
            if arrow.carried:
                room, (along, wide) = self._gap * 0.55, self._label(lines[:1])
                y = source.bottom + room if back else source.top - room
                label = (source.right - 8 + along / 2, y)
                if self.turned:
                    room = self._gap - wide - 14
                    label = (source.right, source.bottom + room if back else source.top - room)
                self.wires[ends] = loop(source, target, back, room, label)
            elif self._is_straight(arrow):
                label = self._beside(self._between(arrow, source, target), source.y, lines)
                self.wires[ends] = across(source, target, back, label)
            else:
                self.wires[ends] = self._laned(arrow, source, target, back, lines[:1])

    def _between(self, arrow: Arrow, source: Place, target: Place) -> float:
        """The middle of what clusters leave free between two boxes."""
        left, right = self.columns[arrow.target - 1].path, self.columns[arrow.target].path
        common = _common(left, right)
        free_left = source.right + (len(left) - common) * _FRAME
        free_right = target.left - (len(right) - common) * (_FRAME + self._heading[0])
        return (free_left + free_right) / 2

    def _laned(self, arrow: Arrow, source: Place, target: Place, back: bool, lines: tuple[str, ...]) -> Wire:
        """Out of the side that faces the other row; of the other side, where parameters stand between."""
        number = self._lane_of[id(arrow)]
        upwards = back != self.picture.meet
        at = number + (0.5 if not self.turned else 0.9 if upwards else 0.1)
        kind = "b" if back else "f"
        edge = self._heights[kind] / 2 + 16 + at * self._step
        y = self._middles[kind][0] + (-edge if upwards else edge)
        label = self._beside(self._clear(arrow, source, target), y, lines)
        return in_lane(source, target, back, upwards, y, 14 + 7 * (number % 3), (label[0], label[1] + 3))

    def _clear(self, arrow: Arrow, source: Place, target: Place) -> float:
        """Near the middle of a lane, but between two columns, whose lines cross it."""
        middle = (source.right + target.left) / 2
        spans = self._spans[arrow.source : arrow.target + 1]
        between = [(a[1] + b[0]) / 2 for a, b in pairwise(spans)]
        return min(between, key=lambda x: abs(x - middle))


def _stack(column: Column) -> dict[str, list[Box]]:
    """The boxes of a column by their kind."""
    kinds = {"a": list(column.above), "f": [column.forward], "b": [], "g": []}
    kinds["b"] += [column.backward] if column.backward is not None else []
    kinds["g"] += [column.below] if column.below is not None else []
    return {kind: found for kind, found in kinds.items() if found}


def _common(a: Sequence[object], b: Sequence[object]) -> int:
    return next((i for i, (p, q) in enumerate(zip(a, b, strict=False)) if p != q), min(len(a), len(b)))
