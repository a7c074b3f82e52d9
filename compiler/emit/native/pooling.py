"""Maximum and mean of windows, and their gradients: one pass over the windows, the taps written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod

from ...ir import Dim, Node
from .convolution import padded
from .layout import Factor, Layout, Loop, common, merged
from .nest import Tensor, Writer, along, divided, moved, walk
from .scalar import extremum
from .select import Selection, rule
from .text import Function, Index, Value, number

Taps = Sequence[int]
Element = Callable[[Writer, list[Index], Taps, int, int], None]


def _windows(
    selection: Selection, node: Node, image: Tensor, windows: Sequence[Tensor], written: int, body: Element
) -> None:
    """body(writer, offsets, offsets of the taps in the image, width, mask) for every window.

    image stands first among the writer's tensors, then `windows`, of which each has a number a window. The
    last `written` of all are written; if that is the image, it stands last too, once more.
    """
    lanes = selection.isa.lanes
    attrs = node.arguments
    kernel, stride = (tuple(attrs[name]) for name in ("kernel", "stride"))  # type: ignore[arg-type]
    rank = len(kernel)
    lead = len(image.layout.axes) - rank
    steps = [axis[0].stride if axis else 0 for axis in image.layout.axes[lead:]]
    places = windows[0].layout.axes
    seen = [
        tuple(Factor(f.extent, step * s) for f in axis)
        for axis, step, s in zip(places[lead:], steps, stride, strict=True)
    ]
    walked = Layout((*image.layout.axes[:lead], *seen)).flat
    tensors = [image, *windows]
    writer = Writer(tensors, lanes)
    loops = common([walked, *(t.layout.flat for t in windows)])
    loops = merged(sorted(loops, key=lambda loop: -abs(loop.strides[1])))
    vector: Loop | None = None
    if loops and loops[-1].strides[:2] == (1, 1) and loops[-1].kind == "lane":
        vector = loops.pop()
    taps = [sum(k * s for k, s in zip(at, steps, strict=True)) for at in product(*map(range, kernel))]
    outer, inner = divided(loops)
    fn = writer.fn
    with writer.tasks(outer, writer.starts) as at, walk(fn, inner, at) as there:
        if vector is None:
            body(writer, there, taps, 0, 0)
        else:
            along(
                fn,
                vector.extent,
                lanes,
                lambda i, mask: body(writer, moved(fn, there, i, vector), taps, lanes, mask),
            )
    tasks = prod(lp.extent for lp in outer)
    work = windows[0].layout.elements * len(taps)
    selection.run(writer.kernel(written, tasks, selection.about(node), (node.id,), work))


def _image(selection: Selection, node: Node, id: int, value: float) -> Tensor:
    pad = node.arguments["pad"]
    return padded(selection, id, pad, selection.about(node), value)  # type: ignore[arg-type]


@rule("maxpool")
def maxpool(selection: Selection, node: Node) -> None:
    (x,) = selection.graph.operands(node.id)

    def body(writer: Writer, at: list[Index], taps: Taps, width: int, mask: int) -> None:
        fn = writer.fn
        best: Value | None = None
        for tap in taps:
            value = writer.load(0, fn.add(at[0], tap), 1, width, mask)
            best = value if best is None else extremum(fn, "maximum", best, value)
        assert best is not None
        writer.store(1, best, at[1], 1, mask)

    _windows(selection, node, _image(selection, node, x, float("-inf")), [selection.out(node)], 1, body)


def _first(writer: Writer, at: Index, taps: Taps, width: int, mask: int) -> Value:
    """Which tap is the first that is the maximum of its window, or no number."""
    fn = writer.fn
    best = writer.load(0, fn.add(at, taps[0]), 1, width, mask)
    found = number(0, "i32", width)
    for k, tap in enumerate(taps[1:], 1):
        value = writer.load(0, fn.add(at, tap), 1, width, mask)
        wins = fn.binary("and", fn.compare("ugt", value, best), fn.compare("ord", best, best))
        best = fn.select(wins, value, best)
        found = fn.select(wins, number(k, "i32", width), found)
    return found


@rule("maxpool_gather")
def maxpool_gather(selection: Selection, node: Node) -> None:
    """h where x has the maximum of each window."""
    h, x = selection.graph.operands(node.id)
    image, values = _image(selection, node, x, float("-inf")), _image(selection, node, h, 0.0)
    if image.layout != values.layout:
        selection.fall_back(node)
        return

    def body(writer: Writer, at: list[Index], taps: Taps, width: int, mask: int) -> None:
        fn = writer.fn
        which = _first(writer, at[0], taps, width, mask)
        total = number(0, image.element, width)
        for k, tap in enumerate(taps):
            value = fn.load(writer.pointers[1], fn.add(at[0], tap), image.element, width)
            total = fn.select(fn.compare("eq", which, number(k, "i32", width)), value, total)
        writer.store(2, total, at[2], 1, mask)

    out = selection.out(node)
    still = Tensor(values.buffer, out.layout, values.dtype)
    _windows(selection, node, image, [still, out], 1, body)


@rule("maxpool_scatter")
def maxpool_scatter(selection: Selection, node: Node) -> None:
    """g added where x has the maximum of each window."""
    g, x = selection.graph.operands(node.id)
    image = _image(selection, node, x, float("-inf"))
    apart = node.arguments["kernel"] == node.arguments["stride"]

    def value(fn: Function, g: Value, which: Value | None, k: int) -> Value:
        assert which is not None
        return fn.select(fn.compare("eq", which, number(k, "i32", g.lanes)), g, number(0, g.element, g.lanes))

    def which(writer: Writer, at: Index, taps: Taps, width: int, mask: int) -> Value | None:
        return _first(writer, at, taps, width, mask)

    _spread(selection, node, image, selection.tensor(g), value, which, apart)


@rule("avgpool")
def avgpool(selection: Selection, node: Node) -> None:
    (x,) = selection.graph.operands(node.id)

    def body(writer: Writer, at: list[Index], taps: Taps, width: int, mask: int) -> None:
        fn = writer.fn
        total: Value | None = None
        for tap in taps:
            value = writer.load(0, fn.add(at[0], tap), 1, width, mask)
            total = value if total is None else fn.binary("fadd", total, value)
        assert total is not None
        mean = fn.binary("fmul", total, number(1 / len(taps), total.element, width))
        writer.store(1, mean, at[1], 1, mask)

    _windows(selection, node, _image(selection, node, x, 0.0), [selection.out(node)], 1, body)


@rule("avgpool_gradient")
def avgpool_gradient(selection: Selection, node: Node) -> None:
    (g,) = selection.graph.operands(node.id)
    type = node.type
    pad = node.arguments["pad"]
    lead = type.rank - len(pad)  # type: ignore[arg-type]
    sizes = [d + sum(pair) for d, pair in zip(type.shape[lead:], pad, strict=True)]  # type: ignore[arg-type]
    image = selection.new(type.with_shape((*type.shape[:lead], *sizes)))
    count = prod(node.arguments["kernel"])  # type: ignore[arg-type]

    def value(fn: Function, g: Value, which: Value | None, k: int) -> Value:
        return fn.binary("fmul", g, number(1 / count, g.element, g.lanes))

    apart = node.arguments["kernel"] == node.arguments["stride"]
    _spread(selection, node, image, selection.tensor(g), value, lambda *_: None, apart)


def _spread(
    selection: Selection,
    node: Node,
    image: Tensor,
    g: Tensor,
    value: Callable[[Function, Value, Value | None, int], Value],
    which: Callable[[Writer, Index, Taps, int, int], Value | None],
    apart: bool,
) -> None:
    """value(g, which tap is meant, tap) added at each tap of each window.

    Where windows overlap, one task does all windows of its images; `apart` says that none do.
    """
    out = selection.out(node)
    pad = node.arguments["pad"]
    full = image.layout.extents == out.layout.extents and image.layout == out.layout
    sums = out if full else selection.new(node.type.with_shape(_shape(node, image)))
    attrs = node.arguments
    kernel, stride = (tuple(attrs[name]) for name in ("kernel", "stride"))  # type: ignore[arg-type]
    covered = apart and image.layout.extents[-len(kernel) :] == tuple(
        k * places for k, places in zip(kernel, g.layout.extents[-len(kernel) :], strict=True)
    )
    if not covered:
        selection.fill(sums, 0, selection.about(node))
    lanes = selection.isa.lanes
    rank = len(kernel)
    lead = len(image.layout.axes) - rank

    def walked(t: Tensor) -> Layout:
        steps = [axis[0].stride if axis else 0 for axis in t.layout.axes[lead:]]
        seen = [
            tuple(Factor(f.extent, step * s) for f in axis)
            for axis, step, s in zip(g.layout.axes[lead:], steps, stride, strict=True)
        ]
        return Layout((*t.layout.axes[:lead], *seen))

    writer = Writer([image, g, sums], lanes)
    fn = writer.fn
    spans = [layout.axes for layout in (walked(image), g.layout, walked(sums))]
    images = merged(
        sorted(common([Layout(a[:lead]).flat for a in spans]), key=lambda lp: -abs(lp.strides[2]))
    )
    within = common([Layout(a[lead:]).flat for a in spans])
    vector = images.pop() if images and images[-1].strides == (1, 1, 1) else None
    taps_of = [
        [
            sum(k * (axis[0].stride if axis else 0) for k, axis in zip(at, t.layout.axes[lead:], strict=True))
            for at in product(*map(range, kernel))
        ]
        for t in (image, sums)
    ]

    def body(at: Sequence[Index], width: int, mask: int) -> None:
        with walk(fn, within, at) as there:
            given = writer.load(1, there[1], 1, width, mask)
            chosen = which(writer, there[0], taps_of[0], width, mask)
            for k, tap in enumerate(taps_of[1]):
                share = value(fn, given, chosen, k)
                place = fn.add(there[2], tap)
                if not apart:
                    share = fn.binary("fadd", writer.load(2, place, 1, width, mask), share)
                writer.store(2, share, place, 1, mask)

    outer, inner = divided(images)
    with writer.tasks(outer, writer.starts) as at, walk(fn, inner, at) as there:
        if vector is None:
            body(there, 0, 0)
        else:
            along(fn, vector.extent, lanes, lambda i, mask: body(moved(fn, there, i, vector), lanes, mask))
    work = g.layout.elements * len(taps_of[0])
    selection.run(writer.kernel(1, prod(lp.extent for lp in outer), selection.about(node), (node.id,), work))
    if sums is not out:
        start = [0] * lead + [before for before, _ in pad]  # type: ignore[misc]
        inner_layout = sums.layout.sliced(start, out.layout.extents, [1] * len(start))
        selection.copy(sums.seen(inner_layout), out, selection.about(node))


def _shape(node: Node, image: Tensor) -> tuple[Dim, ...]:
    pad = node.arguments["pad"]
    lead = node.type.rank - len(pad)  # type: ignore[arg-type]
    return (*node.type.shape[:lead], *image.layout.extents[lead:])
