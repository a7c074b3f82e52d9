"""The gradient of 3×3 kernels by minimal filtering: Gᵀ [Σ (A g Aᵀ) ∘ (Bᵀ tile B)] G over tiles and samples.

The samples lie along the vectors of the image, and across those of the gradient, whose channels are turned to
lie side by side.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from .contraction import multiply
from .copying import transposed
from .filtering import SCRATCH, following, transform_image
from .nest import Kernel, Tensor, Writer, present
from .select import Selection
from .text import Index, Value, number
from .tiles import Image, Masks, Span, masks, spans
from .tiling import Term
from .winograd import Matrix, Scheme, kernels_of, room, transformed

_PARTS = 8  # of the samples, at most, that are summed apart
_SMALL = 256 << 10  # bytes of sums that a core can keep while it goes through its samples


def weight_gradient(
    selection: Selection,
    image: Tensor,
    gradient: Tensor,
    out: Tensor,
    scheme: Scheme,
    before: tuple[int, int],
    about: str,
) -> None:
    """Of an image with `before` zeros above and to the left and the results' gradient, both in lanes.

    Where the sums are small, a task does some of the samples, and the sums of all tasks are added in the end:
    there are as many whatever the number of threads is. Otherwise a task does one row of a tile's numbers for
    some of the filters.
    """
    tiling = _Tiling.of(Image.of(image), Image.of(gradient), scheme, before, selection)
    sums = room(selection, (tiling.parts, scheme.numbers**2, tiling.x.channels, tiling.filters))
    tensors = [image, gradient, sums]
    form = "weight gradient", scheme.tile, before
    write = partial(_products, selection, tensors, tiling, scheme, before)
    selection.run(selection.written(form, tensors, about, write))
    kernels_of(selection, sums, out, scheme, about)


@dataclass(frozen=True, slots=True)
class _Tiling:
    """How an image x and a gradient g are cut: rows and columns of tiles in groups, turns of such rows in
    parts. filters: as whole vectors, of which a chunk is transformed at a time.
    """

    x: Image
    g: Image
    filters: int
    chunk: int
    rows: Span
    columns: Span
    turns: int
    parts: int

    @staticmethod
    def of(x: Image, g: Image, scheme: Scheme, before: tuple[int, int], selection: Selection) -> _Tiling:
        lanes = selection.isa.lanes
        n, filters = scheme.numbers, -(-g.channels // lanes) * lanes
        chunk = next(c for c in (2, 3, 1) if filters // lanes % c == 0) * lanes
        most = max(n * x.channels, scheme.tile**2 * filters)  # vectors of a tile, transformed or turned
        rows, columns = spans(scheme.tile, x, g, before, SCRATCH // (4 * lanes * most))
        turns = selection.batch.blocks * rows.groups
        parts = max(p for p in range(1, _PARTS + 1) if turns % p == 0)
        if parts < _PARTS // 2 or 4 * n * n * x.channels * filters > _SMALL:
            parts = 1
        return _Tiling(x, g, filters, chunk, rows, columns, turns, parts)


def _products(
    selection: Selection,
    tensors: Sequence[Tensor],
    tiling: _Tiling,
    scheme: Scheme,
    before: tuple[int, int],
) -> Kernel:
    """The sums of products: [parts, numbers, in, out]. tensors: image, gradient and sums."""
    lanes, batch = selection.isa.lanes, selection.batch
    x, g, n, filters, chunk = tiling.x, tiling.g, scheme.numbers, tiling.filters, tiling.chunk
    rows, columns, turns, parts = tiling.rows, tiling.columns, tiling.turns, tiling.parts
    tiles = rows.each * columns.each
    at_once = n if parts > 1 else 1  # rows of a tile's numbers
    writer = Writer(tensors, lanes)
    fn = writer.fn
    of_number, of_gradient = x.channels * tiles * lanes + lanes, tiles * lanes * chunk + lanes
    numbers, gradients = (fn.scratch(at_once * n * size, "float") for size in (of_number, of_gradient))
    turned = fn.scratch(rows.step * columns.step * lanes * filters, "float")
    inner = writer.within(tensors, (numbers, gradients, writer.pointers[2]))
    across = tuple(zip(*scheme.results, strict=True))  # A
    origin = fn.add(writer.starts[0], -before[0] * x.down - before[1] * x.along)

    @contextmanager
    def groups(turn: Index) -> Generator[tuple[Index, Masks, Index]]:
        """The body for each group of tiles in some rows of some samples, once its gradient is turned.

        Where its pixels begin, which of them there are, and its number.
        """
        block, row = fn.divide(turn, rows.groups)

        def place(start: Index, of: Image, column: Index) -> Index:
            steps = ((block, of.block), (row, rows.step * of.down), (column, columns.step * of.along))
            return fn.add(start, *(fn.multiply(i, step) for i, step in steps))

        with fn.loop(0, columns.groups) as column:
            there = None if batch.full else present(fn, fn.multiply(block, lanes), batch.n, lanes)
            start = place(writer.starts[1], g, column)
            _turn(writer, g, start, (rows, row), (columns, column), there, turned)
            there = masks(fn, rows.read(fn, row), columns.read(fn, column), lanes)
            yield place(origin, x, column), there, column

    def transform_gradient(filter: Index, down: Matrix) -> None:
        """These rows of A g Aᵀ, for a chunk of the filters."""
        with fn.loop(0, lanes) as lane, fn.loop(0, chunk, lanes) as some:
            source = fn.add(fn.multiply(lane, filters), filter, some)
            target = fn.add(fn.multiply(lane, chunk), some)
            for r in range(rows.each):

                def pixel(row: int, column: int, r: int = r) -> Value:
                    place = ((row + r * scheme.tile) * columns.step + column) * lanes * filters
                    return fn.load(turned, fn.add(source, place), "float", lanes)

                found = transformed(fn, down, across, pixel, columns.each, scheme.tile)
                for t, values in enumerate(found, r * columns.each):
                    for i, value in enumerate(values):
                        fn.store(value, gradients, fn.add(target, i * of_gradient + t * lanes * chunk))

    def add_products(target: Index, begun: Value) -> None:
        """For all that is transformed: the sums over tiles and samples."""
        terms = [
            Term(at_once * n, x.channels * filters, of_number, of_gradient, False),
            Term(x.channels, filters, tiles * lanes, 0, False),
            Term(tiles * lanes, 0, 1, chunk, True),
            Term(chunk, 1, 0, 1, False),
        ]
        multiply(inner, (0, 0, target), terms, selection.isa, batch, begun)

    def later(*counts: Index) -> Value:
        """Whether one of these is not the first."""
        found = number(0, "i1")
        for count in counts:
            found = fn.binary("or", found, fn.compare("ne", fn.index(count), number(0, "i64")))
        return found

    lo, hi = fn.parameter("lo", "i64"), fn.parameter("hi", "i64")
    if parts > 1:
        with (
            fn.loop(lo, hi) as part,
            fn.loop(0, turns // parts) as i,
            groups(fn.add(fn.multiply(part, turns // parts), i)) as (pixels, there, column),
        ):
            after = following(fn, pixels, x, rows, columns, column)
            transform_image(writer, x, pixels, rows, columns, there, scheme, scheme.image, numbers, after)
            with fn.loop(0, filters, chunk) as filter:
                transform_gradient(filter, across)
                target = fn.multiply(part, n * n * x.channels * filters)
                add_products(fn.add(target, filter), later(i, column))
    else:
        with fn.loop(0, turns) as i, groups(i) as (pixels, there, column), fn.loop(lo, hi) as task:
            number_row, filter = fn.divide(task, filters // chunk)
            anew = fn.binary(
                "or", fn.compare("eq", lo, fn.index(task)), fn.binary("xor", later(filter), number(1, "i1"))
            )
            filter = fn.multiply(filter, chunk)
            for row in range(n):
                with fn.when(fn.compare("eq", fn.index(number_row), number(row, "i64"))):
                    with fn.when(anew):
                        down = (scheme.image[row],)
                        transform_image(writer, x, pixels, rows, columns, there, scheme, down, numbers)
                    transform_gradient(filter, (across[row],))
            target = fn.multiply(number_row, n * x.channels * filters)
            add_products(fn.add(target, filter), later(i, column))
    work = n * n * x.channels * filters * turns * columns.groups * tiles * lanes
    tasks = parts if parts > 1 else n * filters // chunk
    return replace(writer.kernel(1, tasks, "", work), least=int(parts > 1))


def _turn(
    writer: Writer,
    g: Image,
    start: Index,
    rows: tuple[Span, Index],
    columns: tuple[Span, Index],
    samples: Value | None,
    turned: Value,
) -> None:
    """A group's pixels as [row, column, lane, channel], with zeros outside of the image and for padding.

    rows, columns: with the group's number in each. samples: the mask of those that are not padding.
    """
    fn, lanes = writer.fn, writer.lanes
    filters = -(-g.channels // lanes) * lanes
    full, left = divmod(g.channels, lanes)
    with fn.loop(0, rows[0].step) as r, fn.loop(0, columns[0].step) as c:
        mask = samples
        for (span, group), i in ((rows, r), (columns, c)):
            inside = span.is_result(fn, group, i)
            if inside is not None:
                inside = fn.splat(inside, lanes)
                mask = inside if mask is None else fn.binary("and", mask, inside)
        source = fn.add(start, fn.multiply(r, g.down), fn.multiply(c, g.along))
        target = fn.multiply(fn.add(fn.multiply(r, columns[0].step), c), lanes * filters)

        def square(first: Index, count: int) -> None:
            """A vector of channels, of which there are so many."""
            channels = [
                fn.load(
                    writer.pointers[1],
                    fn.add(source, fn.multiply(fn.add(first, k), g.channel)),
                    "float",
                    lanes,
                    mask,
                )
                if k < count
                else number(0, "float", lanes)
                for k in range(lanes)
            ]
            for lane, values in enumerate(transposed(fn, channels)):
                fn.store(values, turned, fn.add(target, first, lane * filters))

        if full:
            with fn.loop(0, full * lanes, lanes) as first:
                square(first, lanes)
        if left:
            square(full * lanes, left)
