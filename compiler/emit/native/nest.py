"""Loop nests over tensors: walking, dividing into tasks, loading and storing along the vector loop."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from math import prod

from ...ir import DType
from .layout import Axis, Layout, Loop
from .text import Element, Function, Index, Value, item_bytes, number, vector

TASKS = 32  # as many as are worth dividing: more only cost their arithmetic
_LARGE = 4 << 20  # bytes of a tensor, at most, that the own caches of some cores keep
_AHEAD = 1 << 12  # bytes that memory is asked for early
ELEMENTS: dict[DType, Element] = {
    "bool": "i1",
    "uint8": "i8",
    "uint16": "i16",
    "int32": "i32",
    "int64": "i64",
    "float32": "float",
    "float64": "double",
}


@dataclass(frozen=True, slots=True)
class Buffer:
    """A stretch of memory. where: in the arena, kept between steps ("fixed"), or a variable's or fed array's,
    by name; "word" is a word of the context.
    """

    id: int
    where: str
    bytes: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in memory."""

    buffer: Buffer
    layout: Layout
    dtype: DType

    @property
    def element(self) -> Element:
        return ELEMENTS[self.dtype]

    def seen(self, layout: Layout | None) -> Tensor:
        assert layout is not None
        return Tensor(self.buffer, layout, self.dtype)

    def later(self, places: int) -> Tensor:
        """The same loops, so many places further on."""
        return self.seen(replace(self.layout, offset=self.layout.offset + places))


@dataclass(frozen=True, slots=True)
class Kernel:
    """One function of the program, and what it is called with.

    text: its IR, with {name} for its name. buffers: the memory that it is given, in order; `written` of them,
    the last ones, it writes. tasks: of its outermost loop; they may run at the same time. about: for people;
    multiply_adds, moved: its cost, in operations and bytes. beside: those with the same number, not 0, write
    different places of their result, and read nothing of it. least: tasks that a thread should make
    in one go, since they read the same; 0 for all of its share.
    """

    text: str
    declarations: frozenset[str]
    buffers: tuple[Buffer, ...]
    written: int
    tasks: int
    about: str
    multiply_adds: int = 0
    moved: int = 0
    beside: int = 0
    least: int = 1

    @property
    def reads(self) -> tuple[Buffer, ...]:
        return self.buffers[: len(self.buffers) - self.written]

    @property
    def writes(self) -> tuple[Buffer, ...]:
        return self.buffers[len(self.buffers) - self.written :]


class Writer:
    """A kernel while it is written: a function whose pointers are tensors."""

    def __init__(self, tensors: Sequence[Tensor], lanes: int) -> None:
        self.tensors, self.lanes = tensors, lanes
        names = [f"p{i}" for i in range(len(tensors))]
        self.fn = Function(names, ("lo", "hi"))
        self.pointers = [self.fn.parameter(name) for name in names]
        self.starts: list[Index] = [t.layout.offset for t in tensors]

    def kernel(self, written: int, tasks: int, about: str, work: int = 0) -> Kernel:
        """What is written, as a kernel; the last `written` tensors are what it writes."""
        moved = sum(t.layout.elements * item_bytes(t.element) for t in self.tensors)
        text = self.fn.text("{name}", "internal noinline nounwind")
        return Kernel(
            text,
            frozenset(self.fn.declarations),
            tuple(t.buffer for t in self.tensors),
            written,
            tasks,
            about,
            work,
            moved,
        )

    def within(self, tensors: Sequence[Tensor], pointers: Sequence[Value]) -> Writer:
        """Goes on in the same function, with other memory."""
        other = copy(self)
        other.tensors, other.pointers = tensors, list(pointers)
        return other

    @contextmanager
    def tasks(self, loops: Sequence[Loop], offsets: Sequence[Index]) -> Generator[list[Index]]:
        """The body for each of this thread's tasks, which number the rounds of these loops."""
        with self.fn.loop(self.fn.parameter("lo", "i64"), self.fn.parameter("hi", "i64")) as task:
            rest: Index = task
            found = list(offsets)
            for position in range(len(loops) - 1, -1, -1):
                loop = loops[position]
                i: Index
                rest, i = (0, rest) if position == 0 else self.fn.divide(rest, loop.extent)
                found = moved(self.fn, found, i, loop)
            yield found

    def load(self, which: int, offset: Index, stride: int, width: int, mask: int = 0) -> Value:
        """A tensor's elements at an offset: `width` of them, a stride apart; of a mask only so many."""
        fn, tensor, pointer = self.fn, self.tensors[which], self.pointers[which]
        if not width:
            return fn.load(pointer, offset, tensor.element)
        if stride == 0:
            return fn.splat(fn.load(pointer, offset, tensor.element), width)
        if stride == 1:
            return fn.load(pointer, offset, tensor.element, width, first(mask, width) if mask else None)
        scalars = [
            fn.load(pointer, fn.add(offset, lane * stride), tensor.element)
            if lane < (mask or width)
            else number(0, tensor.element)
            for lane in range(width)
        ]
        return fn.gathered(scalars)

    def ask_ahead(self, which: int, offset: Index, stride: int, write: bool = False) -> None:
        """Let memory send what comes some rounds after a vector at an offset, if the tensor is large.

        A processor does so by itself, but not beyond the end of a page.
        """
        fn, tensor = self.fn, self.tensors[which]
        size = item_bytes(tensor.element)
        if stride == 1 and tensor.layout.elements * size > _LARGE:
            fn.prefetch(self.pointers[which], fn.add(offset, _AHEAD // size), tensor.element, write)

    def store(self, which: int, value: Value, offset: Index, stride: int, mask: int = 0) -> None:
        fn, pointer = self.fn, self.pointers[which]
        if stride == 1 or not value.lanes:
            fn.store(value, pointer, offset, first(mask, value.lanes) if mask else None)
            return
        for lane in range(mask or value.lanes):
            fn.store(fn.extract(value, lane), pointer, fn.add(offset, lane * stride))


def first(count: int, width: int) -> Value:
    """The mask of the first lanes."""
    return vector([int(lane < count) for lane in range(width)], "i1")


def moved(fn: Function, offsets: Sequence[Index], i: Index, loop: Loop) -> list[Index]:
    """The offsets in round i of a loop."""
    return [fn.add(o, fn.multiply(i, s)) for o, s in zip(offsets, loop.strides, strict=True)]


def share(fn: Function, part: Index, parts: Index, count: Index) -> tuple[Value, Value]:
    """One of so many equal parts of a count: its first and the one after its last."""
    first, end = (
        fn.binary("udiv", fn.index(fn.multiply(fn.add(part, k), count)), fn.index(parts)) for k in (0, 1)
    )
    return first, end


@contextmanager
def walk(fn: Function, loops: Sequence[Loop], offsets: Sequence[Index]) -> Generator[list[Index]]:
    """The body in each round of the loops, with each tensor's offset there."""
    with ExitStack() as stack:
        found = list(offsets)
        for loop in loops:
            found = moved(fn, found, stack.enter_context(fn.loop(0, loop.extent)), loop)
        yield found


def along(fn: Function, extent: int, width: int, body: Callable[[Index, int], None]) -> None:
    """body(first element, mask) for each vector of a loop; the mask is 0, but in a short last one."""
    full = extent // width
    if full:
        with fn.loop(0, full * width, width) as i:
            body(i, 0)
    if extent % width:
        body(full * width, extent % width)


def divided(loops: Sequence[Loop]) -> tuple[list[Loop], list[Loop]]:
    """The outer loops that make tasks, and the rest."""
    count = 0
    for count in range(len(loops) + 1):
        if prod(loop.extent for loop in loops[:count]) >= TASKS:
            break
    return list(loops[:count]), list(loops[count:])


def samples(axis: Axis, lanes: int) -> Axis:
    """The sample's number at each place, as if it were a tensor."""
    strides = {"block": lanes, "lane": 1, "": 0}
    return tuple(f._replace(stride=strides[f.kind]) for f in axis)


def present(fn: Function, sample: Index, n: int, lanes: int) -> Value:
    """The mask of the samples of a block that are not padding; `sample` is the block's first."""
    numbers = fn.binary("add", fn.splat(fn.index(sample), lanes), vector(range(lanes), "i64"))
    return fn.compare("slt", numbers, number(n, "i64", lanes))


Body = Callable[[Sequence[Index], Sequence[int], int, int], None]


def nest(
    writer: Writer,
    loops: Sequence[Loop],
    vector: Loop | None,
    lanes: int,
    body: Body,
    starts: Sequence[Index] | None = None,
) -> int:
    """Write the loops around body(offsets, strides, width, mask); returns how many tasks there are."""
    fn = writer.fn
    starts = writer.starts if starts is None else starts
    none = (0,) * len(starts)
    if not loops and vector is not None:
        return _flat(writer, vector, lanes, body, starts)
    outer, inner = divided(loops)
    with writer.tasks(outer, starts) as at, walk(fn, inner, at) as there:
        if vector is None:
            body(there, none, 0, 0)
        else:
            along(
                fn,
                vector.extent,
                lanes,
                lambda i, mask: body(moved(fn, there, i, vector), vector.strides, lanes, mask),
            )
    return prod(loop.extent for loop in outer)


def _flat(writer: Writer, vector: Loop, lanes: int, body: Body, starts: Sequence[Index]) -> int:
    """One long loop: its vectors are the tasks."""
    fn = writer.fn
    lo, hi = fn.parameter("lo", "i64"), fn.parameter("hi", "i64")
    full, rest = divmod(vector.extent, lanes)
    if full:
        end = fn.intrinsic("smin", hi, number(full, "i64"))
        with fn.loop(lo, end) as v:
            body(moved(fn, starts, fn.multiply(v, lanes), vector), vector.strides, lanes, 0)
    if rest:
        with fn.when(fn.compare("sgt", hi, number(full, "i64"))):
            body(moved(fn, starts, full * lanes, vector), vector.strides, lanes, rest)
    return full + (rest > 0)
