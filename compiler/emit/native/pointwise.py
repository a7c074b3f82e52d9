"""Groups of elementwise operations as one loop nest, which may end in a reduction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from ...ir import DType, Node
from . import scalar
from .layout import Axis, Batch, Loop, common, merged
from .nest import ELEMENTS, Kernel, Tensor, Writer, along, divided, first, moved, nest, present, samples, walk
from .text import FLOATS, Function, Index, Value, Variable, item_bytes, number

UNROLLED = 4  # independent running values of a reduction: enough to hide the latency of an addition
_SMALL = 8  # operations that are worth writing out so many times
_CHUNK = 32  # rounds that are summed apart: long sums lose fewer digits so


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that one loop nest computes.

    members: elementwise, operands first. operands: what each reads, by node: a member, a number or an input,
    whose axis is spread over the group's elements. dtypes: of all of these. outputs: the members that are
    stored, and where.
    """

    members: Sequence[Node]
    operands: Mapping[int, Sequence[int]]
    numbers: Mapping[int, float]
    inputs: Mapping[int, tuple[Tensor, Axis]]
    dtypes: Mapping[int, DType]
    outputs: Mapping[int, Tensor]
    about: str = ""


def _values(group: Group, fn: Function, width: int, load: Callable[[int], Value]) -> dict[int, Value]:
    """Every member's value, from those of the inputs; conversions from booleans are the members' affair."""
    known: dict[int, Value] = {}

    def value(id: int) -> Value:
        if id not in known:
            if id in group.numbers:
                known[id] = number(group.numbers[id], ELEMENTS[group.dtypes[id]], width)
            else:
                known[id] = load(id)
        return known[id]

    for node in group.members:
        ids = group.operands[node.id]
        dtypes: list[DType] = [group.dtypes[i] for i in ids]
        known[node.id] = scalar.compute(fn, node, [value(i) for i in ids], dtypes)
    return known


def pointwise(group: Group, lanes: int) -> Kernel:
    """The kernel of a group without a reduction: every output has the group's elements."""
    inputs, outputs = list(group.inputs), list(group.outputs)
    tensors = [group.inputs[i][0] for i in inputs] + [group.outputs[o] for o in outputs]
    axes = [group.inputs[i][1] for i in inputs] + [group.outputs[o].layout.flat for o in outputs]
    writer = Writer(tensors, lanes)
    first = len(inputs)
    loops = merged(sorted(common(axes), key=lambda loop: -abs(loop.strides[first])))
    vector = loops.pop() if loops and loops[-1].strides[first] == 1 else None
    work = len(group.members) * prod(t.layout.elements for t in tensors[first : first + 1])

    def body(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> None:
        known = _values(
            group,
            writer.fn,
            width,
            lambda id: writer.load(
                inputs.index(id), at[inputs.index(id)], strides[inputs.index(id)], width, mask
            ),
        )
        for position, id in enumerate(outputs, first):
            value = known[id]
            value = writer.fn.splat(value, width) if width else value
            writer.store(position, value, at[position], strides[position], mask)

    tasks = nest(writer, loops, vector, lanes, body)
    return writer.kernel(len(outputs), tasks, group.about, work)


# reductions

_IDENTITY = {"sum": 0.0, "prod": 1.0, "any": 0, "all": 1, "max": float("-inf"), "min": float("inf")}
_COMBINE = {"sum": "fadd add", "prod": "fmul mul", "any": "or", "all": "and"}


def identity(op: str, dtype: DType) -> float:
    """What changes nothing in a reduction."""
    if ELEMENTS[dtype] in FLOATS or op not in ("max", "min"):
        return _IDENTITY[op]
    bits = 1 if dtype == "bool" else 8 * item_bytes(ELEMENTS[dtype])
    least, most = (0, 2**bits - 1) if dtype in scalar.UNSIGNED else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return least if op == "max" else most


def combined(fn: Function, op: str, a: Value, b: Value, unsigned: bool = False) -> Value:
    if op in _COMBINE:
        names = _COMBINE[op].split()
        return fn.binary(names[0] if len(names) == 1 else names[not a.is_float], a, b)
    return scalar.extremum(fn, {"max": "maximum", "min": "minimum"}[op], a, b, unsigned)


def across(fn: Function, op: str, x: Value, unsigned: bool = False) -> Value:
    """All lanes of a vector combined, halving it."""
    while x.lanes > 1:
        half = x.lanes // 2
        low, high = (fn.shuffle(x, x, range(start, start + half)) for start in (0, half))
        x = combined(fn, op, low, high, unsigned)
    return fn.extract(x, 0)


def reduction(
    group: Group, end: Node, source: int, whole: Axis, gone: Axis, out: Tensor, kept: Axis, batch: Batch
) -> Kernel:
    """The kernel of a group that ends in a sum or the like.

    source: the member (or input) that is reduced; whole: the axes of its type. gone: an axis over the group's
    elements whose stride is not 0 where they are reduced; kept: the result's place for each element, with
    stride 0 where they are reduced.
    """
    inputs = list(group.inputs)
    stored = list(group.outputs)
    extra = [group.outputs[o] for o in stored]
    lanes = batch.lanes
    tensors = [*(group.inputs[i][0] for i in inputs), *extra, out]
    axes = [group.inputs[i][1] for i in inputs] + [t.layout.flat for t in extra] + [kept]
    writer = Writer(tensors, lanes)
    last = len(tensors) - 1
    loops = common([*axes, samples(whole, lanes), gone])
    masked = not batch.full and any(lp.strides[-1] and lp.kind == "lane" for lp in loops)
    reduced = sorted((lp for lp in loops if lp.strides[-1]), key=lambda lp: -max(map(abs, lp.strides[:last])))
    outer = sorted((lp for lp in loops if not lp.strides[-1]), key=lambda lp: -abs(lp.strides[last]))
    keep = ("block", "lane") if masked else ()
    reduced, outer = merged(reduced, keep), merged(outer)
    vector, vertical = None, False
    if outer and outer[-1].strides[last] == 1 and _even(outer[-1], last):
        vector, vertical = outer.pop(), True
    elif reduced and any(s == 1 for s in reduced[-1].strides[:last]):
        vector = reduced.pop()
    work = (len(group.members) + 1) * prod(lp.extent for lp in loops)
    element, unsigned = out.element, out.dtype in scalar.UNSIGNED
    unrolled = UNROLLED if len(group.members) <= _SMALL else 1

    def load(at: Sequence[Index], strides: Sequence[int], width: int, mask: int) -> Callable[[int], Value]:
        return lambda id: writer.load(
            inputs.index(id), at[inputs.index(id)], strides[inputs.index(id)], width, mask
        )

    def total(at: Sequence[Index], width: int, mask: int, spread: Loop | None) -> Value:
        """The reduction over `reduced` and, with `spread`, over that loop's vectors."""
        fn = writer.fn
        start = number(identity(end.op, out.dtype), element, width if spread or vertical else 0)
        running, lost = fn.variable(start), fn.variable(number(0, element, start.lanes))

        def step(there: Sequence[Index], strides: Sequence[int], cut: int, into: Variable) -> None:
            known = _values(group, fn, width, load(there, strides, width, cut))
            for position, id in enumerate(stored, len(inputs)):
                writer.store(position, fn.splat(known[id], width), there[position], strides[position], cut)
            value = known[source] if source in known else load(there, strides, width, cut)(source)
            value = fn.splat(value, width) if width else value
            if cut and spread is not None:
                value = fn.select(first(cut, width), value, start)
            if masked and spread is not None and spread.kind == "lane":
                value = fn.select(present(fn, there[-2], batch.n, lanes), value, start)
            elif masked:
                value = fn.select(
                    fn.compare("slt", fn.index(there[-2]), number(batch.n, "i64")), value, start
                )
            fn.set(into, combined(fn, end.op, fn.get(into), value, unsigned))

        def add(part: Value) -> None:
            """To what there is. What a sum of floats loses is kept and added later (Kahan 1965)."""
            if end.op != "sum" or not part.is_float:
                fn.set(running, combined(fn, end.op, fn.get(running), part, unsigned))
                return
            before = fn.get(running)
            missing = fn.binary("fsub", part, fn.get(lost))
            after = fn.binary("fadd", before, missing)
            finite = fn.compare("oeq", fn.binary("fsub", after, after), number(0, element, after.lanes))
            error = fn.binary("fsub", fn.binary("fsub", after, before), missing)
            fn.set(lost, fn.select(finite, error, number(0, element, after.lanes)))
            fn.set(running, after)

        def some(there: Sequence[Index], begin: Index, count: int) -> None:
            """So many rounds of the innermost loop, summed apart and then added to what there is."""
            parts = [fn.variable(start) for _ in range(min(unrolled, count))]
            groups, left = divmod(count, len(parts))
            with fn.loop(0, groups) as group:
                for k, part in enumerate(parts):
                    i = fn.multiply(fn.add(begin, fn.multiply(group, len(parts)), k), unit)
                    step(moved(fn, there, i, deep), strides, mask, part)
            for k in range(left):
                i = fn.multiply(fn.add(begin, groups * len(parts) + k), unit)
                step(moved(fn, there, i, deep), strides, mask, parts[k])
            while len(parts) > 1:
                pairs = [(fn.get(a), fn.get(b)) for a, b in zip(parts[::2], parts[1::2], strict=False)]
                odd = parts[len(pairs) * 2 :]
                parts = [fn.variable(combined(fn, end.op, a, b, unsigned)) for a, b in pairs] + odd
            add(fn.get(parts[0]))

        unit = lanes if spread is not None else 1
        deep = spread or (reduced[-1] if reduced else Loop(1, (0,) * (len(tensors) + 2)))
        strides = spread.strides if spread else vector.strides if vector and vertical else deep.strides
        with walk(fn, reduced if spread is not None else reduced[:-1], at) as there:
            rounds, left = divmod(deep.extent, unit)
            chunks, rest = divmod(rounds, _CHUNK)
            if chunks:
                with fn.loop(0, chunks) as chunk:
                    some(there, fn.multiply(chunk, _CHUNK), _CHUNK)
            if rest:
                some(there, chunks * _CHUNK, rest)
            if left:
                step(moved(fn, there, rounds * unit, deep), strides, left, running)
        return fn.get(running)

    fn = writer.fn
    starts: list[Index] = [*writer.starts, 0, 0]
    divided_, inner = divided(outer)
    with writer.tasks(divided_, starts) as at, walk(fn, inner, at) as there:
        if vertical:
            assert vector is not None
            along(
                fn,
                vector.extent,
                lanes,
                lambda i, mask: writer.store(
                    last,
                    total(moved(fn, there, i, vector), lanes, mask, None),
                    moved(fn, there, i, vector)[last],
                    1,
                    mask,
                ),
            )
        elif vector is not None:
            writer.store(last, across(fn, end.op, total(there, lanes, 0, vector), unsigned), there[last], 1)
        else:
            writer.store(last, total(there, 0, 0, None), there[last], 1)
    return writer.kernel(len(stored) + 1, prod(lp.extent for lp in divided_), group.about, work)


def _even(loop: Loop, last: int) -> bool:
    """Whether every tensor can be read along a loop as whole vectors."""
    return all(s in (0, 1) for s in loop.strides[:last])
