"""Groups of elementwise operations as one loop nest, which may end in a reduction."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from ...ir import DType, Node
from . import scalar
from .layout import Axis, Batch, Loop, common, merged
from .nest import ELEMENTS, Kernel, Tensor, Writer, along, divided, first, moved, nest, present, samples, walk
from .text import FLOATS, Function, Index, Value, Variable, item_bytes, number

UNROLLED = 4  # independent running values of a reduction: enough to hide the latency of an addition
_SMALL = 8  # operations that are worth writing out so many times
_TOGETHER = 4  # neighbouring results that are made together where what they sum lies apart
_APART = 1024  # elements from one round to the next: another page of memory, or nearly
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

    @property
    def form(self) -> Hashable:
        """What the code of its operations depends on, whichever nodes they are."""
        places: dict[int, int] = {}

        def place(id: int) -> int:
            return places.setdefault(id, len(places))

        members = [
            (n.op, n.type.dtype, n.attrs, *map(place, (n.id, *self.operands[n.id]))) for n in self.members
        ]
        numbers = [(place(id), value) for id, value in self.numbers.items()]
        inputs = [(place(id), tensor.layout, axis) for id, (tensor, axis) in self.inputs.items()]
        outputs = [(place(id), tensor.layout) for id, tensor in self.outputs.items()]
        dtypes = sorted((place(id), dtype) for id, dtype in self.dtypes.items())
        return tuple(map(tuple, (members, numbers, inputs, outputs, dtypes)))


def values(group: Group, fn: Function, width: int, load: Callable[[int], Value]) -> dict[int, Value]:
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
        for position in range(len(tensors)):
            writer.ask_ahead(position, at[position], strides[position], position >= first)
        known = values(
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


def pairwise(values: Sequence[Value], combine: Callable[[Value, Value], Value]) -> Value:
    """All values combined two by two, which rounds less than one after the other would."""
    left = list(values)
    while len(left) > 1:
        pairs = [combine(a, b) for a, b in zip(left[::2], left[1::2], strict=False)]
        left = pairs + left[len(pairs) * 2 :]
    return left[0]


def across(fn: Function, op: str, x: Value, unsigned: bool = False) -> Value:
    """All lanes of a vector combined, halving it."""
    while x.lanes > 1:
        half = x.lanes // 2
        low, high = (fn.shuffle(x, x, range(start, start + half)) for start in (0, half))
        x = combined(fn, op, low, high, unsigned)
    return fn.extract(x, 0)


@dataclass(frozen=True, slots=True)
class End:
    """A sum or the like that a group ends in.

    source: the member or input that is reduced. out: the result; kept: its place for each element of the
    group, with stride 0 where they are reduced.
    """

    node: Node
    source: int
    out: Tensor
    kept: Axis

    @property
    def op(self) -> str:
        return self.node.op

    @property
    def unsigned(self) -> bool:
        return self.out.dtype in scalar.UNSIGNED

    def combined(self, fn: Function, a: Value, b: Value) -> Value:
        return combined(fn, self.op, a, b, self.unsigned)

    def start(self, width: int) -> Value:
        return number(identity(self.op, self.out.dtype), self.out.element, width)


def reduction(group: Group, ends: Sequence[End], whole: Axis, gone: Axis, batch: Batch) -> Kernel:
    """The kernel of a group that ends in reductions, all along the same axes.

    whole: the axes of what is reduced. gone: an axis over the group's elements whose stride is not 0 where
    they are reduced.
    """
    inputs, stored, lanes = list(group.inputs), list(group.outputs), batch.lanes
    outputs = [group.outputs[o] for o in stored]
    tensors = [*(group.inputs[i][0] for i in inputs), *outputs, *(end.out for end in ends)]
    axes = (
        [group.inputs[i][1] for i in inputs] + [t.layout.flat for t in outputs] + [end.kept for end in ends]
    )
    last = len(tensors) - len(ends)  # the first of the ends; what stands before has the group's elements
    loops = common([*axes, samples(whole, lanes), gone])
    masked = not batch.full and any(lp.strides[-1] and lp.kind == "lane" for lp in loops)
    reduced = sorted((lp for lp in loops if lp.strides[-1]), key=lambda lp: -max(map(abs, lp.strides[:last])))
    outer = sorted((lp for lp in loops if not lp.strides[-1]), key=lambda lp: -abs(lp.strides[last]))
    # What only told the loops apart must not keep them apart.
    known = last + len(ends) + masked
    reduced, outer = (
        [lp._replace(strides=(*lp.strides[:known], *(0,) * (len(lp.strides) - known))) for lp in found]
        for found in (reduced, outer)
    )
    reduced, outer = merged(reduced, ("block", "lane") if masked else ()), merged(outer)
    vector, vertical = None, False
    if outer and outer[-1].strides[last] == 1 and _even(outer[-1], last):
        vector, vertical = outer.pop(), True
    elif reduced and any(s == 1 for s in reduced[-1].strides[:last]):
        vector = reduced.pop()
    together = Loop(1, (0,) * (len(tensors) + 2))
    if vector is not None and not vertical and outer and reduced:
        beside = outer[-1]
        apart = vector.extent == lanes and any(abs(s) >= _APART for s in reduced[-1].strides[:last])
        count = max(d for d in range(1, _TOGETHER + 1) if beside.extent % d == 0) if apart else 1
        together = beside._replace(extent=count)
        outer[-1] = Loop(beside.extent // count, tuple(count * s for s in beside.strides), beside.kind)
    writer = Writer(tensors, lanes)
    sums = _Sums(writer, group, ends, batch, reduced, vector, vertical, masked, together)
    fn = writer.fn
    starts: list[Index] = [*writer.starts, 0, 0]
    tasks, inner = divided(outer)

    def store(there: Sequence[Index], totals: Sequence[Value], mask: int = 0) -> None:
        for position, total in enumerate(totals, last):
            writer.store(position, total, there[position], 1, mask)

    with writer.tasks(tasks, starts) as at, walk(fn, inner, at) as there:
        if vector is not None and vertical:

            def rows(i: Index, mask: int) -> None:
                place = moved(fn, there, i, vector)
                store(place, sums.totals(place, lanes, mask)[0], mask)

            along(fn, vector.extent, lanes, rows)
        elif vector is not None:
            for k, totals in enumerate(sums.totals(there, lanes, 0)):
                found = [across(fn, e.op, t, e.unsigned) for e, t in zip(ends, totals, strict=True)]
                store(moved(fn, there, k, together), found)
        else:
            store(there, sums.totals(there, 0, 0)[0])
    work = (len(group.members) + len(ends)) * prod(lp.extent for lp in loops)
    return writer.kernel(len(stored) + len(ends), prod(lp.extent for lp in tasks), group.about, work)


@dataclass(frozen=True, slots=True)
class _Sums:
    """The innermost part of a reduction: what becomes of the loops that are reduced.

    vector: the loop along the vectors; vertical: each lane makes a result of its own, otherwise all of them
    make one together. masked: the padding samples of a batch are left out. together: the loop over
    the results that are made at a time.
    """

    writer: Writer
    group: Group
    ends: Sequence[End]
    batch: Batch
    reduced: Sequence[Loop]
    vector: Loop | None
    vertical: bool
    masked: bool
    together: Loop

    def totals(self, at: Sequence[Index], width: int, mask: int) -> list[list[Value]]:
        """For each result each end's running value, from these places on; a vector unless width is 0."""
        fn, vector = self.writer.fn, self.vector
        # A vector loop of one vector has no rounds: the next loop has.
        spread = None if self.vertical or (vector is not None and vector.extent == width) else vector
        deep = spread or (self.reduced[-1] if self.reduced else Loop(1, (0,) * len(at)))
        strides = deep.strides if vector is None else vector.strides
        unit = width if spread is not None else 1
        ends = [*self.ends] * self.together.extent
        totals = [_Total(fn, end, end.start(width)) for end in ends]

        def round(there: Sequence[Index], i: Index, into: Sequence[Variable], cut: int = mask) -> None:
            place = moved(fn, there, fn.multiply(i, unit), deep)
            values = [
                value
                for k in range(self.together.extent)
                for value in self._values(moved(fn, place, k, self.together), strides, width, cut)
            ]
            for end, value, variable in zip(ends, values, into, strict=True):
                fn.set(variable, end.combined(fn, fn.get(variable), value))

        def some(there: Sequence[Index], begin: Index, count: int) -> None:
            """So many rounds of the innermost loop, summed apart and then added to what there is."""
            parts = [[fn.variable(end.start(width)) for end in ends] for _ in range(min(unrolled, count))]
            groups, left = divmod(count, len(parts))
            with fn.loop(0, groups) as group:
                for k, part in enumerate(parts):
                    round(there, fn.add(begin, fn.multiply(group, len(parts)), k), part)
            for k in range(left):
                round(there, fn.add(begin, groups * len(parts) + k), parts[k])
            for total, running in zip(totals, zip(*parts, strict=True), strict=True):
                total.add(running)

        unrolled = -(-UNROLLED // len(ends)) if len(self.group.members) <= _SMALL else 1
        with walk(fn, self.reduced if spread is not None else self.reduced[:-1], at) as there:
            rounds, left = divmod(deep.extent, unit)
            chunks, rest = divmod(rounds, _CHUNK)
            if chunks:
                with fn.loop(0, chunks) as chunk:
                    some(there, fn.multiply(chunk, _CHUNK), _CHUNK)
            if rest:
                some(there, chunks * _CHUNK, rest)
            if left:
                round(there, rounds, [total.running for total in totals], left)
        found = [fn.get(total.running) for total in totals]
        return [found[i : i + len(self.ends)] for i in range(0, len(found), len(self.ends))]

    def _values(self, at: Sequence[Index], strides: Sequence[int], width: int, cut: int) -> list[Value]:
        """What each end takes in at a place; the group's members are stored on the way."""
        fn, writer, inputs = self.writer.fn, self.writer, list(self.group.inputs)

        def load(id: int) -> Value:
            position = inputs.index(id)
            return writer.load(position, at[position], strides[position], width, cut)

        for position in range(len(inputs) + len(self.group.outputs)):
            writer.ask_ahead(position, at[position], strides[position], position >= len(inputs))
        known = values(self.group, fn, width, load)
        for position, id in enumerate(self.group.outputs, len(inputs)):
            value = fn.splat(known[id], width) if width else known[id]
            writer.store(position, value, at[position], strides[position], cut)
        counted = self._counted(at, width, cut)
        found: list[Value] = []
        for end in self.ends:
            value = known[end.source] if end.source in known else load(end.source)
            value = fn.splat(value, width) if width else value
            for mask in counted:
                value = fn.select(mask, value, end.start(width))
            found.append(value)
        return found

    def _counted(self, at: Sequence[Index], width: int, cut: int) -> list[Value]:
        """The masks of what counts, where not all does: places before the cut, and the batch's samples."""
        fn, found = self.writer.fn, list[Value]()
        if self.vertical or self.vector is None:
            if self.masked:
                found.append(fn.compare("slt", fn.index(at[-2]), number(self.batch.n, "i64")))
            return found
        if cut:
            found.append(first(cut, width))
        if self.masked and self.vector.kind == "lane":
            found.append(present(fn, at[-2], self.batch.n, width))
        elif self.masked:
            found.append(fn.compare("slt", fn.index(at[-2]), number(self.batch.n, "i64")))
        return found


class _Total:
    """The running value of a reduction. What a sum of floats loses is kept and added later (Kahan 1965)."""

    def __init__(self, fn: Function, end: End, start: Value) -> None:
        self._fn, self._end = fn, end
        self._compensated = end.op == "sum" and start.is_float
        self.running = fn.variable(start)
        self._lost = fn.variable(number(0, start.element, start.lanes))

    def add(self, parts: Sequence[Variable]) -> None:
        """What was summed apart."""
        fn, end = self._fn, self._end
        part = pairwise([fn.get(part) for part in parts], lambda a, b: end.combined(fn, a, b))
        before = fn.get(self.running)
        if not self._compensated:
            fn.set(self.running, end.combined(fn, before, part))
            return
        none = number(0, before.element, before.lanes)
        missing = fn.binary("fsub", part, fn.get(self._lost))
        after = fn.binary("fadd", before, missing)
        finite = fn.compare("oeq", fn.binary("fsub", after, after), none)
        error = fn.binary("fsub", fn.binary("fsub", after, before), missing)
        fn.set(self._lost, fn.select(finite, error, none))
        fn.set(self.running, after)


def _even(loop: Loop, last: int) -> bool:
    """Whether every tensor can be read along a loop as whole vectors."""
    return all(s in (0, 1) for s in loop.strides[:last])
