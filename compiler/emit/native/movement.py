"""Values put into larger tensors, and sequences of numbers."""

from __future__ import annotations

from ...ir import Node
from .layout import Factor, common, merged
from .nest import Writer, nest
from .scalar import cast
from .select import Selection, rule
from .text import number, vector


def _ints(selection: Selection, node: Node, name: str) -> tuple[int, ...]:
    value = selection.attr(node, name)
    assert isinstance(value, tuple)
    return tuple(v for v in value if isinstance(v, int))


@rule("embed")
def embed(selection: Selection, node: Node) -> None:
    (x,) = selection.operands(node)
    out = selection.out(node)
    start, step = _ints(selection, node, "start"), _ints(selection, node, "step")
    selection.fill(out, 0, selection.about(node))
    places = out.layout.sliced(start, x.layout.extents, step)
    selection.copy(x, out.seen(places), selection.about(node))


@rule("pad")
def pad(selection: Selection, node: Node) -> None:
    (x,) = selection.operands(node)
    out = selection.out(node)
    value = node.attr("value")
    assert isinstance(value, int | float)
    selection.fill(out, value, selection.about(node))
    before = _ints(selection, node, "before")
    places = out.layout.sliced(before, x.layout.extents, [1] * len(before))
    selection.copy(x, out.seen(places), selection.about(node))


@rule("concat")
def concat(selection: Selection, node: Node) -> None:
    out = selection.out(node)
    axis = node.attr("axis")
    assert isinstance(axis, int)
    begin = 0
    for x in selection.operands(node):
        start = [begin if a == axis else 0 for a in range(len(x.layout.axes))]
        places = out.layout.sliced(start, x.layout.extents, [1] * len(start))
        selection.copy(x, out.seen(places), selection.about(node))
        begin += x.layout.extents[axis]


@rule("range")
def range_(selection: Selection, node: Node) -> None:
    """0, 1, 2, …"""
    out = selection.out(node)
    lanes = selection.isa.lanes
    writer = Writer([out], lanes)
    size = out.layout.extents[0]
    loops = merged(common([out.layout.flat, (Factor(size, 1),)]))
    along_out = loops.pop() if loops and loops[-1].strides == (1, 1) else None

    def body(at, strides, width, mask):  # type: ignore[no-untyped-def]
        fn = writer.fn
        here = fn.splat(fn.index(at[1]), width)
        here = fn.binary("add", here, vector(range(width), "i64")) if width else here
        if out.layout.in_lanes:  # padding samples repeat the last one
            here = fn.intrinsic("smin", here, number(selection.batch.n - 1, "i64", width))
        writer.store(0, cast(fn, here, "int64", out.dtype), at[0], strides[0], mask)

    tasks = nest(writer, loops, along_out, lanes, body, [*writer.starts, 0])
    selection.run(writer.kernel(1, tasks, selection.about(node), size))
