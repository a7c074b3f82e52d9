"""Images cut into tiles: their sizes and strides, and which places of a group of tiles lie within them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .layout import Axis
from .nest import Tensor
from .text import Function, Index, Value, number

_PIXELS = 8  # in a row, at most, whose tiles are written out: more make the code longer and no step faster

Masks = Sequence[Sequence[Value | None]]  # of a vector for each row and column; None where it is whole


@dataclass(frozen=True, slots=True)
class Image:
    """The sizes of an image whose axes are one loop each, and the strides of these loops."""

    channels: int
    size: tuple[int, int]
    block: int
    channel: int
    down: int
    along: int

    @staticmethod
    def of(tensor: Tensor) -> Image:
        axes = tensor.layout.axes
        _, channels, height, width = tensor.layout.extents
        block = next((f.stride for f in axes[0] if f.kind == "block"), 0)
        return Image(channels, (height, width), block, *(stride(axis) for axis in axes[1:]))


def stride(axis: Axis) -> int:
    return axis[0].stride if axis else 0


@dataclass(frozen=True, slots=True)
class Span:
    """One axis of the tiles: `groups` groups of `each`, over `size` places that are read, of which the first
    tile begins `before` earlier, and `results` that are written.
    """

    tile: int
    each: int
    groups: int
    size: int
    before: int
    results: int

    @property
    def step(self) -> int:
        """Results of a group."""
        return self.tile * self.each

    def read(self, fn: Function, group: Index) -> list[Value | None]:
        """For each place that the tiles of a group read, whether there is one; None where there always is."""
        return [self._inside(fn, group, i - self.before, self.size) for i in range(self.step + 2)]

    def written(self, fn: Function, group: Index) -> list[Value | None]:
        """The same for each result of a group."""
        return [self._inside(fn, group, i, self.results) for i in range(self.step)]

    def is_result(self, fn: Function, group: Index, place: Index) -> Value | None:
        """Whether there is one at a place of a group; None where there always is."""
        if self.groups * self.step == self.results:
            return None
        return self._below(fn, group, place, self.results)

    def _inside(self, fn: Function, group: Index, place: int, size: int) -> Value | None:
        if place >= 0 and (self.groups - 1) * self.step + place < size:
            return None
        return self._below(fn, group, place, size)

    def _below(self, fn: Function, group: Index, place: Index, size: int) -> Value:
        at = fn.add(fn.multiply(group, self.step), place)
        return fn.compare("ult", fn.index(at), number(size, "i64"))  # a negative one is a large one


def spans(tile: int, read: Image, written: Image, before: tuple[int, int], room: int) -> tuple[Span, Span]:
    """Rows and columns, in groups of so many tiles as there is room for."""
    height, width = (-(-size // tile) for size in written.size)
    room = max(1, min(room, _PIXELS // tile))
    columns = _even(width, room)
    rows = _even(height, max(1, room // columns))

    def span(axis: int, each: int, count: int) -> Span:
        return Span(tile, each, -(-count // each), read.size[axis], before[axis], written.size[axis])

    return span(0, rows, height), span(1, columns, width)


def _even(count: int, most: int) -> int:
    """The size of equal groups, at most so large, with as little as possible left over."""
    return -(-count // -(-count // min(count, most)))


def masks(fn: Function, down: Sequence[Value | None], along: Sequence[Value | None], lanes: int) -> Masks:
    """Of the places within an image, by what is known of their rows and columns."""

    def both(a: Value | None, b: Value | None) -> Value | None:
        known = fn.binary("and", a, b) if a is not None and b is not None else a or b
        return fn.splat(known, lanes) if known is not None else None

    return [[both(a, b) for b in along] for a in down]
