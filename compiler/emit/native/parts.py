"""Long sums of products with few results: parts of the sums are tasks of their own, and are added at the end.

There are so many parts whatever the number of threads is, so that this changes no bit. And a thread reads the
same rows of a matrix in every product, which then stay in its own cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from . import matrix_unit
from .contraction import contraction, is_finished
from .layout import Factor, Layout, Loop
from .matrix import Scheme, scheme_of
from .nest import Kernel, Tensor, Writer, nest
from .pointwise import combined, pairwise
from .select import Selection
from .text import Index, item_bytes
from .tiling import Term

_PARTS = 8  # at most
_VECTORS = 256  # results that make tasks enough
_LONG = 1024  # products in a sum, which a matrix unit makes in parts where it has few tasks
_PRODUCTS = 1 << 17  # that are worth another kernel


def contract(
    selection: Selection, out: Tensor, a: Tensor, b: Tensor, terms: Sequence[Term], about: str
) -> None:
    """Run out[…] = Σ a[…] · b[…], in parts if they are worth it, with what it ends in if it can be."""
    isa = selection.isa
    unit = scheme_of(out, a, b, terms, isa, selection.batch)
    cut = _cut(out, terms, isa.lanes, unit)
    ends = cut is None and (unit is not None or is_finished(out, terms, isa))
    if selection.finish is not None and not ends:
        out = selection.apart(out)
    if cut is None:
        _multiply(selection, out, a, b, terms, about, unit)
        return
    whole, count = cut
    size = out.layout.elements
    buffer = selection.buffer(count * size * item_bytes(out.element))
    parts = Tensor(buffer, Layout(((Factor(count, size),), *out.layout.axes)), out.dtype)
    each = whole.extent // count
    halves = [
        Term(count, size, whole.a * each, whole.b * each, False),
        whole._replace(extent=each),
    ]
    rest = [t for t in terms if t is not whole]
    pieces = [*halves, *rest]
    _multiply(selection, parts, a, b, pieces, about, scheme_of(parts, a, b, pieces, isa, selection.batch))
    selection.run(_added(parts, out, count, isa.lanes, f"parts of {about}"))


def _multiply(
    selection: Selection,
    out: Tensor,
    a: Tensor,
    b: Tensor,
    terms: Sequence[Term],
    about: str,
    unit: Scheme | None,
) -> None:
    """By the matrix unit if there is a scheme for it, otherwise in vector registers."""
    if unit is not None:
        matrix_unit.multiply(selection, out, a, b, unit, about, prod(t.extent for t in terms))
        return
    selection.run(*contraction(selection, out, a, b, terms, about, selection.finish))


def _cut(out: Tensor, terms: Sequence[Term], lanes: int, unit: Scheme | None) -> tuple[Term, int] | None:
    """Which sum is cut into how many parts; None for none."""
    kept = sorted((t.out, t.extent) for t in terms if not t.summed and t.extent != 1)
    dense = [1, *accumulate((extent for _, extent in kept), int.__mul__)]
    whole = max((t for t in terms if t.summed and not t.kind), key=lambda t: t.extent, default=None)
    if whole is None or [stride for stride, _ in kept] != dense[:-1]:
        return None
    results = out.layout.elements
    count = max((d for d in range(1, _PARTS + 1) if whole.extent % d == 0), default=1)
    enough = results >= _VECTORS * lanes
    if unit is not None:
        enough = unit.tasks >= _PARTS or prod(t.extent for t in terms if t.summed) < _LONG
    if count == 1 or enough or results * whole.extent < _PRODUCTS:
        return None
    return whole, count


def _added(parts: Tensor, out: Tensor, count: int, lanes: int, about: str) -> Kernel:
    """The sum of all parts, two by two."""
    writer = Writer([parts, out], lanes)
    fn, size = writer.fn, out.layout.elements

    def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        values = [writer.load(0, fn.add(at[0], p * size), 1, width, mask) for p in range(count)]
        writer.store(1, pairwise(values, lambda a, b: combined(fn, "sum", a, b)), at[1], 1, mask)

    tasks = nest(writer, [], Loop(size, (1, 1)), lanes, body)
    return writer.kernel(1, tasks, about, count * size)
