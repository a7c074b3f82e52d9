"""Winograd's minimal filtering: the transforms of tiles and of 3×3 kernels, and where they are worth it.

A tile of m × m results takes (m + 2)² multiplications for each pair of channels, in place of 9 m².
Source: Lavin & Gray 2015, "Fast algorithms for convolutional neural networks".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from .layout import Axis, Factor, Layout, Loop
from .nest import Kernel, Tensor, Writer, nest
from .pointwise import pairwise
from .select import Selection
from .text import Function, Index, Value, number
from .tiles import stride

Matrix = Sequence[Sequence[float]]

_STACK = 2 << 20  # bytes that a tile of all channels may take on a thread's stack


@dataclass(frozen=True, slots=True)
class Scheme:
    """F(m × m, 3 × 3): results = Aᵀ [(G kernel Gᵀ) ∘ (Bᵀ tile B)] A.

    cycles: what a tile of one channel costs to transform, there or back; measured.
    """

    image: Matrix  # Bᵀ
    kernel: Matrix  # G
    results: Matrix  # Aᵀ
    cycles: int

    @property
    def tile(self) -> int:
        """m."""
        return len(self.results)

    @property
    def numbers(self) -> int:
        """Of a transformed tile, along one axis."""
        return len(self.image)


def _scheme(points: Sequence[Fraction], cycles: int) -> Scheme:
    """Toom's and Cook's: results and tile are polynomials, multiplied at these points and at infinity.

    Points near 1, and in pairs p and -p, make small errors and transforms that share their work (Alam et al.
    2022, "Winograd convolution for deep neural networks: efficient point selection").
    """
    m, n = len(points) - 1, len(points) + 1
    image = [[*_through([q for q in points if q != p]), Fraction(0)] for p in points]
    kernel = [[p**k / prod(p - q for q in points if q != p) for k in range(3)] for p in points]
    results = [[*(p**k for p in points), Fraction(k == m - 1)] for k in range(m)]
    image.append(_through(points))
    kernel.append([Fraction(0), Fraction(0), Fraction(1)])
    assert all(len(row) == n for row in (*image, *results))
    bt, g, at = ([[float(x) for x in row] for row in matrix] for matrix in (image, kernel, results))
    return Scheme(bt, g, at, cycles)


def _through(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the polynomial with these roots, the constant first."""
    found = [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)]
    return found


_P, _Q = Fraction(3, 4), Fraction(3, 2)
SCHEMES = {
    2: _scheme((Fraction(0), Fraction(1), Fraction(-1)), cycles=36),
    4: _scheme((Fraction(0), _P, -_P, _Q, -_Q), cycles=170),
}


def scheme_for(
    selection: Selection, image: Tensor, by: Tensor, filters: int, size: Sequence[int]
) -> Scheme | None:
    """What convolves an image in the fewest cycles; None if the sums as they stand do.

    by: the kernels or the gradient; filters, size: how many channels come out, and their rows and columns.
    """
    plain = all(len(axis) <= 1 for t in (image, by) for axis in t.layout.axes[1:])
    samples = [f for f in image.layout.axes[0] if f.kind != "block"]
    in_lanes = samples == [Factor(selection.isa.lanes, 1, "lane")]
    if not plain or not in_lanes or image.dtype != "float32":
        return None
    height, width = size
    channels = image.layout.extents[1]
    best, fewest = None, 9 * height * width * channels * filters / 2
    for m, scheme in SCHEMES.items():
        numbers = scheme.numbers**2
        room_for = 4 * numbers * max(channels, filters) * selection.isa.lanes
        if m > selection.winograd or room_for > _STACK:
            continue
        tiles = -(-height // m) * -(-width // m)
        cycles = tiles * (numbers * channels * filters / 2 + scheme.cycles * (channels + filters))
        if cycles < fewest:
            best, fewest = scheme, cycles
    return best


def transformed_kernels(
    selection: Selection, w: Tensor, scheme: Scheme, about: str, flipped: bool = False
) -> Tensor:
    """G w Gᵀ of each kernel: [its numbers, out, in]. flipped: of kernels turned by half a circle."""
    filters, channels = w.layout.extents[:2]
    made = room(selection, (scheme.numbers**2, filters, channels))
    out, into, down, along = (stride(axis) for axis in w.layout.axes)

    def write() -> Kernel:
        writer = Writer([w, made], selection.isa.lanes)
        fn = writer.fn

        def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
            def place(row: int, column: int) -> Value:
                row, column = (2 - row, 2 - column) if flipped else (row, column)
                return writer.load(0, fn.add(at[0], row * down + column * along), strides[0], width, mask)

            for numbers in transformed(fn, scheme.kernel, scheme.kernel, place):
                for i, value in enumerate(numbers):
                    writer.store(1, value, fn.add(at[1], i * filters * channels), strides[1], mask)

        loops, vector = [Loop(filters, (out, channels))], Loop(channels, (into, 1))
        tasks = nest(writer, loops, vector, selection.isa.lanes, body)
        return writer.kernel(1, tasks, "", made.layout.elements)

    form = "transform", scheme.tile, flipped
    selection.run(selection.written(form, [w, made], f"transform {about}", write))
    return made


def kernels_of(selection: Selection, sums: Tensor, out: Tensor, scheme: Scheme, about: str) -> None:
    """Gᵀ s G: the gradient of the kernels from that of the transformed ones, [parts, numbers, in, out]."""
    filters, channels = out.layout.extents[:2]
    n, (parts, *_, padded) = scheme.numbers, sums.layout.extents
    outof, into, down, along = (stride(axis) for axis in out.layout.axes)
    turned = tuple(zip(*scheme.kernel, strict=True))

    def write() -> Kernel:
        writer = Writer([sums, out], selection.isa.lanes)
        fn = writer.fn

        def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
            def place(row: int, column: int) -> Value:
                places = [(part * n * n + row * n + column) * channels * padded for part in range(parts)]
                found = [writer.load(0, fn.add(at[0], p), strides[0], width, mask) for p in places]
                return pairwise(found, lambda a, b: fn.binary("fadd", a, b))

            for values in transformed(fn, turned, turned, place):
                for i, value in enumerate(values):
                    target = fn.add(at[1], i // 3 * down + i % 3 * along)
                    writer.store(1, value, target, strides[1], mask)

        loops, vector = [Loop(channels, (padded, into))], Loop(filters, (1, outof))
        tasks = nest(writer, loops, vector, selection.isa.lanes, body)
        return writer.kernel(1, tasks, "", sums.layout.elements)

    form = "kernels of", scheme.tile
    selection.run(selection.written(form, [sums, out], f"{about} of the transformed", write))


def room(selection: Selection, extents: Sequence[int]) -> Tensor:
    """Memory for an array of float32."""
    axes: list[Axis] = []
    step = 1
    for extent in reversed(extents):
        axes.insert(0, (Factor(extent, step),))
        step *= extent
    return Tensor(selection.buffer(4 * step), Layout(tuple(axes)), "float32")


def transformed(
    fn: Function,
    down: Matrix,
    along: Matrix,
    place: Callable[[int, int], Value],
    tiles: int = 1,
    step: int = 0,
) -> Iterator[list[Value]]:
    """down · X · alongᵀ, row by row, for tiles X side by side, a step apart.

    A column that two tiles have in common is done once.
    """
    known: dict[int, list[Value]] = {}
    used = [any(row[i] for row in down) for i in range(len(down[0]))]
    for tile in range(tiles):
        columns = range(tile * step, tile * step + len(along[0]))
        for c in columns:
            if c not in known:
                column = [place(r, c) if needed else None for r, needed in enumerate(used)]
                known[c] = _applied(fn, down, column)
        yield [v for r in range(len(down)) for v in _applied(fn, along, [known[c][r] for c in columns])]


def _applied(fn: Function, matrix: Matrix, values: Sequence[Value | None]) -> list[Value]:
    """A matrix times a column of vectors. Rows, or columns, that differ in signs alone share their work."""
    matrix, values = _folded(fn, matrix, values)
    found: dict[int, Value] = {}
    for i, row in enumerate(matrix):
        if i in found:
            continue
        j = next((j for j in range(i + 1, len(matrix)) if _differ_in_signs(row, matrix[j])), None)
        if j is None:
            found[i] = _combination(fn, row, values)
            continue
        same = _combination(fn, [a if a == b else 0 for a, b in zip(row, matrix[j], strict=True)], values)
        rest = _combination(fn, [a if a != b else 0 for a, b in zip(row, matrix[j], strict=True)], values)
        found[i], found[j] = fn.binary("fadd", same, rest), fn.binary("fsub", same, rest)
    return [found[i] for i in range(len(matrix))]


def _differ_in_signs(a: Sequence[float], b: Sequence[float]) -> bool:
    """In some, not in all that are not 0."""
    signs = {x == y for x, y in zip(a, b, strict=True) if x or y}
    return len(signs) == 2 and all(abs(x) == abs(y) for x, y in zip(a, b, strict=True))


def _folded(
    fn: Function, matrix: Matrix, values: Sequence[Value | None]
) -> tuple[Matrix, Sequence[Value | None]]:
    """The same product, where of two values that all rows have in common only sum and difference are used."""
    columns = [list(column) for column in zip(*matrix, strict=True)]
    made = list(values)
    for k, column in enumerate(columns):
        for other in range(k + 1, len(columns)):
            a, b = made[k], made[other]
            if a is None or b is None or not _differ_in_signs(column, columns[other]):
                continue
            if sum(x != 0 for x in column) < 3:  # adding and subtracting would cost as much
                continue
            made[k], made[other] = fn.binary("fadd", a, b), fn.binary("fsub", a, b)
            pairs = list(zip(column, columns[other], strict=True))
            columns[k] = [x if x == y else 0 for x, y in pairs]
            columns[other] = [x if x != y else 0 for x, y in pairs]
            break
    return list(zip(*columns, strict=True)), made


def _combination(fn: Function, factors: Sequence[float], values: Sequence[Value | None]) -> Value:
    """The sum of values times factors."""
    terms = [(c, v) for c, v in zip(factors, values, strict=True) if c and v is not None]
    total: Value | None = None
    for factor, value in sorted(terms, key=lambda term: term[0] != 1):
        by = number(factor, value.element, value.lanes)
        if total is None:
            total = value if factor == 1 else fn.binary("fmul", value, by)
        elif abs(factor) == 1:
            total = fn.binary("fadd" if factor == 1 else "fsub", total, value)
        else:
            total = fn.fma(value, by, total)
    assert total is not None
    return total
