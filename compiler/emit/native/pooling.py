"""Maximum and mean of windows, and their gradients: one pass over the windows, the taps written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from ...ir import Node
from .convolution import padded
from .layout import Factor, Layout, Loop, common, merged
from .nest import Tensor, Writer, along, divided, moved, nest, walk
from .scalar import extremum
from .select import Selection, rule
from .text import Function, Index, Value, number
from .window import Pairs

Taps = Sequence[int]
Element = Callable[[Writer, list[Index], Taps, int, int], None]


@dataclass(frozen=True, slots=True)
class _Pool:
    """kernel, stride: a number for each spatial axis; pad: a pair. The spatial axes are the last ones."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: Pairs

    def lead(self, layout: Layout) -> int:
        """How many axes stand before the spatial ones."""
        return len(layout.axes) - len(self.kernel)

    def first_taps(self, image: Layout, windows: Layout) -> Layout:
        """For each window the place in an image where it begins."""
        lead = self.lead(image)
        seen = [
            tuple(Factor(f.extent, step * s) for f in axis)
            for axis, step, s in zip(windows.axes[lead:], self._steps(image), self.stride, strict=True)
        ]
        return Layout((*image.axes[:lead], *seen))

    def taps(self, image: Layout) -> Taps:
        """From there, how far it is to each place of the window."""
        steps = self._steps(image)
        return [
            sum(k * s for k, s in zip(at, steps, strict=True)) for at in product(*map(range, self.kernel))
        ]

    @property
    def apart(self) -> bool:
        """Whether no two windows share a place."""
        return self.kernel == self.stride

    def _steps(self, image: Layout) -> list[int]:
        return [axis[0].stride if axis else 0 for axis in image.axes[self.lead(image) :]]


def _pool(node: Node) -> _Pool:
    attrs = node.arguments
    return _Pool(attrs["kernel"], attrs["stride"], attrs["pad"])  # type: ignore[arg-type]


def _windows(
    selection: Selection, node: Node, image: Tensor, windows: Sequence[Tensor], body: Element
) -> None:
    """body(writer, offsets, offsets of the taps in the image, width, mask) for every window.

    The writer's tensors are the image and then `windows`, which have a number a window; the last is written.
    """
    lanes, pool = selection.isa.lanes, _pool(node)
    walked = pool.first_taps(image.layout, windows[0].layout).flat
    writer = Writer([image, *windows], lanes)
    loops = common([walked, *(t.layout.flat for t in windows)])
    loops = merged(sorted(loops, key=lambda loop: -abs(loop.strides[1])))
    vector: Loop | None = None
    if loops and loops[-1].strides[:2] == (1, 1) and loops[-1].kind == "lane":
        vector = loops.pop()
    taps = pool.taps(image.layout)
    tasks = nest(
        writer, loops, vector, lanes, lambda at, _, width, mask: body(writer, list(at), taps, width, mask)
    )
    work = windows[0].layout.elements * len(taps)
    selection.run(writer.kernel(1, tasks, selection.about(node), work))


def _image(selection: Selection, node: Node, id: int, value: float) -> Tensor:
    return padded(selection, id, _pool(node).pad, selection.about(node), value)


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

    _windows(selection, node, _image(selection, node, x, float("-inf")), [selection.out(node)], body)


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
    _windows(selection, node, image, [still, out], body)


@rule("maxpool_scatter")
def maxpool_scatter(selection: Selection, node: Node) -> None:
    """g added where x has the maximum of each window."""
    g, x = selection.graph.operands(node.id)
    image = _image(selection, node, x, float("-inf"))

    def value(fn: Function, g: Value, which: Value | None, k: int) -> Value:
        assert which is not None
        return fn.select(fn.compare("eq", which, number(k, "i32", g.lanes)), g, number(0, g.element, g.lanes))

    def which(writer: Writer, at: Index, taps: Taps, width: int, mask: int) -> Value | None:
        return _first(writer, at, taps, width, mask)

    _spread(selection, node, image, selection.tensor(g), value, which)


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

    _windows(selection, node, _image(selection, node, x, 0.0), [selection.out(node)], body)


@rule("avgpool_gradient")
def avgpool_gradient(selection: Selection, node: Node) -> None:
    (g,) = selection.graph.operands(node.id)
    type, pool = node.type, _pool(node)
    lead = type.rank - len(pool.pad)
    sizes = [d + sum(pair) for d, pair in zip(type.shape[lead:], pool.pad, strict=True)]
    image = selection.new(type.with_shape((*type.shape[:lead], *sizes)))
    count = prod(pool.kernel)

    def value(fn: Function, g: Value, which: Value | None, k: int) -> Value:
        return fn.binary("fmul", g, number(1 / count, g.element, g.lanes))

    _spread(selection, node, image, selection.tensor(g), value, lambda *_: None)


def _spread(
    selection: Selection,
    node: Node,
    image: Tensor,
    g: Tensor,
    value: Callable[[Function, Value, Value | None, int], Value],
    which: Callable[[Writer, Index, Taps, int, int], Value | None],
) -> None:
    """value(g, which tap is meant, tap) added at each tap of each window.

    Where windows overlap, one task does all windows of its images.
    """
    out, pool, lanes = selection.out(node), _pool(node), selection.isa.lanes
    lead = pool.lead(image.layout)
    whole = image.layout == out.layout
    shape = (*node.type.shape[:lead], *image.layout.extents[lead:])
    sums = out if whole else selection.new(node.type.with_shape(shape))
    counts = g.layout.extents[lead:]
    covered = tuple(k * places for k, places in zip(pool.kernel, counts, strict=True))
    if not pool.apart or image.layout.extents[lead:] != covered:
        selection.fill(sums, 0, selection.about(node))
    writer = Writer([image, g, sums], lanes)
    fn = writer.fn
    begins = [pool.first_taps(t.layout, g.layout) for t in (image, sums)]
    spans = [layout.axes for layout in (begins[0], g.layout, begins[1])]
    images = merged(
        sorted(common([Layout(a[:lead]).flat for a in spans]), key=lambda lp: -abs(lp.strides[2]))
    )
    within = common([Layout(a[lead:]).flat for a in spans])
    vector = images.pop() if images and images[-1].strides == (1, 1, 1) else None
    seen, reached = (pool.taps(t.layout) for t in (image, sums))

    def body(at: Sequence[Index], width: int, mask: int) -> None:
        with walk(fn, within, at) as there:
            given = writer.load(1, there[1], 1, width, mask)
            for tap in seen:
                writer.ask_ahead(0, fn.add(there[0], tap), 1)
            chosen = which(writer, there[0], seen, width, mask)
            for k, tap in enumerate(reached):
                share = value(fn, given, chosen, k)
                place = fn.add(there[2], tap)
                writer.ask_ahead(2, place, 1, write=True)
                if not pool.apart:
                    share = fn.binary("fadd", writer.load(2, place, 1, width, mask), share)
                writer.store(2, share, place, 1, mask)

    outer, inner = divided(images)
    with writer.tasks(outer, writer.starts) as at, walk(fn, inner, at) as there:
        if vector is None:
            body(there, 0, 0)
        else:
            along(fn, vector.extent, lanes, lambda i, mask: body(moved(fn, there, i, vector), lanes, mask))
    work = g.layout.elements * len(seen)
    selection.run(writer.kernel(1, prod(lp.extent for lp in outer), selection.about(node), work))
    if sums is not out:
        start = [0] * lead + [before for before, _ in pool.pad]
        inner_layout = sums.layout.sliced(start, out.layout.extents, [1] * len(start))
        selection.copy(sums.seen(inner_layout), out, selection.about(node))
