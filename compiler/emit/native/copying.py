"""Values moved and not changed: fills, copies into another layout, batches gathered from a data set."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from .layout import Batch, Layout, Loop, common, merged
from .nest import Buffer, Kernel, Tensor, Writer, along, divided, moved, nest, present, samples, walk
from .text import Function, Index, Value, number


def fill(out: Tensor, value: float, lanes: int, about: str) -> Kernel:
    """One number everywhere."""
    writer = Writer([out], lanes)
    loops = merged(sorted(common([out.layout.flat]), key=lambda loop: -abs(loop.strides[0])))
    vector = loops.pop() if loops and loops[-1].strides[0] == 1 else None
    tasks = nest(
        writer,
        loops,
        vector,
        lanes,
        lambda at, strides, width, mask: writer.store(0, number(value, out.element, width), at[0], 1, mask),
    )
    return writer.kernel(1, tasks, about)


def copy(source: Tensor, out: Tensor, batch: Batch, about: str, cleared: bool = False) -> Kernel:
    """The same values in another layout; `cleared` makes those of padding samples 0."""
    lanes = batch.lanes
    writer = Writer([source, out], lanes)
    flat = source.layout.flat
    loops = common([flat, out.layout.flat, samples(flat, lanes)])
    masked = cleared and not batch.full
    starts: list[Index] = [*writer.starts, 0]
    turned = any(f.kind == "lane" and f.stride != 1 for f in out.layout.flat)
    keep = ("block", "lane") if masked or turned else ()
    loops = merged(sorted(loops, key=lambda loop: -abs(loop.strides[1])), keep)
    across = next(
        (lp for lp in loops if lp.strides[0] == 1 and lp.strides[1] != 1 and lp.extent == lanes), None
    )
    along_out = loops[-1] if loops and loops[-1].strides[1] == 1 and loops[-1].extent >= lanes // 2 else None
    if across is not None and along_out is not None and along_out is not across:
        return _transposing(writer, loops, across, along_out, batch, about, masked)
    vector = loops.pop() if loops and loops[-1].strides[1] == 1 else None

    def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        for position in (0, 1):
            writer.ask_ahead(position, at[position], strides[position], position == 1)
        value = writer.load(0, at[0], strides[0], width, mask)
        if masked:
            value = _cleared(writer.fn, value, at[2], batch, vector is not None and vector.kind == "lane")
        writer.store(1, value, at[1], strides[1], mask)

    tasks = nest(writer, loops, vector, lanes, body, starts)
    return writer.kernel(1, tasks, about)


def _cleared(fn: Function, value: Value, sample: Index, batch: Batch, lanes: bool) -> Value:
    zero = number(0, value.element, value.lanes)
    if lanes:
        return fn.select(present(fn, sample, batch.n, batch.lanes), value, zero)
    return fn.select(fn.compare("slt", fn.index(sample), number(batch.n, "i64")), value, zero)


def _transposing(
    writer: Writer,
    loops: Sequence[Loop],
    across: Loop,
    along_out: Loop,
    batch: Batch,
    about: str,
    masked: bool,
) -> Kernel:
    """Squares of lanes × lanes elements, read along one loop and written along the other."""
    fn, lanes = writer.fn, batch.lanes
    outer, inner = divided([lp for lp in loops if lp is not across and lp is not along_out])
    starts: list[Index] = [*writer.starts, 0]
    with writer.tasks(outer, starts) as at, walk(fn, inner, at) as there:

        def square(i: Index, mask: int) -> None:
            base = moved(fn, there, i, along_out)
            rows = [
                writer.load(0, fn.add(base[0], k * along_out.strides[0]), 1, lanes)
                if k < (mask or lanes)
                else number(0, writer.tensors[0].element, lanes)
                for k in range(lanes)
            ]
            if masked:
                rows = [_cleared(fn, row, base[2], batch, lanes=True) for row in rows]
            for lane, column in enumerate(transposed(fn, rows)):
                writer.store(1, column, fn.add(base[1], lane * across.strides[1]), 1, mask)

        along(fn, along_out.extent, lanes, square)
    return writer.kernel(1, prod(loop.extent for loop in outer), about)


def transposed(fn: Function, rows: Sequence[Value]) -> list[Value]:
    """The columns of a square: at each stage, pairs of rows exchange halves of growing blocks."""
    found, size = list(rows), len(rows)
    step = 1
    while step < size:
        first = [j if not j & step else size + (j ^ step) for j in range(size)]
        second = [j | step if not j & step else size + j for j in range(size)]
        for i in range(size):
            if not i & step:
                a, b = found[i], found[i | step]
                found[i], found[i | step] = fn.shuffle(a, b, first), fn.shuffle(a, b, second)
        step *= 2
    return found


def feed(name: str, out: Tensor, batch: Batch) -> Kernel:
    """A batch of rows of a fed array, in lanes. Padding samples repeat the last one.

    Which rows stands in the array "places"; "stride" says how many elements lie from one row to the next.
    """
    lanes = batch.lanes
    given = Tensor(Buffer(0, "fed", 0, name), Layout(()), out.dtype)
    rows = Tensor(Buffer(0, "places", 0), Layout(()), "int64")
    step = Tensor(Buffer(0, "stride", 8, name), Layout(()), "int64")
    writer = Writer([given, rows, step, out], lanes)
    fn = writer.fn
    size = prod(f.extent for f in out.layout.flat if not f.kind)
    squares, left = divmod(size, lanes)
    chunk = max((d for d in range(1, 9) if squares % d == 0), default=1) if squares else 1
    chunks = squares // chunk + (left > 0)
    pointer, numbers, stride, target = writer.pointers
    with fn.loop(fn.parameter("lo", "i64"), fn.parameter("hi", "i64")) as task:
        block, part = fn.divide(task, chunks)
        step_between = fn.load(stride, 0, "i64")
        starts: list[Value] = []
        for lane in range(lanes):
            index = fn.add(fn.multiply(block, lanes), lane)
            index = index if batch.full else fn.intrinsic("smin", fn.index(index), number(batch.n - 1, "i64"))
            row = fn.load(numbers, index, "i64")
            starts.append(fn.at(pointer, fn.multiply(row, step_between), out.element))
        to = fn.at(target, fn.multiply(block, size * lanes), out.element)
        if squares:
            with fn.when(fn.compare("slt", fn.index(part), number(squares // chunk, "i64"))):
                first = fn.multiply(part, chunk * lanes)
                with fn.loop(0, chunk * lanes, lanes) as i:
                    at = fn.add(first, i)
                    columns = transposed(fn, [fn.load(start, at, out.element, lanes) for start in starts])
                    for k, column in enumerate(columns):
                        fn.store(column, to, fn.multiply(fn.add(at, k), lanes))
        if left:
            last = fn.compare("eq", fn.index(part), number(squares // chunk, "i64"))
            with fn.when(last), fn.loop(squares * lanes, size) as at:
                column = fn.gathered([fn.load(start, at, out.element) for start in starts])
                fn.store(column, to, fn.multiply(at, lanes))
    return writer.kernel(1, batch.blocks * chunks, f"batch {name}")
