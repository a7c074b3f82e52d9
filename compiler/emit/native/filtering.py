"""Convolutions with 3×3 kernels by minimal filtering, some tiles at a time: these go all the way through both
transforms and the products between, so that they stay in a core's own cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod

from .contraction import multiply
from .finish import ends
from .layout import Loop
from .nest import Kernel, Tensor, Writer, share
from .select import Selection
from .text import Function, Index, Value, number
from .tiles import Image, Masks, Span, masks, spans
from .tiling import Term
from .winograd import Matrix, Scheme, transformed

SCRATCH = 640 << 10  # bytes of transformed tiles: most of a second-level cache
_LINE = 64  # bytes of a line of memory
_FILTERS = 32  # of which the products wait to be transformed back


def convolve(
    selection: Selection,
    image: Tensor,
    by: Tensor,
    out: Tensor,
    scheme: Scheme,
    before: tuple[int, int],
    about: str,
    backwards: bool = False,
) -> None:
    """An image with `before` zeros above and to the left, convolved with transformed kernels.

    backwards: from the kernels' outputs to their inputs.
    """
    finish = selection.finish
    inputs, outputs = ends(finish, out)
    tensors = [image, by, *inputs, *outputs]
    form = "filtering", scheme.tile, before, backwards, finish and finish.form
    write = partial(_convolution, selection, tensors, 2 + len(inputs), scheme, before, backwards)
    selection.run(selection.written(form, tensors, about, write))


def _convolution(
    selection: Selection,
    tensors: Sequence[Tensor],
    result: int,
    scheme: Scheme,
    before: tuple[int, int],
    backwards: bool,
) -> Kernel:
    """The kernel. tensors: the image, the kernels, what it reads for its end and, from `result` on, what it
    writes.
    """
    lanes, finish = selection.isa.lanes, selection.finish
    image, by, out = tensors[0], tensors[1], tensors[result]
    writer = Writer(tensors, lanes)
    fn = writer.fn
    x, y = Image.of(image), Image.of(out)
    into, outof = (by.layout.extents[2], 1) if backwards else (1, by.layout.extents[2])
    n = scheme.numbers
    rows, columns = spans(scheme.tile, x, y, before, SCRATCH // (4 * lanes * n * n * x.channels))
    tiles = rows.each * columns.each
    part = -(-y.channels // -(-y.channels // _FILTERS))
    # One vector more: distances that are powers of two would all fall into the same lines of a cache.
    of_number, of_product = (channels * tiles * lanes + lanes for channels in (x.channels, part))
    numbers, products = (fn.scratch(n * n * size, "float") for size in (of_number, of_product))
    inner = writer.within((by, image, out), (writer.pointers[1], numbers, products))

    def results(at: Sequence[Index], first: Index, count: int, wanted: Masks) -> None:
        """Of `count` filters: the sums of their products, transformed back."""
        terms = [
            Term(count, tiles * lanes, outof, 0, False),
            Term(tiles, lanes, 0, lanes, False),
            Term(x.channels, 0, into, tiles * lanes, True),
            Term(lanes, 1, 0, 1, False),
        ]
        kernels = fn.add(at[1], fn.multiply(first, outof))
        with fn.loop(0, n * n) as number:
            # While these are multiplied, memory makes room for the results.
            with fn.loop(*share(fn, number, n * n, count)) as k:
                target = fn.add(at[2], fn.multiply(fn.add(first, k), y.channel))
                for there in _lines(writer, target, y, rows.step, columns.step):
                    fn.prefetch(writer.pointers[result], there, "float", write=True)
                    if finish is not None:
                        finish.prefetch(writer, there)
            here = (
                fn.add(kernels, fn.multiply(number, prod(by.layout.extents[1:]))),
                fn.multiply(number, of_number),
                fn.multiply(number, of_product),
            )
            multiply(inner, here, terms, selection.isa, selection.batch)
        with fn.loop(0, count) as k:
            source = fn.multiply(k, tiles * lanes)
            target = fn.add(at[2], fn.multiply(fn.add(first, k), y.channel))
            for r in range(rows.each):

                def product(row: int, column: int, r: int = r) -> Value:
                    tile, column = divmod(column, n)
                    offset = (row * n + column) * of_product + (r * columns.each + tile) * lanes
                    return fn.load(products, fn.add(source, offset), "float", lanes)

                found = transformed(fn, scheme.results, scheme.results, product, columns.each, n)
                for t, values in enumerate(found):
                    for i, value in enumerate(values):
                        row, column = r * scheme.tile + i // scheme.tile, t * scheme.tile + i % scheme.tile
                        place = fn.add(target, row * y.down + column * y.along)
                        if finish is None:
                            fn.store(value, writer.pointers[result], place, wanted[row][column])
                        else:
                            finish.store(writer, value, place, 1, lanes, 0, wanted=wanted[row][column])

    begin = fn.add(writer.starts[0], -before[0] * x.down - before[1] * x.along)
    starts = [begin, writer.starts[1], writer.starts[result], 0]
    tasks = [
        Loop(selection.batch.blocks, (x.block, 0, y.block, 0)),
        Loop(rows.groups, (rows.step * x.down, 0, rows.step * y.down, 1)),
    ]
    with writer.tasks(tasks, starts) as task, fn.loop(0, columns.groups) as group:
        at = [
            fn.add(task[0], fn.multiply(group, columns.step * x.along)),
            task[1],
            fn.add(task[2], fn.multiply(group, columns.step * y.along)),
        ]
        there = masks(fn, rows.read(fn, task[3]), columns.read(fn, group), lanes)
        wanted = masks(fn, rows.written(fn, task[3]), columns.written(fn, group), lanes)
        after = following(fn, at[0], x, rows, columns, group)
        transform_image(writer, x, at[0], rows, columns, there, scheme, scheme.image, numbers, after)
        whole = y.channels // part * part
        with fn.loop(0, whole, part) as first:
            results(at, first, part, wanted)
        if whole != y.channels:
            results(at, whole, y.channels - whole, wanted)
    work = by.layout.elements * rows.groups * columns.groups * tiles * selection.batch.padded
    return writer.kernel(len(tensors) - result, prod(loop.extent for loop in tasks), "", work)


def _lines(writer: Writer, place: Index, image: Image, rows: int, columns: int) -> Iterator[Index]:
    """A place in each line of memory that so many pixels of one channel take."""
    for row in range(rows):
        for column in range(0, columns, max(1, _LINE // (4 * writer.lanes))):
            yield writer.fn.add(place, row * image.down + column * image.along)


def following(fn: Function, place: Index, image: Image, rows: Span, columns: Span, group: Index) -> Index:
    """Where the group of tiles begins that comes next: to the right, or the first one below."""
    right = fn.add(place, columns.step * image.along)
    below = fn.add(place, fn.multiply(group, -columns.step * image.along), rows.step * image.down)
    last = fn.compare("eq", fn.index(group), number(columns.groups - 1, "i64"))
    return fn.select(last, fn.index(below), fn.index(right))


def transform_image(
    writer: Writer,
    x: Image,
    start: Index,
    rows: Span,
    columns: Span,
    there: Masks,
    scheme: Scheme,
    down: Matrix,
    numbers: Value,
    after: Index | None = None,
) -> None:
    """These rows of Bᵀ tile B, of every channel of a group of tiles: [numbers, channel, tile, lane].

    after: where the pixels of the next group of tiles begin, which memory sends meanwhile.
    """
    fn, lanes, tiles = writer.fn, writer.lanes, rows.each * columns.each
    with fn.loop(0, x.channels) as channel:
        first = fn.add(start, fn.multiply(channel, x.channel))
        target = fn.multiply(channel, tiles * lanes)
        if after is not None:
            # The groups before it, to the left and above, have read its first rows and columns.
            place = fn.add(after, fn.multiply(channel, x.channel), 2 * x.down + 2 * x.along)
            for line in _lines(writer, place, x, rows.step, columns.step):
                fn.prefetch(writer.pointers[0], line, "float")
        for r in range(rows.each):

            def pixel(row: int, column: int, r: int = r) -> Value:
                row += r * scheme.tile
                place = fn.add(first, row * x.down + column * x.along)
                return fn.load(writer.pointers[0], place, "float", lanes, there[row][column])

            found = transformed(fn, down, scheme.image, pixel, columns.each, scheme.tile)
            for t, values in enumerate(found, r * columns.each):
                for i, value in enumerate(values):
                    place = fn.add(target, i * (x.channels * tiles + 1) * lanes + t * lanes)
                    fn.store(value, numbers, place)
