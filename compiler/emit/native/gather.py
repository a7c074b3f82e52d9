"""Values from and to places that an integer tensor names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...ir import Node
from .layout import Axis, Factor, Layout, Loop, common, merged
from .nest import Body, Tensor, Writer, nest, walk
from .pointwise import combined
from .scalar import cast
from .select import Selection, rule
from .text import Function, Index, Value, number, vector


def _index(writer: Writer, which: int, at: Index, stride: int, width: int, mask: int, size: int) -> Value:
    """An index as i64, held inside its axis: wrong data must not read other memory."""
    fn, tensor = writer.fn, writer.tensors[which]
    i = cast(fn, writer.load(which, at, stride, width, mask), tensor.dtype, "int64")
    last = number(size - 1, "i64", i.lanes)
    return fn.intrinsic("smax", fn.intrinsic("smin", i, last), number(0, "i64", i.lanes))


def _offsets(fn: Function, base: Index, index: Value, step: int, stride: int) -> Value:
    """base + index · step, and in each further lane `stride` more."""
    lanes = index.lanes
    total = fn.binary("mul", index, number(step, "i64", lanes))
    total = fn.binary("add", total, fn.splat(fn.index(base), lanes))
    if not lanes or not stride:
        return total
    return fn.binary("add", total, vector([lane * stride for lane in range(lanes)], "i64"))


def _loops(
    selection: Selection,
    node: Node,
    tensors: Sequence[Tensor],
    axes: Sequence[Axis],
    body: Callable[[Writer], Body],
) -> None:
    """A kernel over the elements of the last tensor, which is written; `axes` are the others' places."""
    lanes = selection.isa.lanes
    writer = Writer(tensors, lanes)
    last = len(tensors) - 1
    out = tensors[last].layout
    found = merged(sorted(common([*axes, out.flat]), key=lambda loop: -abs(loop.strides[last])))
    along_out = found.pop() if found and found[-1].strides[last] == 1 else None
    tasks = nest(writer, found, along_out, lanes, body(writer))
    selection.run(writer.kernel(1, tasks, selection.about(node), out.elements))


def _single(axis: Axis) -> Factor | None:
    """The one loop of an axis that an index can step along."""
    joined = [f for f in axis if f.extent != 1]
    if not joined:
        return Factor(1, 0)
    return joined[0] if len(joined) == 1 and not joined[0].kind else None


@rule("take")
def take(selection: Selection, node: Node) -> None:
    """x[i]: rows of x."""
    x, i = selection.operands(node)
    rows = _single(x.layout.axes[0])
    if rows is None or x.layout.in_lanes:
        selection.fall_back(node)
        return
    out = selection.out(node)
    extents = out.layout.extents
    rank = len(i.layout.axes)
    index = Layout((*i.layout.axes, *(() for _ in extents[rank:]))).broadcast(extents).flat
    row = Layout((*(() for _ in extents[:rank]), *x.layout.axes[1:])).broadcast(extents).flat

    def body(writer: Writer) -> Body:
        def element(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
            fn = writer.fn
            if strides[1] == 0:  # one row for the whole vector
                i = _index(writer, 1, at[1], 0, 0, 0, rows.extent)
                start = fn.add(at[0], fn.multiply(i, rows.stride))
                value = writer.load(0, start, strides[0], width, mask)
            else:
                i = _index(writer, 1, at[1], strides[1], width, mask, rows.extent)
                value = fn.gather(
                    writer.pointers[0], _offsets(fn, at[0], i, rows.stride, strides[0]), x.element
                )
            writer.store(2, value, at[2], strides[2], mask)

        return element

    _loops(selection, node, [x, i, out], [row, index], body)


@rule("put")
def put(selection: Selection, node: Node) -> None:
    """g added to the rows i of zeros. Each task has its own columns, and adds row after row."""
    ids = selection.graph.operands(node.id)
    g, i = selection.operands(node)
    out = selection.out(node)
    if out.layout.in_lanes or not out.element.startswith(("f", "d")):
        selection.fall_back(node)
        return
    selection.fill(out, 0)
    if g.layout.in_lanes:
        g = selection.packed(ids[0], len(g.layout.axes) - 1)
    count = len(i.layout.axes)
    lanes = selection.isa.lanes
    writer = Writer([g, i, out], lanes)
    fn = writer.fn
    rows = _single(out.layout.axes[0])
    assert rows is not None
    inner = merged(common([Layout(g.layout.axes[count:]).flat, Layout(out.layout.axes[1:]).flat]))
    along_row = inner.pop() if inner and inner[-1].strides == (1, 1) else None
    which = common([Layout(g.layout.axes[:count]).flat, Layout(i.layout.axes).flat])
    columns = [lp._replace(strides=(lp.strides[0], 0, lp.strides[1])) for lp in inner]
    steps = [lp._replace(strides=(lp.strides[0], lp.strides[1], 0)) for lp in which]

    def add(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        with walk(fn, steps, at) as there:
            row = _index(writer, 1, there[1], 0, 0, 0, rows.extent)
            place = fn.add(at[2], fn.multiply(row, rows.stride))
            total = fn.binary(
                "fadd",
                writer.load(2, place, strides[2], width, mask),
                writer.load(0, there[0], strides[0], width, mask),
            )
            writer.store(2, total, place, strides[2], mask)

    along_ = along_row._replace(strides=(1, 0, 1)) if along_row is not None else None
    tasks = nest(writer, columns, along_, lanes, add)
    selection.run(writer.kernel(1, tasks, selection.about(node), g.layout.elements))


@rule("take_along")
def take_along(selection: Selection, node: Node) -> None:
    """x at i along an axis; i may be 1 long elsewhere."""
    x, i = selection.operands(node)
    axis = _axis(node)
    step = _single(x.layout.axes[axis])
    if step is None:
        selection.fall_back(node)
        return
    out = selection.out(node)
    extents = out.layout.extents
    others = tuple(() if a == axis else own for a, own in enumerate(x.layout.axes))
    row, index = Layout(others).broadcast(extents).flat, i.layout.broadcast(extents).flat

    def body(writer: Writer) -> Body:
        def element(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
            fn = writer.fn
            i = _index(writer, 1, at[1], strides[1], width, mask, step.extent)
            value = fn.gather(writer.pointers[0], _offsets(fn, at[0], i, step.stride, strides[0]), x.element)
            writer.store(2, value, at[2], strides[2], mask)

        return element

    _loops(selection, node, [x, i, out], [row, index], body)


@rule("put_along")
def put_along(selection: Selection, node: Node) -> None:
    """g added at i along an axis of zeros: every place asks of each number whether it is meant."""
    g, i = selection.operands(node)
    axis = _axis(node)
    if any(f.kind for f in g.layout.axes[axis]):  # padding samples would be added
        selection.fall_back(node)
        return
    out = selection.out(node)
    extents = out.layout.extents
    rows = [tuple(() if a == axis else own for a, own in enumerate(t.layout.axes)) for t in (g, i)]
    place = Layout(tuple((Factor(e, int(a == axis)),) for a, e in enumerate(extents))).flat
    numbers = [
        Loop(lp.extent, (*lp.strides, 0, 0)) for lp in common([g.layout.axes[axis], i.layout.axes[axis]])
    ]

    def value(writer: Writer, at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> Value:
        fn = writer.fn
        total = fn.variable(number(0, g.element, width))
        with walk(fn, numbers, at) as there:
            meant = fn.compare(
                "eq",
                _whole(writer, 1, there[1], strides[1], width, mask),
                _place(fn, there[3], strides[3], width),
            )
            share = fn.select(
                meant, writer.load(0, there[0], strides[0], width, mask), number(0, g.element, width)
            )
            fn.set(total, combined(fn, "sum", fn.get(total), share))
        return fn.get(total)

    axes = [Layout(own).broadcast(extents).flat for own in rows]
    _at_places(selection, node, [g, i, out], axes, [place], value)


@rule("one_hot")
def one_hot(selection: Selection, node: Node) -> None:
    (y,) = selection.operands(node)
    out = selection.out(node)
    extents = out.layout.extents
    index = Layout((*y.layout.axes, ())).broadcast(extents).flat
    place = Layout(tuple((Factor(e, int(a == len(extents) - 1)),) for a, e in enumerate(extents))).flat

    def value(writer: Writer, at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> Value:
        fn = writer.fn
        meant = fn.compare(
            "eq", _whole(writer, 0, at[0], strides[0], width, mask), _place(fn, at[2], strides[2], width)
        )
        return cast(fn, meant, "bool", out.dtype)

    _at_places(selection, node, [y, out], [index], [place], value)


def _whole(writer: Writer, which: int, at: Index, stride: int, width: int, mask: int) -> Value:
    """An integer as i64."""
    return cast(writer.fn, writer.load(which, at, stride, width, mask), writer.tensors[which].dtype, "int64")


def _place(fn: Function, at: Index, stride: int, width: int) -> Value:
    """An element's place along an axis, in each further lane `stride` more."""
    here = fn.splat(fn.index(at), width)
    if width and stride:
        return fn.binary("add", here, vector([lane * stride for lane in range(width)], "i64"))
    return here


def _at_places(
    selection: Selection,
    node: Node,
    tensors: Sequence[Tensor],
    axes: Sequence[Axis],
    places: Sequence[Axis],
    value: Callable[[Writer, Sequence[Index], Sequence[int], int, int], Value],
) -> None:
    """value(writer, offsets, strides, width, mask) for each element of the last tensor.

    places: axes whose offsets, behind those of the tensors, are the places along them.
    """
    lanes = selection.isa.lanes
    writer = Writer(tensors, lanes)
    last = len(tensors) - 1
    out = tensors[last].layout
    loops = common([*axes, out.flat, *places])
    loops = merged(sorted(loops, key=lambda loop: -abs(loop.strides[last])))
    along_out = loops.pop() if loops and loops[-1].strides[last] == 1 else None

    def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        writer.store(last, value(writer, at, strides, width, mask), at[last], strides[last], mask)

    tasks = nest(writer, loops, along_out, lanes, body, [*writer.starts, *(0 for _ in places)])
    selection.run(writer.kernel(1, tasks, selection.about(node), out.elements))


@rule("window_at")
def window_at(selection: Selection, node: Node) -> None:
    """A window of each image, from a row and a column of its own on."""
    x, offsets = selection.operands(node)
    out = selection.out(node)
    steps = [_single(axis) for axis in x.layout.axes[2:]]
    pair = _single(offsets.layout.axes[1])
    if None in steps or pair is None:
        selection.fall_back(node)
        return
    down, right = (s for s in steps if s is not None)
    extents = out.layout.extents
    room = [have.extent - want + 1 for have, want in zip((down, right), extents[2:], strict=True)]
    first = Layout((offsets.layout.axes[0], (), (), ())).broadcast(extents).flat
    spaced = x.layout.axes[:2]
    image = (*spaced, *((Factor(e, s.stride),) for e, s in zip(extents[2:], (down, right), strict=True)))

    def body(writer: Writer) -> Body:
        def element(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
            fn = writer.fn
            row = _index(writer, 1, at[1], strides[1], width, mask, room[0])
            column = _index(writer, 1, fn.add(at[1], pair.stride), strides[1], width, mask, room[1])
            place = _offsets(fn, at[0], row, down.stride, strides[0])
            place = fn.binary("add", place, fn.binary("mul", column, number(right.stride, "i64", width)))
            writer.store(2, fn.gather(writer.pointers[0], place, x.element), at[2], strides[2], mask)

        return element

    _loops(selection, node, [x, offsets, out], [Layout(image).flat, first], body)


@rule("window_put")
def window_put(selection: Selection, node: Node) -> None:
    """Each window in zeros, from a row and a column of its own on."""
    g, offsets = selection.operands(node)
    out = selection.out(node)
    steps = [_single(axis) for axis in g.layout.axes[2:]]
    pair = _single(offsets.layout.axes[1])
    if None in steps or pair is None:
        selection.fall_back(node)
        return
    extents = out.layout.extents
    axes = [
        Layout(own).broadcast(extents).flat
        for own in ((*g.layout.axes[:2], (), ()), (offsets.layout.axes[0], (), (), ()))
    ]
    places = [
        Layout(tuple((Factor(e, int(a == axis)),) for a, e in enumerate(extents))).flat for axis in (2, 3)
    ]

    def value(writer: Writer, at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> Value:
        fn = writer.fn
        inside, offset = number(1, "i1", width), _place(fn, at[0], strides[0], width)
        for k, step in enumerate(s for s in steps if s is not None):
            corner = _whole(writer, 1, fn.add(at[1], k * pair.stride), strides[1], width, mask)
            i = fn.binary("sub", _place(fn, at[3 + k], strides[3 + k], width), corner)
            inside = fn.binary("and", inside, fn.compare("ult", i, number(step.extent, "i64", width)))
            held = fn.select(inside, i, number(0, "i64", width))
            offset = fn.binary("add", offset, fn.binary("mul", held, number(step.stride, "i64", width)))
        found = fn.gather(writer.pointers[0], offset, g.element)
        return fn.select(inside, found, number(0, g.element, width))

    _at_places(selection, node, [g, offsets, out], axes, places, value)


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis
