"""Which sums of products are worth a matrix unit, and how they are divided into tiles for it.

The loops of such a sum are the rows of a matrix product, its columns or its depth. The tiles of one operand
are kept: all are split before. Some steps of one stay in a core's first-level cache while tiles of the other
operand pass it, then those of the next one. What passes is split on the way past the first, and waits in the
second-level cache.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from .amx import SIDE
from .isa import Isa
from .layout import Batch
from .nest import Tensor
from .text import Function, Index, number
from .tiling import Term

_KEPT = 32  # tiles of a block, at most
_PASSING = 8  # tiles of a task, at most, and half as many where there would be few tasks
_TASKS = 8  # or so many are enough
_STEPS = 4  # of the depth, at a time
_LONG = 8  # steps, beside which turning a tile of sums costs nothing
_TDP = 16 * 6  # cycles of a step of a tile; measured, as what follows
_SPLIT = 300  # of splitting a tile
_STORE = 130  # of what becomes of a tile of sums
_WORTH = 0.8  # of the time of the same sums in vector registers, at most
_USUAL = 0.8  # of their peak is what these reach


@dataclass(frozen=True, slots=True)
class Axis:
    """Rounds of one loop, in runs of SIDE, within other loops, the outermost first."""

    loops: tuple[Term, ...]
    run: Term

    @property
    def _each(self) -> int:
        return -(-self.run.extent // SIDE)

    @property
    def runs(self) -> int:
        return prod(t.extent for t in self.loops) * self._each

    def place(self, fn: Function, run: Index) -> tuple[Index, Index, Index, Index]:
        """Where a run begins in a, b and the result, and how long it is."""
        rest, i = fn.divide(run, self._each)
        first = fn.multiply(i, SIDE)
        inner = (fn.multiply(first, stride) for stride in (self.run.a, self.run.b, self.run.out))
        a, b, out = (fn.add(*pair) for pair in zip(places(fn, self.loops, rest), inner, strict=True))
        if self.run.extent % SIDE == 0:
            return a, b, out, SIDE
        left = fn.index(fn.add(self.run.extent, fn.multiply(first, -1)))
        return a, b, out, fn.intrinsic("smin", left, number(SIDE, "i64"))


def places(fn: Function, loops: Sequence[Term], rest: Index) -> tuple[Index, Index, Index]:
    """Where a round of all loops begins in a, b and the result; rest: its number."""
    at: list[Index] = [0, 0, 0]
    for position in range(len(loops) - 1, -1, -1):
        term = loops[position]
        i: Index
        rest, i = fn.divide(rest, term.extent) if position else (0, rest)
        at = [fn.add(o, fn.multiply(i, s)) for o, s in zip(at, (term.a, term.b, term.out), strict=True)]
    return at[0], at[1], at[2]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A matrix product, or several of them (`batches`): rows are those of a, columns those of b.

    swapped: a and b of the sum, and the strides of its terms. turned: the result's rows lie side by side, not
    its columns. kept: the side whose tiles are kept, 0 for the rows.
    """

    rows: Axis
    columns: Axis
    depth: Axis
    batches: tuple[Term, ...]
    swapped: bool
    turned: bool
    kept: int

    @property
    def sides(self) -> tuple[Axis, Axis]:
        return self.rows, self.columns

    @property
    def tiles(self) -> Hashable:
        """What those that are kept depend on, besides the memory of their operand."""
        axis, side = self.sides[self.kept], "ab"[self.kept]
        terms = (*axis.loops, axis.run), (*self.depth.loops, self.depth.run), self.batches
        return self.kept, tuple(tuple((t.extent, getattr(t, side)) for t in loops) for loops in terms)

    @property
    def steps(self) -> int:
        """Along the depth, of two runs each."""
        return -(-self.depth.runs // 2)

    @property
    def chunk(self) -> int:
        """Steps for which tiles are kept at a time."""
        return -(-self.steps // -(-self.steps // _STEPS))

    @property
    def width(self) -> int:
        """The tiles of a block that is kept: a power of 2."""
        runs = self.sides[self.kept].runs
        return next(size for size in (32, 16, 8, 4, 2, 1) if size <= _KEPT and runs % size == 0)

    @property
    def blocks(self) -> int:
        return self.sides[self.kept].runs // self.width

    @property
    def count(self) -> int:
        """The tiles that pass in a task."""
        runs = self.sides[1 - self.kept].runs
        few = self.products * self.blocks * -(-runs // _PASSING) < _TASKS
        return -(-runs // -(-runs // (_PASSING // 2 if few else _PASSING)))

    @property
    def groups(self) -> int:
        return -(-self.sides[1 - self.kept].runs // self.count)

    @property
    def products(self) -> int:
        """Matrix products."""
        return prod(t.extent for t in self.batches)

    @property
    def tasks(self) -> int:
        return self.products * self.groups * self.blocks

    @property
    def cycles(self) -> float:
        """About how many one core needs."""
        tiles = self.rows.runs * self.columns.runs
        split = sum(axis.runs for axis in self.sides)
        each = tiles * (self.steps * _TDP / 0.7 + _STORE) + split * self.steps * _SPLIT
        return self.products * each


def scheme_of(
    out: Tensor, a: Tensor, b: Tensor, terms: Sequence[Term], isa: Isa, batch: Batch
) -> Scheme | None:
    """How a matrix unit makes a sum of products; None where there is none, or it would not be faster."""
    if not isa.matrix or any(t.dtype != "float32" for t in (out, a, b)):
        return None
    terms = [t for t in terms if t.extent != 1]
    # Padding samples count as 0 where b was packed, but not where it lies in lanes.
    padded = not batch.full and any(t.kind == "lane" and t.summed and t.b == 1 for t in terms)
    if padded or not all(t.a or t.b for t in terms) or not all(t.out or t.summed for t in terms):
        return None
    if not all(t.a and t.b for t in terms if t.summed):
        return None
    found = [*_schemes(terms, swapped=False), *_schemes(terms, swapped=True)]
    best = min(found, key=_badness, default=None)
    usual = prod(t.extent for t in terms) / (2 * isa.lanes * _USUAL)
    return best if best is not None and best.cycles < _WORTH * usual else None


def _schemes(terms: Sequence[Term], swapped: bool) -> list[Scheme]:
    if swapped:
        terms = [t._replace(a=t.b, b=t.a) for t in terms]
    depth = [t for t in terms if t.summed]
    rows = [t for t in terms if not t.summed and not t.b]
    columns = [t for t in terms if not t.summed and not t.a]
    batches = tuple(t for t in terms if not t.summed and t.a and t.b)
    return [
        Scheme(_axis(rows, m), _axis(columns, n), _axis(depth, k), batches, swapped, n.out != 1, kept)
        for m, n, k, kept in product(rows, columns, depth, (0, 1))
        if 1 in (m.out, n.out) and 1 in (m.a, k.a) and 1 in (n.b, k.b) and (k.a, n.b)[1 - kept] == 1
    ]


def _badness(scheme: Scheme) -> tuple[float, ...]:
    """Little is to be left over, the smaller operand kept, short sums not turned; and the first operand kept.

    Other products often read the first one too: that of a gradient of weights is a layer's input.
    """
    direct = scheme.depth.run.a if scheme.kept == 0 else scheme.columns.run.b
    return (
        scheme.cycles,
        scheme.sides[scheme.kept].runs > scheme.sides[1 - scheme.kept].runs,
        -scheme.width,
        scheme.turned and scheme.steps < _LONG,
        scheme.kept != scheme.swapped,
        scheme.turned,
        direct != 1,
    )


def _axis(terms: Sequence[Term], run: Term) -> Axis:
    rest = [t for t in terms if t is not run]
    return Axis(tuple(sorted(rest, key=lambda t: -max(abs(t.out), abs(t.a), abs(t.b)))), run)
