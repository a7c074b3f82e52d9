"""Sums of products: out[…] = Σ a[…] · b[…], where every index is a strided loop.

Matrix products, einsum, convolutions and their gradients are such nests; `tiling.py` says how one is divided.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from math import inf, prod
from typing import NamedTuple

from .finish import Finish, ends
from .isa import AVX512, Isa
from .layout import Batch
from .nest import Kernel, Tensor, Writer, present
from .pointwise import across
from .text import Element, Function, Index, Value, Variable, number
from .tiling import Scheme, Term, Tile, pieces, scheme_of
from .values import Values

_AHEAD = 64  # products of a sum, while which memory can send what it ends in
_TASKS = 16  # that a nest is divided into, if it has so many tiles
_TOGETHER = 16  # tiles that use a chunk of the operands while it is in a first-level cache


def contraction(
    values: Values,
    out: Tensor,
    a: Tensor,
    b: Tensor,
    terms: Sequence[Term],
    about: str,
    finish: Finish | None = None,
) -> list[Kernel]:
    """The kernel; two where the vector loop is no multiple of the lanes, the second for what is left over.

    Padding samples of a batch in lanes that are summed over count as 0. finish: what becomes of the sums, if
    `is_finished` says so.
    """
    return [
        _contracted(values, out.later(o), a.later(i), b.later(j), piece, about, finish)
        for piece, (o, i, j) in pieces(terms, values.isa.lanes)
    ]


def _contracted(
    values: Values,
    out: Tensor,
    a: Tensor,
    b: Tensor,
    terms: tuple[Term, ...],
    about: str,
    finish: Finish | None,
) -> Kernel:
    isa, batch = values.isa, values.batch
    inputs, outputs = ends(finish, out)
    tensors = [a, b, *inputs, *outputs]

    def write() -> Kernel:
        writer = Writer(tensors, isa.lanes)
        nest = _Nest(writer, scheme_of(terms, isa.lanes, _registers(out, isa)), isa.lanes, batch, finish)
        tasks = nest.write()
        kernel = writer.kernel(len(outputs), tasks, "", prod(t.extent for t in terms))
        return replace(kernel, least=_TOGETHER // 2 if nest.scheme.chunked else 1)

    return values.written(("contraction", terms, finish and finish.form), tensors, about, write)


def is_finished(out: Tensor, terms: Sequence[Term], isa: Isa) -> bool:
    """Whether a contraction has vectors of sums in registers when they are complete."""
    schemes = [scheme_of(piece, isa.lanes, _registers(out, isa)) for piece, _ in pieces(terms, isa.lanes)]
    return not any(scheme.across for scheme in schemes)


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
    scheme = scheme_of(tuple(t for t in terms if t.extent != 1), isa.lanes, isa.registers, inf)
    _Nest(writer, scheme, isa.lanes, batch, begun=begun).tiles(0, list(at), {})


class _Chunk(NamedTuple):
    """A part of a long sum: whether there are parts before it, and after it; where the sums so far wait."""

    begun: Value
    more: Value
    place: Index


class _Nest:
    """Writes the loops of a scheme. begun: an i1, whether the sums are added to what the result has."""

    def __init__(
        self,
        writer: Writer,
        scheme: Scheme,
        lanes: int,
        batch: Batch,
        finish: Finish | None = None,
        begun: Value | None = None,
    ) -> None:
        self.writer, self.fn, self.scheme, self.lanes, self.batch = writer, writer.fn, scheme, lanes, batch
        self.finish, self.result = finish, 2 if finish is None else 2 + len(finish.inputs)
        self.begun = begun
        self.width = lanes if scheme.vector is not None else 0
        self.element: Element = writer.tensors[self.result].element
        sums_lane = scheme.across and scheme.vector is not None and scheme.vector.kind == "lane"
        self.masked = sums_lane and not batch.full

    def write(self) -> int:
        """Returns how many tasks there are."""
        fn, tiles = self.fn, self.scheme.tiles
        sample: list[Index] = [0] if self.masked else []  # the number of the vector's first one
        starts = [*self.writer.starts[:2], self.writer.starts[self.result], *sample]
        if self.scheme.chunked:
            return self._chunked(starts)
        tasks = 1
        count = 0
        for tile in tiles:
            if tasks >= _TASKS:
                break
            tasks *= tile.rounds
            count += 1
        with fn.loop(fn.parameter("lo", "i64"), fn.parameter("hi", "i64")) as task:
            self._task(task, tiles[:count], starts, {}, lambda at, sizes: self.tiles(count, at, sizes))
        return tasks

    def _task(
        self,
        rest: Index,
        tiles: Sequence[Tile],
        at: list[Index],
        sizes: dict[Term, int],
        body: Callable[[list[Index], dict[Term, int]], None],
    ) -> None:
        """From a task's number, its round in each of the first loops."""
        fn = self.fn
        if not tiles:
            body(at, sizes)
            return
        *others, tile = tiles
        i: Index
        rest, i = (0, rest) if not others else fn.divide(rest, tile.rounds)
        there = self._moved(at, i, tile.term, tile.size)

        def sized(size: int) -> None:
            self._task(rest, others, there, {**sizes, tile.term: size}, body)

        if not tile.left:
            sized(tile.size)
            return
        if tile.full:
            with fn.when(fn.compare("slt", fn.index(i), number(tile.full, "i64"))):
                sized(tile.size)
        with fn.when(fn.compare("eq", fn.index(i), number(tile.full, "i64"))):
            sized(tile.left)

    def _chunked(self, starts: list[Index]) -> int:
        """A task is a tile: some tasks at a time take one chunk after the other."""
        fn, tiles = self.fn, self.scheme.tiles
        if self.scheme.inner_first:
            tiles = (tiles[-1], *tiles[:-1])
        low, high = fn.parameter("lo", "i64"), fn.parameter("hi", "i64")
        size = prod(tile.size for tile in tiles) * max(self.width, 1)
        self._waiting = fn.scratch(_TOGETHER * size, self.element)
        with fn.loop(low, high, _TOGETHER) as first:
            end = fn.intrinsic("smin", fn.index(fn.add(first, _TOGETHER)), high)
            chunks = self._chunks(self.scheme.chunked, starts, [])
            with chunks as (at, begun, more), fn.loop(first, end) as task:
                chunk = _Chunk(begun, more, fn.multiply(fn.add(task, fn.multiply(first, -1)), size))
                self._task(task, tiles, at, {}, lambda at, sizes: self._sums(at, sizes, chunk))
        return prod(tile.rounds for tile in tiles)

    @contextmanager
    def _chunks(
        self, chunks: Sequence[Term], at: list[Index], rounds: list[Index]
    ) -> Generator[tuple[list[Index], Value, Value]]:
        """The body for each chunk: where it begins, and whether there are chunks before and after it."""
        fn = self.fn
        if chunks:
            with (
                fn.loop(0, chunks[0].extent) as i,
                self._chunks(chunks[1:], self._moved(at, i, chunks[0]), [*rounds, i]) as chunk,
            ):
                yield chunk
            return
        before = after = number(0, "i1")
        for i, term in zip(rounds, self.scheme.chunked, strict=True):
            before = fn.binary("or", before, fn.compare("ne", fn.index(i), number(0, "i64")))
            after = fn.binary("or", after, fn.compare("ne", fn.index(i), number(term.extent - 1, "i64")))
        yield at, before, after

    def tiles(self, position: int, at: list[Index], sizes: dict[Term, int]) -> None:
        """The loops from this one on."""
        fn, tiles = self.fn, self.scheme.tiles
        if position == len(tiles):
            self._sums(at, sizes)
            return
        tile = tiles[position]
        if tile.full:
            with fn.loop(0, tile.full) as i:
                there = self._moved(at, i, tile.term, tile.size)
                self.tiles(position + 1, there, {**sizes, tile.term: tile.size})
        if tile.left:
            there = self._moved(at, tile.full, tile.term, tile.size)
            self.tiles(position + 1, there, {**sizes, tile.term: tile.left})

    def _sums(self, at: list[Index], sizes: dict[Term, int], chunk: _Chunk | None = None) -> None:
        """One tile: its sums are made in registers, and stored."""
        fn, scheme, writer = self.fn, self.scheme, self.writer
        places = list(self._places(sizes))
        along = None if scheme.across else scheme.vector
        stride = along.out if along is not None else 0
        mask = along.extent if along is not None and along.extent < self.lanes else 0
        zero = number(0, self.element, self.width)
        sums = [fn.variable(zero) for _ in places]
        if self.finish is not None and stride == 1 and prod(t.extent for t in scheme.summed) >= _AHEAD:
            for _, _, place in places:
                self.finish.prefetch(writer, fn.add(at[2], place))
        self._multiply(scheme.summed, at, places, sums, mask)
        values = [fn.get(total) for total in sums]
        if scheme.across and chunk is None:
            values = self._across(values)
        there = [fn.add(at[2], place) for _, _, place in places]

        def store() -> None:
            for place, value in zip(there, values, strict=True):
                if self.finish is None:
                    writer.store(self.result, value, place, stride, mask)
                else:
                    self.finish.store(writer, value, place, stride, self.width, mask)

        if self.begun is not None:
            known = [writer.load(self.result, place, stride, values[0].lanes, mask) for place in there]
            values = self._added(self.begun, known, values)
        if chunk is None:
            store()
            return
        # A chunk is summed by itself first, which rounds less than one long sum would.
        waiting = [fn.add(chunk.place, k * max(self.width, 1)) for k in range(len(values))]
        known = [fn.load(self._waiting, place, self.element, self.width) for place in waiting]
        values = self._added(chunk.begun, known, values)
        with fn.when(chunk.more):
            for place, value in zip(waiting, values, strict=True):
                fn.store(value, self._waiting, place)
        with fn.when(fn.binary("xor", chunk.more, number(1, "i1"))):
            if scheme.across:
                values = self._across(values)
            store()

    def _across(self, values: Sequence[Value]) -> list[Value]:
        """The sums, of vectors that each are one."""
        return [across(self.fn, "sum", value) for value in values]

    def _added(self, begun: Value, known: Sequence[Value], values: Sequence[Value]) -> list[Value]:
        """The sums with those before, if there are any."""
        fn, found = self.fn, []
        for before, value in zip(known, values, strict=True):
            before = fn.select(begun, before, number(0, value.element, value.lanes))
            found.append(fn.binary("fadd" if value.is_float else "add", before, value))
        return found

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
        strides = self._strides(term)
        if len(summed) == 1 and self.lanes == AVX512.lanes:
            # One instruction loads a number and multiplies by it, but the processor makes two of it if the
            # address is a sum of registers (Intel 64 and IA-32 Architectures Optimization Reference Manual,
            # "micro-fusion"). LLVM would have one register say how far all operands have moved.
            strides[:2] = [fn.hidden(stride) if stride else 0 for stride in (term.a, term.b)]
        with fn.loop(0, term.extent) as i:
            self._multiply(summed[1:], self._at(at, i, strides), places, sums, mask)

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
        """The offsets of a, b and the result at each place of a tile.

        All numbers of the operand that has fewer there wait in registers, while those of the other come by.
        """
        a, b = (prod(size for t, size in sizes.items() if getattr(t, side)) for side in "ab")
        moves, stays = ("a", "b") if a >= b else ("b", "a")
        terms = sorted(sizes, key=lambda t: (not getattr(t, moves), bool(getattr(t, stays))))
        for rounds in product(*(range(sizes[t]) for t in terms)):
            pairs = list(zip(rounds, terms, strict=True))
            yield (
                sum(i * t.a for i, t in pairs),
                sum(i * t.b for i, t in pairs),
                sum(i * t.out for i, t in pairs),
            )

    def _moved(self, at: list[Index], i: Index, term: Term, times: int = 1) -> list[Index]:
        return self._at(at, self.fn.multiply(i, times), self._strides(term))

    def _strides(self, term: Term) -> list[Index]:
        strides: list[Index] = [term.a, term.b, term.out]
        if self.masked:
            strides.append(self.lanes if term.kind == "block" else 0)
        return strides

    def _at(self, at: Sequence[Index], i: Index, strides: Sequence[Index]) -> list[Index]:
        return [self.fn.add(o, self.fn.multiply(i, s)) for o, s in zip(at, strides, strict=True)]


def _multiply_add(fn: Function, a: Value, b: Value, c: Value) -> Value:
    if a.is_float:
        return fn.fma(a, b, c)
    return fn.binary("add", fn.binary("mul", a, b), c)
