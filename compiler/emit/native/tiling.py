"""How a sum of products is divided: the loop along the vectors, tiles of running sums, chunks of long sums.

One loop goes along the vector registers; some of the result's loops are unrolled into a tile of running sums,
so that a number that was loaded serves several multiplications.
Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from math import prod
from typing import NamedTuple

from .layout import Kind, Loop

_CACHED = 24 << 10  # bytes of operands that a tile may walk over: with room to spare in a first-level cache
_LATENCY = 8  # multiply-adds under way at a time
_WAITING = 0.25  # of a load's time, that it adds even where multiplications take longer


class Term(NamedTuple):
    """A loop, and how far each operand moves in it. A loop that is summed over does not move the result."""

    extent: int
    out: int
    a: int
    b: int
    summed: bool
    kind: Kind = ""


def term(loop: Loop, summed: bool) -> Term:
    """A loop of the result and the two operands."""
    out, a, b = loop.strides
    return Term(loop.extent, out, a, b, summed, loop.kind)


class Tile(NamedTuple):
    """A loop of the result, and how many of its rounds are unrolled."""

    term: Term
    size: int

    @property
    def full(self) -> int:
        return self.term.extent // self.size

    @property
    def left(self) -> int:
        """Of the last one, if it is smaller."""
        return self.term.extent % self.size

    @property
    def rounds(self) -> int:
        return self.full + (self.left > 0)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a nest is made: the vector loop, the tiles (the outermost first), what is summed in which order.

    chunked: summed loops around a group of tiles, whose sums so far wait in memory of the thread's own.
    across: the vector loop is summed over.
    """

    vector: Term | None
    tiles: tuple[Tile, ...]
    chunked: tuple[Term, ...]
    summed: tuple[Term, ...]
    across: bool

    @property
    def inner_first(self) -> bool:
        """Whether tasks follow each other along the outer tiles: then each thread reads its own part only of
        the operand that moves along the last tile, which is by far the larger one.
        """
        last = self.tiles[-1].term
        moves, stays = ("a", "b") if last.a else ("b", "a")
        return self._size(moves) >= 2 * self._size(stays)

    def _size(self, side: str) -> int:
        """The numbers of an operand."""
        terms = [*(t.term for t in self.tiles), *self.chunked, *self.summed]
        terms += [self.vector] if self.vector is not None else []
        return prod(t.extent for t in terms if getattr(t, side))


def pieces(terms: Sequence[Term], lanes: int) -> Iterator[tuple[tuple[Term, ...], tuple[int, int, int]]]:
    """The loops in whole vectors, and those in what is left over, with where each begins in out, a and b."""
    loops = [t for t in terms if t.extent != 1]
    vector, across = _vector(loops)
    left = vector.extent % lanes if vector is not None and not across and vector.extent > lanes else 0
    if vector is None or not left:
        yield tuple(loops), (0, 0, 0)
        return
    whole = vector.extent - left
    rest = [t for t in loops if t is not vector]
    for first, extent in ((0, whole), (whole, left)):
        begins = [first * stride for stride in (vector.out, vector.a, vector.b)]
        for piece, (out, a, b) in pieces([*rest, vector._replace(extent=extent)], lanes):
            yield piece, (begins[0] + out, begins[1] + a, begins[2] + b)


@lru_cache(maxsize=1024)
def scheme_of(terms: tuple[Term, ...], lanes: int, registers: int, cached: float = _CACHED) -> Scheme:
    vector, across = _vector(terms)
    rest = [t for t in terms if t is not vector]
    kept = [t for t in rest if not t.summed]
    summed = sorted((t for t in rest if t.summed), key=lambda t: -max(abs(t.a), abs(t.b)))
    if vector is not None and not across:
        count = vector.extent // lanes
        if count > 1:
            kept.append(Term(count, vector.out * lanes, vector.a * lanes, vector.b * lanes, False))
            vector = vector._replace(extent=lanes)
    sizes = _sizes(kept, registers)
    tiles = [Tile(t, sizes.get(t, 1)) for t in kept]
    # What each operand walks over in one tile; the larger one stays while the other changes.
    a_room, b_room = (_room(tiles, summed, vector, side, lanes) for side in ("a", "b"))
    stays = "a" if a_room >= b_room else "b"
    outer = [t for t in tiles if getattr(t.term, stays)]
    inner = [t for t in tiles if not getattr(t.term, stays)]
    # A loop whose last tile is smaller goes last: threads with other tiles of it would have less to do.
    outer.sort(key=lambda t: (t.term.kind != "block", t.left > 0, -abs(t.term.out)))
    chunked: list[Term] = []
    while inner and summed and _room(tiles, summed, vector, stays, lanes) > cached:
        first = summed[0]
        per = _room(tiles, [first._replace(extent=1), *summed[1:]], vector, stays, lanes)
        fits = max(1, int(cached) // max(per, 1))
        size = max((d for d in range(1, fits + 1) if first.extent % d == 0), default=1)
        if size == first.extent:
            break
        if first.extent // size > 1:
            chunked.append(first._replace(extent=first.extent // size, a=first.a * size, b=first.b * size))
        summed[0] = first._replace(extent=size)
        if size > 1:
            break
        summed.pop(0)
    return Scheme(vector, (*outer, *inner), tuple(chunked), tuple(summed), across)


def _vector(terms: Sequence[Term]) -> tuple[Term | None, bool]:
    """The loop along the vectors, and whether it is summed over."""
    lane = next((t for t in terms if t.kind == "lane"), None)
    if lane is not None and (not lane.summed or lane.b in (0, 1)):  # padding is left out along vectors alone
        return lane, lane.summed
    even = [t for t in terms if not t.summed and t.out == 1 and t.a in (0, 1) and t.b in (0, 1)]
    if even:
        return max(even, key=lambda t: t.extent), False
    if lane is not None:
        return lane, True
    across = [t for t in terms if t.summed and t.a == 1 and t.b == 1]
    return (across[0], True) if across else (None, False)


def _sizes(kept: Sequence[Term], registers: int) -> dict[Term, int]:
    """The unrolled rounds of each loop for which the nest takes the fewest cycles."""
    best: tuple[float, ...] = (float("inf"),)
    found: dict[Term, int] = {}
    long = sorted(kept, key=lambda t: -t.extent)[:6]
    for count in (1, 2, 3):
        limit = {1: 16, 2: 14, 3: 6}[count]
        for chosen in combinations(long, min(count, len(long))):
            for sizes in product(*(range(1, min(t.extent, limit) + 1) for t in chosen)):
                sums = prod(sizes)
                a = prod(s for t, s in zip(chosen, sizes, strict=True) if t.a)
                b = prod(s for t, s in zip(chosen, sizes, strict=True) if t.b)
                if sums + min(a, b) + 1 > registers:  # of the operand with more, one at a time
                    continue
                apart = sum(abs(t.a) + abs(t.b) for t, s in zip(chosen, sizes, strict=True) if s > 1)
                cost = (_cycles(chosen, sizes), -sums, a + b, apart)
                if cost < best:
                    best, found = cost, dict(zip(chosen, sizes, strict=True))
    return found


def _cycles(chosen: Sequence[Term], sizes: Sequence[int]) -> float:
    """Per multiply-add: two go at a time, and two loads, of which some must wait for a second-level cache;
    what is left over at the ends makes small tiles.
    """
    total = 0.0
    parts = [[(t.extent // s, s), (1, t.extent % s)] for t, s in zip(chosen, sizes, strict=True)]
    for corner in product(*parts):
        count = prod(c for c, _ in corner)
        sums = prod(s for _, s in corner)
        if not count or not sums:
            continue
        a = prod(s for t, (_, s) in zip(chosen, corner, strict=True) if t.a)
        b = prod(s for t, (_, s) in zip(chosen, corner, strict=True) if t.b)
        total += count * (max(sums, a + b, _LATENCY) + 1 + _WAITING * (a + b))
    return total / prod(t.extent for t in chosen)


def _room(tiles: Sequence[Tile], summed: Sequence[Term], vector: Term | None, side: str, lanes: int) -> int:
    """The bytes of one operand that a tile walks over."""
    loops = [(t.size, abs(getattr(t.term, side))) for t in tiles] + [
        (t.extent, abs(getattr(t, side))) for t in summed
    ]
    if vector is not None and getattr(vector, side):
        loops.append((lanes, abs(getattr(vector, side))))
    places = sum((n - 1) * s for n, s in loops) + 1  # from the first to the last, where loops overlap
    return 4 * min(prod(n for n, s in loops if s), places)
