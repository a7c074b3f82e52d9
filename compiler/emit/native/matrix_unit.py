"""Sums of products on a matrix unit: three bfloat16 numbers for one of float32, and as accurate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from . import amx
from .amx import SIDE, TILE
from .copying import transposed
from .finish import Finish, ends
from .layout import Factor, Layout, Loop
from .matrix import Scheme, places
from .nest import Kernel, Tensor, Writer, walk
from .select import Selection
from .splitting import PARTS, PRODUCTS, Pair, Splitter, Square
from .text import Function, Index, Value, number

_STEP = PARTS * TILE  # words of a tile's parts
_SUMS, _PASSING_TILE, _KEPT_TILE = range(3)  # registers
_WAITING = 64  # tiles of sums, at most, for which a chunk of the kept tiles serves at a time
_FIRST = 3  # of a writer's tensors behind the operands and the parts


def multiply(
    selection: Selection, out: Tensor, a: Tensor, b: Tensor, scheme: Scheme, about: str, work: int
) -> None:
    """Run a sum of products: one operand is split, and then the other one while both are multiplied.

    work: how many products there are.
    """
    operands = (b, a) if scheme.swapped else (a, b)
    kept = operands[scheme.kept]
    parts = selection.shared(kept, scheme.tiles, lambda: _split(selection, kept, scheme, about))
    finish = selection.finish
    inputs, outputs = ends(finish, out)
    tensors = [*operands, parts, *inputs, *outputs]

    def write() -> Kernel:
        writer = Writer(tensors, SIDE)
        product = _Product(writer, scheme, finish)
        product.write()
        return replace(writer.kernel(len(outputs), scheme.tasks, "", work), least=product.together)

    form = "products of tiles", scheme, finish and finish.form
    selection.run(selection.written(form, tensors, about, write))


def _split(selection: Selection, operand: Tensor, scheme: Scheme, about: str) -> Tensor:
    """The parts of the operand that is kept, once for all products that keep it."""
    words = scheme.products * scheme.sides[scheme.kept].runs * scheme.steps * _STEP
    parts = Tensor(selection.buffer(4 * words), Layout(((Factor(words, 1),),)), "int32")
    tensors = [operand, parts]
    write = partial(_kept, tensors, scheme)
    selection.run(selection.written(("tiles", scheme.tiles), tensors, f"tiles of {about}", write))
    return parts


def _kept(tensors: Sequence[Tensor], scheme: Scheme) -> Kernel:
    """The tiles of the operand that is kept: [product, run, step, part]. A task is a run.

    tensors: the operand and the tiles.
    """
    writer = Writer(tensors, SIDE)
    fn, runs = writer.fn, scheme.sides[scheme.kept].runs
    operand_squares = _Squares(writer, 0, scheme, scheme.kept)
    with fn.loop(fn.parameter("lo", "i64"), fn.parameter("hi", "i64")) as task:
        product, run = fn.divide(task, runs)
        start, size = operand_squares.start(product, run)
        with fn.loop(0, scheme.steps) as step:
            place = fn.multiply(fn.add(fn.multiply(task, scheme.steps), step), _STEP)
            operand_squares.split(operand_squares.pair(start, size, step), writer.pointers[1], place)
    return writer.kernel(1, scheme.products * runs, "")


class _Squares:
    """The squares of one side's operand."""

    def __init__(self, writer: Writer, which: int, scheme: Scheme, side: int) -> None:
        self.writer, self.fn, self.which, self.scheme, self.side = writer, writer.fn, which, scheme, side
        run, k = scheme.sides[side].run, scheme.depth.run
        row, column = (run.a, k.a) if side == 0 else (k.b, run.b)
        splitter = Splitter(writer.fn, writer.pointers[which], row, column)
        self.split = splitter.split

    def start(self, product: Index, run: Index) -> tuple[Index, Index]:
        """Where a run begins, and how long it is."""
        fn, side = self.fn, self.side
        *place, size = self.scheme.sides[side].place(fn, run)
        batch = places(fn, self.scheme.batches, product)
        return fn.add(self.writer.starts[self.which], batch[side], place[side]), size

    def pair(self, start: Index, size: Index, step: Index) -> Pair:
        """The two squares of a step of the depth."""
        first = self.fn.multiply(step, 2)
        return self._square(start, size, first), self._square(start, size, self.fn.add(first, 1))

    def _square(self, start: Index, size: Index, run: Index) -> Square:
        fn, depth = self.fn, self.scheme.depth
        *place, deep = depth.place(fn, run)
        if depth.runs % 2:  # the last step has one only
            there = fn.compare("slt", fn.index(run), number(depth.runs, "i64"))
            deep = fn.select(there, fn.index(deep), number(0, "i64"))
        start = fn.add(start, place[self.side])
        return Square(start, size, deep) if self.side == 0 else Square(start, deep, size)


class _Product:
    """Writes the loops of a scheme, whose operands, parts of the one that is kept, and ends are the writer's.

    A task is some tiles that pass a block of those that are kept. Some tasks together take one chunk of the
    depth after the other; the first tile of sums of a task is number `waiting`. What becomes of a tile of
    sums is done while the next one is summed, some rows in each step.
    """

    def __init__(self, writer: Writer, scheme: Scheme, finish: Finish | None) -> None:
        self.writer, self.fn, self.scheme, self.finish = writer, writer.fn, scheme, finish
        self.squares = _Squares(writer, 1 - scheme.kept, scheme, 1 - scheme.kept)
        self.parts = writer.pointers[2]
        self.result = _FIRST if finish is None else _FIRST + len(finish.inputs)
        self.tile = scheme.chunk * _STEP  # words of a passing tile's parts
        self.passing = self.fn.scratch(scheme.count * self.tile, "i32")
        self.once = scheme.steps == scheme.chunk
        self.each = scheme.count * scheme.width  # tiles of sums of a task
        self.together = 1 if self.once else max(1, _WAITING // self.each)
        self.sums = self.fn.scratch(1 if self.once else self.together * self.each * TILE, "float")
        self.made = _Made(self.fn)

    def write(self) -> None:
        fn, scheme = self.fn, self.scheme
        amx.configure(fn)
        low, high = fn.parameter("lo", "i64"), fn.parameter("hi", "i64")
        with fn.loop(low, high, self.together) as first:
            end = fn.intrinsic("smin", fn.index(fn.add(first, self.together)), high)
            with fn.loop(0, scheme.steps, scheme.chunk) as step, fn.loop(first, end) as task:
                rest, block = fn.divide(task, scheme.blocks)
                self.product, group = fn.divide(rest, scheme.groups)
                self.block = fn.multiply(block, scheme.width)
                self.waiting = fn.multiply(fn.add(task, fn.multiply(first, -1)), self.each)
                self._chunk(fn.multiply(group, scheme.count), step)
        self._keep(0, SIDE)
        amx.release(fn)

    def _left(self, count: int, size: int, begin: Index) -> Index:
        """How many of a group there are, which begins here."""
        if count % size == 0 or isinstance(begin, int):
            return min(size, count)
        left = self.fn.add(count, self.fn.multiply(begin, -1))
        return self.fn.intrinsic("smin", self.fn.index(left), number(size, "i64"))

    def _chunk(self, begin: Index, step: Index) -> None:
        """All tiles pass one of the kept ones, which stays in a first-level cache, and then the next one.

        While one passes the first, the next one is split.
        """
        fn, scheme = self.fn, self.scheme
        count = self._left(scheme.sides[1 - scheme.kept].runs, scheme.count, begin)
        deep = self._left(scheme.steps, scheme.chunk, step)
        start = self.squares.start(self.product, begin)
        with fn.loop(0, deep) as k:
            self._split(start, fn.add(step, k), fn.multiply(k, _STEP))
        last = fn.index(fn.add(count, -1))
        with fn.loop(0, last) as i:
            behind = self.squares.start(self.product, fn.add(begin, i, 1))
            self._pass(begin, i, 0, step, deep, behind)
        with fn.loop(0, scheme.width) as j:
            later = fn.compare("ne", fn.index(j), number(0, "i64"))
            with fn.loop(fn.select(later, number(0, "i64"), last), count) as i:
                self._pass(begin, i, j, step, deep)

    def _split(self, start: tuple[Index, Index], step: Index, place: Index) -> None:
        """A step of a tile that will pass."""
        self.squares.split(self.squares.pair(*start, step), self.passing, place)

    def _pass(
        self,
        begin: Index,
        i: Index,
        j: Index,
        step: Index,
        deep: Index,
        behind: tuple[Index, Index] | None = None,
    ) -> None:
        """A tile passes a kept one. behind: where the next one begins, if it is split at the same time."""
        fn, scheme = self.fn, self.scheme
        here = fn.multiply(i, self.tile)
        rows = 0 if scheme.turned else SIDE // scheme.chunk  # of the tile before this one
        amx.zero(fn, _SUMS)
        with fn.loop(0, deep) as k:
            place = fn.add(here, fn.multiply(k, _STEP))
            self._add_products(place, j, fn.add(step, k))
            if rows:
                self._keep(fn.multiply(k, rows), fn.multiply(fn.add(k, 1), rows))
            if behind is not None:
                self._split(behind, fn.add(step, k), fn.add(place, self.tile))
        self._keep(fn.multiply(deep, rows), SIDE)
        sums = fn.multiply(fn.add(self.waiting, fn.multiply(i, scheme.width), j), TILE)
        begun = fn.compare("ne", fn.index(step), number(0, "i64"))
        complete = fn.compare("sge", fn.index(fn.add(step, deep)), number(scheme.steps, "i64"))
        at, vectors, size = self._place(fn.add(begin, i), j)
        self.made.set(at, vectors, size, sums, begun, complete)

    def _keep(self, first: Index, end: Index) -> None:
        """What becomes of some rows of the tile of sums that was made last."""
        fn, made = self.fn, self.made
        if self.scheme.turned:
            self._turn()
        if isinstance(first, int) and isinstance(end, int) and first >= end:
            return
        with fn.loop(first, fn.intrinsic("smin", fn.index(end), fn.get(made.vectors))) as row:
            value = fn.load(made.tile, fn.add(fn.get(made.here), fn.multiply(row, SIDE)), "float", SIDE)
            if self.once:
                self._store(row, value)
            else:
                if not self.scheme.turned:
                    value = self._with_chunks(row, value)
                with fn.when(fn.get(made.complete)):
                    self._store(row, value)

    def _with_chunks(self, row: Index, value: Value) -> Value:
        """A row with the chunks before, which waits for those to come.

        A chunk is summed by itself first, which rounds less than one long sum would.
        """
        fn, made = self.fn, self.made
        there = fn.add(fn.get(made.sums), fn.multiply(row, SIDE))
        known = fn.select(
            fn.get(made.begun), fn.load(self.sums, there, "float", SIDE), number(0, "float", SIDE)
        )
        value = fn.binary("fadd", known, value)
        fn.store(value, self.sums, there)
        return value

    def _turn(self) -> None:
        """Let the columns of the tile that was made last be its rows."""
        fn, made = self.fn, self.made
        here = fn.get(made.here)
        places = [fn.add(here, row * SIDE) for row in range(SIDE)]
        values = [fn.load(made.tile, place, "float", SIDE) for place in places]
        if not self.once:
            values = [self._with_chunks(row, value) for row, value in enumerate(values)]
        with fn.when(fn.get(made.complete)):
            for place, value in zip(places, transposed(fn, values), strict=True):
                fn.store(value, made.tile, place)

    def _add_products(self, passing: Index, j: Index, step: Index) -> None:
        """A step of two tiles: the products of their parts.

        Few registers are used: some must be free for what is loaded ahead.
        """
        fn, scheme = self.fn, self.scheme
        runs = scheme.sides[scheme.kept].runs
        kept = fn.add(fn.multiply(self.product, runs), self.block, j)
        kept = fn.multiply(fn.add(fn.multiply(kept, scheme.steps), step), _STEP)
        a, b = (_KEPT_TILE, _PASSING_TILE) if scheme.kept == 0 else (_PASSING_TILE, _KEPT_TILE)
        loaded: tuple[int, int] = (-1, -1)
        for parts in PRODUCTS:
            if loaded[0] != parts[0]:
                amx.load(fn, _PASSING_TILE, self.passing, fn.add(passing, parts[0] * TILE))
            if loaded[1] != parts[1]:
                amx.load(fn, _KEPT_TILE, self.parts, fn.add(kept, parts[1] * TILE))
            loaded = parts
            amx.add_products(fn, _SUMS, a, b)

    @property
    def _down_and_along(self) -> tuple[int, int]:
        """The sides of the result across its vectors, and along them."""
        return (1, 0) if self.scheme.turned else (0, 1)

    def _place(self, passing: Index, j: Index) -> tuple[list[Index], Index, Index]:
        """Where the operands and the result of a tile of sums begin; how many vectors there are, how long."""
        fn, scheme = self.fn, self.scheme
        kept = fn.add(self.block, j)
        runs = (kept, passing) if scheme.kept == 0 else (passing, kept)
        below, beside = (scheme.sides[side].place(fn, runs[side]) for side in self._down_and_along)
        starts = (*self.writer.starts[:2], self.writer.starts[self.result])
        batch = places(fn, scheme.batches, self.product)
        at = [fn.add(*parts) for parts in zip(starts, batch, below[:3], beside[:3], strict=True)]
        return at, below[3], beside[3]

    def _vector(self, at: list[Index], i: Index) -> list[Index]:
        """Where one of a tile's vectors begins."""
        fn, run = self.fn, self.scheme.sides[self._down_and_along[0]].run
        return [fn.add(o, fn.multiply(i, s)) for o, s in zip(at, (run.a, run.b, run.out), strict=True)]

    def _store(self, row: Index, value: Value) -> None:
        """What becomes of a row of complete sums."""
        fn, made = self.fn, self.made
        along = self.scheme.sides[self._down_and_along[1]].run.extent
        at = self._vector([fn.get(place) for place in made.at], row)
        if along % SIDE and along > SIDE:
            whole = fn.compare("eq", fn.get(made.size), number(SIDE, "i64"))
            with fn.when(whole):
                self._end(value, at, 0)
            with fn.when(fn.binary("xor", whole, number(1, "i1"))):
                self._end(value, at, along % SIDE)
        else:
            self._end(value, at, along % SIDE)

    def _end(self, value: Value, at: list[Index], mask: int) -> None:
        """One vector of sums. Infinite numbers have no parts: what is not finite is summed up once more."""
        fn = self.fn
        found = fn.variable(value)
        rest = fn.binary("fsub", value, value)  # 0 unless infinite or no number
        odd = fn.compare("une", rest, number(0, "float", SIDE))
        some = fn.compare("ne", fn.instruction(f"bitcast {odd} to i{SIDE}", "i16"), number(0, "i16"))
        with fn.when(some):
            fn.set(found, self._exactly(at, mask))
        value = fn.get(found)
        if self.finish is None:
            self.writer.store(self.result, value, at[2], 1, mask)
        else:
            self.finish.store(self.writer, value, at[2], 1, SIDE, mask, _FIRST)

    def _exactly(self, at: list[Index], mask: int) -> Value:
        """A vector of sums in the usual way."""
        fn, scheme = self.fn, self.scheme
        run = scheme.sides[self._down_and_along[1]].run
        total = fn.variable(number(0, "float", SIDE))
        depth = [*scheme.depth.loops, scheme.depth.run]
        with walk(fn, [Loop(t.extent, (t.a, t.b)) for t in depth], at[:2]) as there:
            a, b = (
                self.writer.load(which, there[which], stride, SIDE, mask)
                for which, stride in enumerate((run.a, run.b))
            )
            fn.set(total, fn.fma(a, b, fn.get(total)))
        return fn.get(total)


class _Made:
    """The tile of sums that was made last: its numbers, and what becomes of them while the next one is made.

    tile: two, which take turns; here: where it begins. at: where its first row begins in the operands and the
    result; vectors, size: how many rows it has, and how long they are. sums: where its chunks wait;
    begun, complete: whether there were chunks before this one, and whether this was the last.
    """

    def __init__(self, fn: Function) -> None:
        self._fn = fn
        none, no = number(0, "i64"), number(0, "i1")
        self.tile = fn.scratch(2 * TILE, "float")
        self.here = fn.variable(none)
        self.at = [fn.variable(none) for _ in range(3)]
        self.vectors, self.size, self.sums = (fn.variable(none) for _ in range(3))
        self.begun, self.complete = fn.variable(no), fn.variable(no)

    def set(
        self, at: Sequence[Index], vectors: Index, size: Index, sums: Index, begun: Value, complete: Value
    ) -> None:
        """Another tile, that of the register."""
        fn = self._fn
        here = fn.add(TILE, fn.multiply(fn.get(self.here), -1))
        amx.store(fn, _SUMS, self.tile, here)
        variables = self.here, *self.at, self.vectors, self.size, self.sums
        for variable, value in zip(variables, (here, *at, vectors, size, sums), strict=True):
            fn.set(variable, fn.index(value))
        fn.set(self.begun, begun)
        fn.set(self.complete, complete)
