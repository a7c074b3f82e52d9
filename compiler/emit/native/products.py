"""Matrix products and einsum as contractions."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir import Node
from ...ops.contraction import letters_of
from .layout import Axis, Factor, common
from .matrix import scheme_of
from .nest import Tensor
from .parts import contract
from .select import Selection, rule
from .tiling import Term, term


@rule("matmul")
def matmul(selection: Selection, node: Node) -> None:
    """a[…, m, k] @ b[…, k, n]."""
    types = [selection.graph[o].type for o in selection.graph.operands(node.id)]
    rank = node.type.rank
    lead = "".join(chr(ord("a") + i) for i in range(rank - 2))
    letters = [lead[rank - t.rank :] + ("mk", "kn")[i] for i, t in enumerate(types)]
    _einsum(selection, node, letters, f"{lead}mn")


@rule("einsum")
def einsum(selection: Selection, node: Node) -> None:
    letters, right = letters_of(str(node.attr("spec")))
    _einsum(selection, node, letters, right)


def _einsum(selection: Selection, node: Node, letters: Sequence[str], result: str) -> None:
    """An einsum of two operands, or of one, which is multiplied by 1."""
    ids = selection.graph.operands(node.id)
    factors = list(zip(map(selection.tensor, ids), letters, strict=True))
    if len(ids) == 1:
        one = selection.new(node.type.with_shape(()))
        selection.fill(one, 1)
        factors.append((one, ""))
    out, (a, b) = selection.out(node), factors
    terms = terms_of((a[1], b[1]), result, a[0], b[0], out)
    summed = any(t.kind == "lane" and t.summed for t in terms)
    if summed and scheme_of(out, a[0], b[0], terms, selection.isa, selection.batch) is None:
        # The result has no batch: its last axis goes along the vectors, and so must that of b, sample after
        # sample. The padding samples count as 0 in b, which therefore must have them.
        last = result[-1:]
        swapped = bool(last) and last in a[1] and last not in b[1]
        if not (a if swapped else b)[0].layout.in_lanes:
            swapped = not swapped
        if swapped:
            a, b = b, a
        along = b[1].index(last) if last and last in b[1] else len(b[1]) - 1
        b = selection.packed(ids[0 if swapped else 1], along), b[1]
        terms = terms_of((a[1], b[1]), result, a[0], b[0], out)
    contract(selection, out, a[0], b[0], terms, selection.about(node))


def terms_of(letters: Sequence[str], result: str, a: Tensor, b: Tensor, out: Tensor) -> list[Term]:
    """The loops of an einsum of two operands. An axis of size 1 is spread over its letter."""
    terms: list[Term] = []
    for letter in dict.fromkeys("".join([result, *letters])):
        axes = [_axis(t, names, letter) for t, names in zip((out, a, b), (result, *letters), strict=True)]
        extent = max(_extent(axis) for axis in axes if axis is not None)
        spread: list[Axis] = [
            axis if axis is not None and _extent(axis) == extent else (Factor(extent, 0),) for axis in axes
        ]
        for loop in common(spread):
            terms.append(term(loop, letter not in result))
    return terms


def _axis(tensor: Tensor, names: str, letter: str) -> Axis | None:
    return tensor.layout.axes[names.index(letter)] if letter in names else None


def _extent(axis: Axis) -> int:
    total = 1
    for factor in axis:
        total *= factor.extent
    return total
