"""Where the elements of a tensor lie: each axis is a product of strided loops.

A tensor without the batch axis lies as its shape says, its last axis side by side ("natural"). The batch axis
is padded to blocks of `lanes` samples, and a block's samples lie side by side, innermost: a vector
instruction then does for `lanes` samples what a scalar one would for one ("in lanes"). Views only rearrange
the loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import Literal, NamedTuple

from ...ir import Dim, Extent, TensorType, product, size_at

Kind = Literal["", "block", "lane"]


class Unsupported(Exception):
    """What this target cannot lay out or compute; the message names it."""


class Factor(NamedTuple):
    """One loop of an axis: how many places, and how many elements lie between two of them."""

    extent: int
    stride: int
    kind: Kind = ""


Axis = tuple[Factor, ...]  # the outermost first


@dataclass(frozen=True, slots=True)
class Layout:
    """A place for each index; strides and offset count elements."""

    axes: tuple[Axis, ...]
    offset: int = 0

    @property
    def extents(self) -> tuple[int, ...]:
        """The sizes, the batch padded."""
        return tuple(prod(f.extent for f in axis) for axis in self.axes)

    @property
    def elements(self) -> int:
        return prod(self.extents)

    @property
    def flat(self) -> Axis:
        """All axes as one, in the order of the shape."""
        return tuple(f for axis in self.axes for f in axis)

    @property
    def in_lanes(self) -> bool:
        return any(f.kind == "lane" for f in self.flat)

    # views

    def transposed(self, axes: Sequence[int]) -> Layout:
        return replace(self, axes=tuple(self.axes[a] for a in axes))

    def reshaped(self, extents: Sequence[int]) -> Layout | None:
        """The same elements in order under other axes; None where a loop would have to be cut unevenly."""
        rest = _joined([f for f in self.flat if f.extent != 1])
        axes: list[Axis] = []
        for extent in extents:
            axis: list[Factor] = []
            missing = extent
            while missing > 1:
                if not rest:
                    return None
                first = rest.pop(0)
                if missing % first.extent == 0:
                    axis.append(first)
                    missing //= first.extent
                elif first.extent % missing == 0 and not first.kind:
                    inner = first.extent // missing
                    axis.append(Factor(missing, first.stride * inner))
                    rest.insert(0, Factor(inner, first.stride))
                    missing = 1
                else:
                    return None
            axes.append(tuple(axis))
        return None if rest else replace(self, axes=tuple(axes))

    def broadcast(self, extents: Sequence[int]) -> Layout:
        lead: list[Axis] = [() for _ in range(len(extents) - len(self.axes))]
        axes = [
            axis if prod(f.extent for f in axis) == extent else (Factor(extent, 0),)
            for axis, extent in zip([*lead, *self.axes], extents, strict=True)
        ]
        return replace(self, axes=tuple(axes))

    def sliced(self, start: Sequence[int], counts: Sequence[int], step: Sequence[int]) -> Layout:
        """Every step-th place from start on, of axes that are one loop each or taken whole."""
        axes: list[Axis] = []
        offset = self.offset
        for axis, first, count, stride in zip(self.axes, start, counts, step, strict=True):
            if (first, count, stride) == (0, prod(f.extent for f in axis), 1):
                axes.append(axis)
                continue
            if any(f.kind for f in axis):
                raise Unsupported("a slice of the batch")
            if len(axis) > 1 and (axis := _merged(axis)) is None:
                raise Unsupported("a slice of joined axes")
            (loop,) = axis or (Factor(1, 0),)
            offset += first * loop.stride
            axes.append((Factor(count, loop.stride * stride),) if count > 1 else ())
        return Layout(tuple(axes), offset)

    def panels(self, axis: int, size: int) -> Layout:
        """The places along an axis in panels of so many, each of which has all else; as it is if uneven."""
        extent = self.extents[axis]
        if extent % size or extent == size:
            return self
        axes = [tuple(f._replace(stride=f.stride // extent * size) for f in own) for own in self.axes]
        axes[axis] = (Factor(extent // size, self.elements // extent * size), Factor(size, 1))
        return replace(self, axes=tuple(axes))

    def flipped(self, axes: Sequence[int]) -> Layout:
        found = list(self.axes)
        offset = self.offset
        for a in axes:
            if any(f.kind for f in self.axes[a]):
                raise Unsupported("the batch from its end to its beginning")
            offset += sum((f.extent - 1) * f.stride for f in self.axes[a])
            found[a] = tuple(f._replace(stride=-f.stride) for f in self.axes[a])
        return Layout(tuple(found), offset)


def _joined(loops: Sequence[Factor]) -> list[Factor]:
    """Neighbours made one where their places are evenly spaced; blocks and lanes stay."""
    found: list[Factor] = []
    for loop in loops:
        outer = found[-1] if found else None
        even = outer is not None and outer.stride == loop.stride * loop.extent
        if outer is not None and even and not outer.kind and not loop.kind:
            found[-1] = Factor(outer.extent * loop.extent, loop.stride)
        else:
            found.append(loop)
    return found


def _merged(axis: Axis) -> Axis | None:
    """One loop for all, if their places are evenly spaced."""
    for outer, inner in pairwise(axis):
        if outer.stride != inner.stride * inner.extent:
            return None
    return (Factor(prod(f.extent for f in axis), axis[-1].stride),)


def fits(type: TensorType) -> bool:
    """Whether a value can lie in lanes, or has no samples: it has one axis of c·N places, or none."""
    sizes = [d for d in type.shape if isinstance(d, Extent)]
    return len(sizes) <= 1 and all(len(d.coefficients) == 2 and d.coefficients[0] == 0 for d in sizes)


def before_samples(type: TensorType) -> Dim:
    """How often a value has all samples one after the other: the elements of the axes before theirs."""
    batch = next((a for a, d in enumerate(type.shape) if isinstance(d, Extent)), 0)
    return product(type.shape[:batch])


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of n samples in blocks of `lanes`."""

    n: int
    lanes: int

    @property
    def blocks(self) -> int:
        return -(-self.n // self.lanes)

    @property
    def padded(self) -> int:
        return self.blocks * self.lanes

    @property
    def full(self) -> bool:
        return self.n == self.padded

    def share(self, dim: Dim) -> int:
        """c of a size c·N; 0 of a number. Other sizes are Unsupported."""
        if not isinstance(dim, Extent):
            return 0
        if len(dim.coefficients) != 2 or dim.coefficients[0] != 0:
            raise Unsupported(f"an axis of {dim} places")
        return dim.coefficients[1]

    def extents(self, shape: Sequence[Dim]) -> tuple[int, ...]:
        """The sizes, the batch padded."""
        return tuple(self.share(d) * self.padded if isinstance(d, Extent) else d for d in shape)

    def layout(self, type: TensorType, innermost: int | None = None) -> Layout:
        """In lanes where the type has the batch axis, otherwise natural.

        innermost: an axis whose places lie side by side within each lane, instead of the lanes.
        """
        shares = [self.share(d) for d in type.shape]
        if sum(s > 0 for s in shares) > 1:
            raise Unsupported(f"two axes of the batch, {type}")
        sizes = [int(str(s or d)) for s, d in zip(shares, type.shape, strict=True)]
        lanes = self.lanes if any(shares) else 1
        strides: dict[int, int] = {}
        lane = step = 1
        if innermost is not None:
            strides[innermost] = 1
            lane = step = sizes[innermost]
        step *= lanes
        for a in reversed(range(len(sizes))):
            if a != innermost:
                strides[a] = step
                step *= sizes[a]
        axes: list[Axis] = []
        for a, (share, size) in enumerate(zip(shares, sizes, strict=True)):
            own: Axis = (Factor(size, strides[a]),) if size != 1 else ()
            if share:
                own = (Factor(self.blocks, step, "block"), Factor(self.lanes, lane, "lane"), *own)
            axes.append(own)
        return Layout(tuple(axes))

    def broadcast(self, layout: Layout, type: TensorType) -> Layout:
        """A value spread over a type's shape; where all samples share it, they still are blocks and lanes."""
        spread = layout.broadcast(self.extents(type.shape))
        axes = [
            tuple(f._replace(stride=0) for f in own) if axis == (Factor(extent, 0),) and extent > 1 else axis
            for axis, own, extent in zip(spread.axes, self.layout(type).axes, spread.extents, strict=True)
        ]
        return replace(spread, axes=tuple(axes))

    def natural(self, type: TensorType) -> Layout:
        """As the shape says: what leaves the program, or comes from NumPy. The batch is padded if it fits."""
        if not fits(type):
            return _dense([size_at(d, self.n) for d in type.shape])
        axes: list[Axis] = []
        step = 1
        for dim, extent in zip(reversed(type.shape), reversed(self.extents(type.shape)), strict=True):
            share = self.share(dim)
            if share:
                own: Axis = (Factor(share, step),) if share != 1 else ()
                lanes = Factor(self.lanes, step * share, "lane")
                axes.insert(0, (Factor(self.blocks, step * share * self.lanes, "block"), lanes, *own))
            else:
                axes.insert(0, (Factor(extent, step),) if extent != 1 else ())
            step *= extent
        return Layout(tuple(axes))


def _dense(sizes: Sequence[int]) -> Layout:
    """One element after the other, the last axis innermost."""
    strides = [prod(sizes[a + 1 :]) for a in range(len(sizes))]
    return Layout(tuple((Factor(n, s),) if n != 1 else () for n, s in zip(sizes, strides, strict=True)))


class Loop(NamedTuple):
    """A loop that several tensors share: the stride of each."""

    extent: int
    strides: tuple[int, ...]
    kind: Kind = ""


def common(axes: Sequence[Axis]) -> list[Loop]:
    """One axis, seen by several tensors, as loops that all of them can make. Unsupported if they cannot."""
    rests = [[f for f in axis if f.extent != 1] for axis in axes]
    loops: list[Loop] = []
    while any(rests):
        # From the innermost outwards: the smallest of the last loops divides the others, or they do not fit.
        if not all(rests):
            raise Unsupported("axes that are divided differently")
        extent = min(rest[-1].extent for rest in rests)
        strides: list[int] = []
        kinds: set[Kind] = {rest[-1].kind for rest in rests if rest[-1].kind and rest[-1].extent == extent}
        for rest in rests:
            last = rest.pop()
            if last.extent % extent or (last.kind and last.extent != extent):
                raise Unsupported("axes that are divided differently")
            strides.append(last.stride)
            if last.extent != extent:
                rest.append(Factor(last.extent // extent, last.stride * extent, last.kind))
        if len(kinds) > 1:
            raise Unsupported("axes that are divided differently")
        loops.insert(0, Loop(extent, tuple(strides), kinds.pop() if kinds else ""))
    return loops


def merged(loops: Sequence[Loop], keep: Sequence[Kind] = ()) -> list[Loop]:
    """Neighbours joined where every tensor walks on evenly, except loops of the kinds to keep."""
    found: list[Loop] = []
    for loop in loops:
        outer = found[-1] if found else None
        if (
            outer is not None
            and loop.kind not in keep
            and outer.kind not in keep
            and all(o == s * loop.extent for o, s in zip(outer.strides, loop.strides, strict=True))
        ):
            found[-1] = Loop(outer.extent * loop.extent, loop.strides)
        else:
            found.append(loop)
    return found
