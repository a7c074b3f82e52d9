"""Sums of products: out[…] = Σ a[…] · b[…], where every index is a strided loop.

Matrix products, einsum, convolutions and their gradients are such nests. One loop goes along the vector
registers; some of the result's loops are unrolled into a tile of running sums, so that a number that was
loaded serves several multiplications.
Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, product
from math import inf, prod
from typing import NamedTuple

from .finish import Finish
from .isa import Isa
from .layout import Batch, Kind, Loop
from .nest import Kernel, Tensor, Writer, present
from .pointwise import across
from .text import Element, Function, Index, Value, Variable, number

_CACHED = 24 << 10  # bytes of operands that a tile may walk over: with room to spare in a first-level cache
_TASKS = 16  # that a nest is divided into, if it has so many tiles
_LATENCY = 8  # multiply-adds under way at a time


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


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How a nest is made: the vector loop, the tiles (the outermost first), what is summed in which order.

    chunked: summed loops outside of the inner tiles, whose sums so far wait in the result.
    across: the vector loop is summed over.
    """

    vector: Term | None
    tiles: tuple[Tile, ...]
    inner: int  # how many of the tiles stand within the chunks
    chunked: tuple[Term, ...]
    summed: tuple[Term, ...]
    across: bool


def contraction(
    out: Tensor,
    a: Tensor,
    b: Tensor,
    terms: Sequence[Term],
    isa: Isa,
    batch: Batch,
    about: str,
    finish: Finish | None = None,
) -> list[Kernel]:
    """The kernel; two where the vector loop is no multiple of the lanes, the second for what is left over.

    Padding samples of a batch in lanes that are summed over count as 0. finish: what becomes of the sums, if
    `is_finished` says so.
    """
    return [
        _contracted(out.later(o), a.later(i), b.later(j), piece, isa, batch, about, finish)
        for piece, (o, i, j) in _pieces(terms, isa.lanes)
    ]


def _contracted(
    out: Tensor,
    a: Tensor,
    b: Tensor,
    terms: tuple[Term, ...],
    isa: Isa,
    batch: Batch,
    about: str,
    finish: Finish | None,
) -> Kernel:
    inputs, outputs = (finish.inputs, finish.outputs) if finish is not None else ([], [out])
    writer = Writer([a, b, *inputs, out, *outputs[1:]], isa.lanes)
    nest = _Nest(writer, _scheme(terms, isa.lanes, _registers(out, isa)), isa.lanes, batch, finish)
    tasks = nest.write()
    kernel = writer.kernel(len(outputs), tasks, about, prod(t.extent for t in terms))
    return replace(kernel, whole=nest.chunks_first)


def is_finished(out: Tensor, terms: Sequence[Term], isa: Isa) -> bool:
    """Whether a contraction has each sum in a register when it is complete."""
    schemes = [_scheme(piece, isa.lanes, _registers(out, isa)) for piece, _ in _pieces(terms, isa.lanes)]
    return not any(scheme.across or scheme.chunked for scheme in schemes)


def _pieces(terms: Sequence[Term], lanes: int) -> Iterator[tuple[tuple[Term, ...], tuple[int, int, int]]]:
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
        for piece, (out, a, b) in _pieces([*rest, vector._replace(extent=extent)], lanes):
            yield piece, (begins[0] + out, begins[1] + a, begins[2] + b)


def _registers(out: Tensor, isa: Isa) -> int:
    return isa.registers // (2 if out.dtype in ("float64", "int64") else 1)


def multiply(
    writer: Writer,
    at: Sequence[Index],
    terms: Sequence[Term],
    isa: Isa,
    batch: Batch,
    begun: Value | None = None,
) -> None:
    """The same amid a kernel, whose tensors are a, b and the result, from these places on.

    All of them must fit into a cache. begun: an i1, whether the sums are added to what the result has.
    """
    scheme = _scheme(tuple(t for t in terms if t.extent != 1), isa.lanes, isa.registers, inf)
    _Nest(writer, scheme, isa.lanes, batch).within(at, begun)


@lru_cache(maxsize=1024)
def _scheme(terms: tuple[Term, ...], lanes: int, registers: int, cached: float = _CACHED) -> _Scheme:
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
    outer.sort(key=lambda t: (t.term.kind != "block", -abs(t.term.out)))
    chunked: list[Term] = []
    while inner and summed and not across and _room(tiles, summed, vector, stays, lanes) > cached:
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
    return _Scheme(vector, (*outer, *inner), len(inner), tuple(chunked), tuple(summed), across)


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
                if sums + a + b > registers:  # LLVM loads more of them at once than it must
                    continue
                cost = (_cycles(chosen, sizes), -sums, a + b)
                if cost < best:
                    best, found = cost, dict(zip(chosen, sizes, strict=True))
    return found


def _cycles(chosen: Sequence[Term], sizes: Sequence[int]) -> float:
    """Per multiply-add: two go at a time, and two loads; what is left over at the ends makes small tiles."""
    total = 0.0
    parts = [[(t.extent // s, s), (1, t.extent % s)] for t, s in zip(chosen, sizes, strict=True)]
    for corner in product(*parts):
        count = prod(c for c, _ in corner)
        sums = prod(s for _, s in corner)
        if not count or not sums:
            continue
        a = prod(s for t, (_, s) in zip(chosen, corner, strict=True) if t.a)
        b = prod(s for t, (_, s) in zip(chosen, corner, strict=True) if t.b)
        total += count * (max(sums, a + b, _LATENCY) + 1)
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


class _Nest:
    """Writes the loops of a scheme."""

    def __init__(
        self, writer: Writer, scheme: _Scheme, lanes: int, batch: Batch, finish: Finish | None = None
    ) -> None:
        self.writer, self.fn, self.scheme, self.lanes, self.batch = writer, writer.fn, scheme, lanes, batch
        self.finish, self.result = finish, 2 if finish is None else 2 + len(finish.inputs)
        self.width = lanes if scheme.vector is not None else 0
        self.element: Element = writer.tensors[self.result].element
        sums_lane = scheme.across and scheme.vector is not None and scheme.vector.kind == "lane"
        self.masked = sums_lane and not batch.full

    @property
    def _outer(self) -> tuple[Tile, ...]:
        """The tiles around the chunks."""
        return self.scheme.tiles[: len(self.scheme.tiles) - self.scheme.inner]

    @property
    def chunks_first(self) -> bool:
        """Whether a thread does all its tiles for one chunk after the other, for too few are around them."""
        return bool(self.scheme.chunked) and prod(-(-t.term.extent // t.size) for t in self._outer) < _TASKS

    def write(self) -> int:
        """Returns how many tasks there are."""
        fn, scheme = self.fn, self.scheme
        tasks = 1
        count = 0
        for tile in scheme.tiles if self.chunks_first or not scheme.chunked else self._outer:
            if tasks >= _TASKS:
                break
            tasks *= -(-tile.term.extent // tile.size)
            count += 1

        def every(at: list[Index], begun: Value | None) -> None:
            with fn.loop(fn.parameter("lo", "i64"), fn.parameter("hi", "i64")) as task:
                self._task(task, scheme.tiles[:count], count, at, {}, begun)

        sample: list[Index] = [0] if self.masked else []  # the number of the vector's first one
        starts = [*self.writer.starts[:2], self.writer.starts[self.result], *sample]
        if self.chunks_first:
            self._chunks(scheme.chunked, starts, every, [])
        else:
            every(starts, None)
        return tasks

    def within(self, at: Sequence[Index], begun: Value | None) -> None:
        """All of it, amid another nest."""
        self._tiles(0, list(at), {}, begun)

    def _task(
        self,
        rest: Index,
        tiles: Sequence[Tile],
        count: int,
        at: list[Index],
        sizes: dict[Term, int],
        begun: Value | None,
    ) -> None:
        """From a task's number, its round in each of the first loops."""
        fn = self.fn
        if not tiles:
            self._tiles(count, at, sizes, begun)
            return
        *others, tile = tiles
        rounds = -(-tile.term.extent // tile.size)
        i: Index
        rest, i = (0, rest) if not others else fn.divide(rest, rounds)
        full, left = divmod(tile.term.extent, tile.size)
        there = self._moved(at, i, tile.term, tile.size)
        if not left:
            self._task(rest, others, count, there, {**sizes, tile.term: tile.size}, begun)
            return
        if full:
            with fn.when(fn.compare("slt", fn.index(i), number(full, "i64"))):
                self._task(rest, others, count, there, {**sizes, tile.term: tile.size}, begun)
        with fn.when(fn.compare("eq", fn.index(i), number(full, "i64"))):
            self._task(rest, others, count, there, {**sizes, tile.term: left}, begun)

    def _chunks(
        self,
        chunks: Sequence[Term],
        at: list[Index],
        body: Callable[[list[Index], Value | None], None],
        rounds: list[Index],
    ) -> None:
        """body(offsets, whether there are sums of chunks before) for each chunk."""
        fn = self.fn
        if chunks:
            with fn.loop(0, chunks[0].extent) as i:
                self._chunks(chunks[1:], self._moved(at, i, chunks[0]), body, [*rounds, i])
            return
        begun: Value | None = None
        for i in rounds:
            later = fn.compare("ne", fn.index(i), number(0, "i64"))
            begun = later if begun is None else fn.binary("or", begun, later)
        body(at, begun)

    def _tiles(self, position: int, at: list[Index], sizes: dict[Term, int], begun: Value | None) -> None:
        fn, scheme, tiles = self.fn, self.scheme, self.scheme.tiles
        if begun is None and scheme.chunked and position == len(tiles) - scheme.inner:
            self._chunks(
                scheme.chunked, at, lambda there, before: self._tiles(position, there, sizes, before), []
            )
            return
        if position == len(tiles):
            self._sums(at, sizes, begun)
            return
        tile = tiles[position]
        full, left = divmod(tile.term.extent, tile.size)
        if full:
            with fn.loop(0, full) as i:
                there = self._moved(at, i, tile.term, tile.size)
                self._tiles(position + 1, there, {**sizes, tile.term: tile.size}, begun)
        if left:
            there = self._moved(at, full, tile.term, tile.size)
            self._tiles(position + 1, there, {**sizes, tile.term: left}, begun)

    def _sums(self, at: list[Index], sizes: dict[Term, int], begun: Value | None) -> None:
        """One tile: its sums are made in registers, and stored."""
        fn, scheme, writer = self.fn, self.scheme, self.writer
        places = list(self._places(sizes))
        vector = None if scheme.across else scheme.vector
        stride = vector.out if vector is not None else 0
        mask = vector.extent if vector is not None and vector.extent < self.lanes else 0
        zero = number(0, self.element, self.width)
        sums = [fn.variable(zero) for _ in places]
        self._multiply(scheme.summed, at, places, sums, mask)
        for place, total in zip(places, sums, strict=True):
            value = fn.get(total)
            if begun is not None:
                # A chunk is summed by itself first, which rounds less than one long sum would.
                known = writer.load(self.result, fn.add(at[2], place[2]), stride, self.width, mask)
                before = fn.select(begun, known, zero)
                value = fn.binary("fadd" if value.is_float else "add", before, value)
            if scheme.across:
                value = across(fn, "sum", value)
            there = fn.add(at[2], place[2])
            if self.finish is None:
                writer.store(self.result, value, there, stride, mask)
            else:
                self.finish.store(writer, value, there, stride, self.width, mask)

    def _multiply(
        self,
        summed: Sequence[Term],
        at: list[Index],
        places: list[tuple[int, int, int]],
        sums: list[Variable],
        mask: int,
    ) -> None:
        fn = self.fn
        if not summed:
            self._step(at, places, sums, mask)
            return
        term = summed[0]
        if prod(t.extent for t in summed) * len(sums) <= 48:
            # Few enough to be written out: the offsets then are part of the instructions.
            for i in range(term.extent):
                self._multiply(summed[1:], self._moved(at, i, term), places, sums, mask)
            return
        with fn.loop(0, term.extent) as i:
            self._multiply(summed[1:], self._moved(at, i, term), places, sums, mask)

    def _step(
        self, at: list[Index], places: list[tuple[int, int, int]], sums: list[Variable], mask: int
    ) -> None:
        """One product for each running sum."""
        vector = self.scheme.vector
        if self.scheme.across and vector is not None and vector.extent != self.lanes:
            for i in range(-(-vector.extent // self.lanes)):
                left = vector.extent - i * self.lanes
                self._products(
                    self._moved(at, i, vector, self.lanes), places, sums, left if left < self.lanes else 0
                )
            return
        self._products(at, places, sums, mask)

    def _products(
        self, at: list[Index], places: list[tuple[int, int, int]], sums: list[Variable], mask: int
    ) -> None:
        fn, writer, vector = self.fn, self.writer, self.scheme.vector
        loaded: dict[tuple[int, int], Value] = {}

        def operand(which: int, place: int) -> Value:
            if (which, place) not in loaded:
                stride = (vector.a, vector.b)[which] if vector is not None else 0
                value = writer.load(which, fn.add(at[which], place), stride, self.width, mask)
                if which == 1 and self.masked:
                    zero = number(0, self.element, self.width)
                    value = fn.select(present(fn, at[3], self.batch.n, self.lanes), value, zero)
                loaded[which, place] = value
            return loaded[which, place]

        for (a, b, _), total in zip(places, sums, strict=True):
            fn.set(total, _multiply_add(fn, operand(0, a), operand(1, b), fn.get(total)))

    def _places(self, sizes: dict[Term, int]) -> Iterator[tuple[int, int, int]]:
        """The offsets of a, b and the result at each place of a tile."""
        terms = list(sizes)
        for rounds in product(*(range(sizes[t]) for t in terms)):
            pairs = list(zip(rounds, terms, strict=True))
            yield (
                sum(i * t.a for i, t in pairs),
                sum(i * t.b for i, t in pairs),
                sum(i * t.out for i, t in pairs),
            )

    def _moved(self, at: list[Index], i: Index, term: Term, times: int = 1) -> list[Index]:
        strides = [term.a, term.b, term.out]
        if self.masked:
            strides.append(self.lanes if term.kind == "block" else 0)
        fn = self.fn
        return [fn.add(o, fn.multiply(fn.multiply(i, times), s)) for o, s in zip(at, strides, strict=True)]


def _multiply_add(fn: Function, a: Value, b: Value, c: Value) -> Value:
    if a.is_float:
        return fn.fma(a, b, c)
    return fn.binary("add", fn.binary("mul", a, b), c)
