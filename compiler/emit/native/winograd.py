"""Winograd's minimal filtering: the transforms of tiles and of 3×3 kernels, and where they are worth it.

A tile of m × m results takes (m + 2)² multiplications for each pair of channels, in place of 9 m².
Source: Lavin & Gray 2015, "Fast algorithms for convolutional neural networks".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .layout import Axis, Factor, Layout, Loop
from .nest import Tensor, Writer, nest
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


SCHEMES = {
    2: Scheme(
        ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
        ((1, 1, 1, 0), (0, 1, -1, -1)),
        cycles=36,
    ),
    4: Scheme(
        (
            (4, 0, -5, 0, 1, 0),
            (0, -4, -4, 1, 1, 0),
            (0, 4, -4, -1, 1, 0),
            (0, -2, -1, 2, 1, 0),
            (0, 2, -1, -2, 1, 0),
            (0, 4, 0, -5, 0, 1),
        ),
        (
            (1 / 4, 0, 0),
            (-1 / 6, -1 / 6, -1 / 6),
            (-1 / 6, 1 / 6, -1 / 6),
            (1 / 24, 1 / 12, 1 / 6),
            (1 / 24, -1 / 12, 1 / 6),
            (0, 0, 1),
        ),
        ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
        cycles=130,
    ),
}


def scheme_for(
    selection: Selection, image: Tensor, by: Tensor, filters: int, size: Sequence[int]
) -> Scheme | None:
    """The one to convolve an image with, if that takes fewer cycles than the sums as they stand.

    by: the kernels or the gradient; filters, size: how many channels come out, and their rows and columns.
    """
    scheme = SCHEMES.get(selection.winograd)
    plain = all(len(axis) <= 1 for t in (image, by) for axis in t.layout.axes[1:])
    samples = [f for f in image.layout.axes[0] if f.kind != "block"]
    in_lanes = samples == [Factor(selection.isa.lanes, 1, "lane")]
    if scheme is None or not plain or not in_lanes or image.dtype != "float32":
        return None
    height, width = size
    channels = image.layout.extents[1]
    m, n = scheme.tile, scheme.numbers
    tiles = -(-height // m) * -(-width // m)
    if 4 * n * n * channels * selection.isa.lanes > _STACK:
        return None
    cycles = tiles * (n * n * channels * filters / 2 + scheme.cycles * (channels + filters))
    return scheme if cycles < 9 * height * width * channels * filters / 2 else None


def transformed_kernels(
    selection: Selection, w: Tensor, scheme: Scheme, about: str, flipped: bool = False
) -> Tensor:
    """G w Gᵀ of each kernel: [its numbers, out, in]. flipped: of kernels turned by half a circle."""
    filters, channels = w.layout.extents[:2]
    made = room(selection, (scheme.numbers**2, filters, channels))
    writer = Writer([w, made], selection.isa.lanes)
    fn = writer.fn
    out, into, down, along = (stride(axis) for axis in w.layout.axes)

    def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        def place(row: int, column: int) -> Value:
            row, column = (2 - row, 2 - column) if flipped else (row, column)
            return writer.load(0, fn.add(at[0], row * down + column * along), strides[0], width, mask)

        for numbers in transformed(fn, scheme.kernel, scheme.kernel, place):
            for i, value in enumerate(numbers):
                writer.store(1, value, fn.add(at[1], i * filters * channels), strides[1], mask)

    loops, vector = [Loop(filters, (out, channels))], Loop(channels, (into, 1))
    tasks = nest(writer, loops, vector, selection.isa.lanes, body)
    selection.run(writer.kernel(1, tasks, f"transform {about}", made.layout.elements))
    return made


def kernels_of(selection: Selection, sums: Tensor, out: Tensor, scheme: Scheme, about: str) -> None:
    """Gᵀ s G: the gradient of the kernels from that of the transformed ones, [numbers, in, out]."""
    writer = Writer([sums, out], selection.isa.lanes)
    fn = writer.fn
    filters, channels = out.layout.extents[:2]
    n, padded = scheme.numbers, sums.layout.extents[2]
    outof, into, down, along = (stride(axis) for axis in out.layout.axes)
    turned = tuple(zip(*scheme.kernel, strict=True))

    def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        def place(row: int, column: int) -> Value:
            offset = fn.add(at[0], (row * n + column) * channels * padded)
            return writer.load(0, offset, strides[0], width, mask)

        for values in transformed(fn, turned, turned, place):
            for i, value in enumerate(values):
                target = fn.add(at[1], i // 3 * down + i % 3 * along)
                writer.store(1, value, target, strides[1], mask)

    loops, vector = [Loop(channels, (padded, into))], Loop(filters, (1, outof))
    tasks = nest(writer, loops, vector, selection.isa.lanes, body)
    selection.run(writer.kernel(1, tasks, f"{about} of the transformed", sums.layout.elements))


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
    """A matrix times a column of vectors."""
    return [
        _combination(fn, [(c, v) for c, v in zip(row, values, strict=True) if c and v is not None])
        for row in matrix
    ]


def _combination(fn: Function, terms: Sequence[tuple[float, Value]]) -> Value:
    """The sum of values times factors."""
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
