"""A plan as one native program: the text of its kernels, and of the step that calls them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...arena import Block, extent, place
from ...ir import Graph, Node, Result
from ...ops.op import REGISTRY
from ...plan import Plan, plan
from ...storage import bound_attr
from ..numpy import arguments
from ..program import Array, array_of
from .isa import Isa
from .nest import Buffer, Kernel, Tensor
from .select import Action, Fallback, Selection
from .sync import CONTEXT_WORDS, barrier

# Words of the context: where memory lies, which rows of the fed arrays are a batch and what their numbers in
# the split are, how many steps `epoch` makes and has made, where it notes their results. Others follow: a
# counter with its dtype ("step:float64"), a variable ("variable W1"), a fed array and the elements from one
# of its rows to the next ("fed x", "stride x").
_WORDS = ("arena", "fixed", "places", "rows", "count", "done", "log")
CLOCKS = 1 << 16  # the room for the times of a program that is timed
_ASIDE = CLOCKS - 1  # where the other threads note theirs
_SERIAL = 4096  # elements moved or multiplied: below, one thread is done before another has begun
_SCALARS = {"float32": "float", "float64": "double", "int64": "i64"}


@dataclass(frozen=True, slots=True)
class Place:
    """An array in the arena or, if `fixed`, in the memory that is kept: natural, the batch padded.

    shape: that of the samples that there are.
    """

    offset: int
    dtype: str
    padded: tuple[int, ...]
    shape: tuple[int, ...]
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """An operation that NumPy does between two calls of native code.

    source: a function host(out, operands…, work, counters…), which calls the NumPy target's kernels.
    """

    node: Node
    source: str
    operands: tuple[Place, ...]
    out: Place
    work_bytes: int
    counters: tuple[str, ...]


Step = str | Host


@dataclass(frozen=True, slots=True)
class NativeProgram:
    """text: LLVM IR, whose functions take (ptr context, i64 thread, i64 threads).

    once: what is called when the program is loaded; steps: what makes one step. Where all of that is one
    function, `epoch` runs it for one batch after another.
    words: what the words of the context from CONTEXT_WORDS on hold (see `Words`). returned: the results'
    places, in order. kernels: of all steps; counts: how many of them each of the steps has.
    """

    name: str
    text: str
    graph: Graph
    n: int
    lanes: int
    once: tuple[Step, ...]
    steps: tuple[Step, ...]
    words: tuple[str, ...]
    feeds: tuple[Array, ...]
    counters: tuple[str, ...]
    variables: tuple[Array, ...]
    updated: tuple[str, ...]
    results: tuple[Result, ...]
    returned: tuple[Place, ...]
    arena_bytes: int
    fixed_bytes: int
    kernels: tuple[Kernel, ...]
    counts: tuple[int, ...]

    @property
    def repeats(self) -> bool:
        """Whether a whole epoch can be one native call."""
        return _repeats(self.steps, self.returned)


def _repeats(steps: Sequence[Step], returned: Sequence[Place]) -> bool:
    """Whether the steps are one function, and the results numbers that a log can hold."""
    numbers = all(place.shape == () and place.dtype in _SCALARS for place in returned)
    return len(steps) == 1 and isinstance(steps[0], str) and numbers


def build(
    graph: Graph,
    n: int,
    isa: Isa,
    name: str = "step",
    wanted: Collection[Result] | None = None,
    winograd: int = 2,
    timed: bool = False,
) -> NativeProgram:
    """The program of a graph for batches of n. Raises Unsupported.

    winograd: results of a tile along an axis, where a convolution of float32 is done that way: 2 is as
    accurate as sums are, 4 is faster and ten times less accurate, 0 does without. timed: notes
    when each kernel ends, in the array of CLOCKS numbers that the word "clock" points to.
    """
    return program_of(plan(graph, n, wanted), isa, name, winograd, timed)


def program_of(planned: Plan, isa: Isa, name: str, winograd: int = 2, timed: bool = False) -> NativeProgram:
    return _Assembly(Selection(planned, isa, winograd), isa, name, timed).program()


class _Assembly:
    """Places the buffers of a selection, and writes the functions that call its kernels."""

    def __init__(self, selection: Selection, isa: Isa, name: str, timed: bool) -> None:
        self.selection, self.isa, self.name, self.timed = selection, isa, name, timed
        self._clocks = 0
        self.plan = selection.plan
        self._places = _placed(selection.once + selection.actions, selection.results.values(), "arena")
        self._fixed = _placed(selection.once + selection.actions, (), "fixed", forever=True)
        self._words: dict[str, int] = {}
        for word in _WORDS:
            self._word(word)
        self._functions: dict[str, str] = {}  # names by text: layers of the same shape share their kernels
        self._declarations: set[str] = set()

    def program(self) -> NativeProgram:
        plan = self.plan
        once, first = self._calls(self.selection.once, "once", False)
        steps, second = self._calls(self.selection.actions, "run", self.timed)
        kernels = [text.replace("{name}", name) for text, name in self._functions.items()]
        returned = tuple(self._place(self.selection.results[id], id) for id in plan.returns.values())
        epochs = [self._epoch(returned)] if _repeats(steps, returned) else []
        text = "\n".join([*sorted(self._declarations), barrier(self.isa), *kernels, *first, *second, *epochs])
        arena, fixed = self._places[1], self._fixed[1]
        return NativeProgram(
            self.name,
            text,
            plan.graph,
            plan.n,
            self.isa.lanes,
            once,
            steps,
            tuple(self._words),
            tuple(array_of(leaf, plan.n) for leaf in plan.leaves("input", "column")),
            arguments(plan),
            tuple(array_of(leaf, plan.n) for leaf in plan.leaves("param", "state")),
            plan.updated,
            tuple(plan.returns),
            returned,
            arena,
            fixed,
            tuple(a for a in self.selection.actions if isinstance(a, Kernel)),
            _counts(self.selection.actions),
        )

    def _calls(self, actions: Sequence[Action], name: str, timed: bool) -> tuple[tuple[Step, ...], list[str]]:
        """The steps of a run, and the texts of those that are functions."""
        steps: list[Step] = []
        texts: list[str] = []
        segment: list[Kernel] = []

        def close() -> None:
            if segment:
                function = f"{name}{len(texts)}"
                texts.append(self._function(function, segment, timed))
                steps.append(function)
                segment.clear()

        for action in actions:
            if isinstance(action, Kernel):
                segment.append(action)
            else:
                close()
                steps.append(self._host(action))
        close()
        return tuple(steps), texts

    def _function(self, name: str, kernels: Sequence[Kernel], timed: bool) -> str:
        """One native call: each kernel on all threads, which wait where one needs what another has done."""
        lines = [f"define void @{name}(ptr %context, i64 %thread, i64 %threads) {{", "entry:"]
        lines += ["  %first = icmp eq i64 %thread, 0", "  br label %k0", "k0:"]
        if timed:
            lines += self._clock("begin")
        pending: list[Kernel] = []
        alone = True
        for i, kernel in enumerate(kernels):
            serial = kernel.tasks == 1 or kernel.moved + kernel.multiply_adds < _SERIAL
            if not (serial and alone) and any(self._conflict(kernel, other) for other in pending):
                lines.append("  call void @barrier(ptr %context, i64 %threads)")
                pending, alone = [], True
            pending.append(kernel)
            alone = alone and serial
            lines += self._call(i, kernel, serial)
            if timed:
                lines += self._clock(f"at{i}")
        lines += ["  ret void", "}"]
        return "\n".join(lines) + "\n"

    def _clock(self, name: str) -> Iterator[str]:
        """Note the processor's time: at the beginning of a function, and after each of its kernels."""
        self._declarations.add("declare i64 @llvm.readcyclecounter()")
        yield f"  %{name}.clock = getelementptr i64, ptr %context, i64 {self._word('clock')}"
        yield f"  %{name}.table = load ptr, ptr %{name}.clock"
        yield f"  %{name}.own = select i1 %first, i64 {self._clocks}, i64 {_ASIDE}"
        yield f"  %{name}.place = getelementptr i64, ptr %{name}.table, i64 %{name}.own"
        yield f"  %{name}.now = call i64 @llvm.readcyclecounter()"
        yield f"  store i64 %{name}.now, ptr %{name}.place"
        self._clocks += 1

    def _call(self, i: int, kernel: Kernel, serial: bool) -> Iterator[str]:
        self._declarations |= kernel.declarations
        function = self._functions.setdefault(kernel.text, f"kernel{len(self._functions)}")
        if serial:
            yield f"  br i1 %first, label %alone{i}, label %k{i + 1}"
            yield f"alone{i}:"
            lo, hi = "0", str(kernel.tasks)
        else:
            for end, factor in (("lo", "%thread"), ("hi", f"%next{i}")):
                if end == "hi":
                    yield f"  %next{i} = add i64 %thread, 1"
                yield f"  %{end}.all{i} = mul i64 {factor}, {kernel.tasks}"
                yield f"  %{end}{i} = udiv i64 %{end}.all{i}, %threads"
            lo, hi = f"%lo{i}", f"%hi{i}"
        pointers: list[str] = []
        for j, buffer in enumerate(kernel.buffers):
            yield from self._pointer(f"%p{i}.{j}", buffer)
            pointers.append(f"ptr %p{i}.{j}")
        arguments = ", ".join([*pointers, f"i64 {lo}", f"i64 {hi}"])
        if serial:
            yield f"  call void @{function}({arguments})"
            yield f"  br label %k{i + 1}"
            yield f"k{i + 1}:"
            return
        yield f"  %some{i} = icmp slt i64 {lo}, {hi}"
        yield f"  br i1 %some{i}, label %do{i}, label %k{i + 1}"
        yield f"do{i}:"
        yield f"  call void @{function}({arguments})"
        yield f"  br label %k{i + 1}"
        yield f"k{i + 1}:"

    def _pointer(self, name: str, buffer: Buffer) -> Iterator[str]:
        if buffer.where in ("word", "stride"):
            word = buffer.name if buffer.where == "word" else f"stride {buffer.name}"
            yield f"  {name} = getelementptr i64, ptr %context, i64 {self._word(word)}"
            return
        word, offset = buffer.where, 0
        if buffer.where in ("variable", "fed"):
            word = f"{buffer.where} {buffer.name}"
        elif buffer.where == "arena":
            offset = self._places[0][buffer.id]
        elif buffer.where == "fixed":
            offset = self._fixed[0][buffer.id]
        at = f"{name}.at"
        yield f"  {at} = getelementptr i64, ptr %context, i64 {self._word(word)}"
        yield f"  {name}.base = load ptr, ptr {at}"
        yield f"  {name} = getelementptr i8, ptr {name}.base, i64 {offset}"

    def _word(self, name: str) -> int:
        return self._words.setdefault(name, CONTEXT_WORDS + len(self._words))

    def _conflict(self, a: Kernel, b: Kernel) -> bool:
        """Whether one writes what the other reads or writes."""
        return any(
            self._overlap(x, y)
            for xs, ys in ((a.writes, b.buffers), (a.reads, b.writes))
            for x in xs
            for y in ys
        )

    def _overlap(self, a: Buffer, b: Buffer) -> bool:
        if a.where != b.where:
            return False
        if a.where not in ("arena", "fixed"):
            return a.name == b.name
        offsets = self._places[0] if a.where == "arena" else self._fixed[0]
        return offsets[a.id] < offsets[b.id] + b.bytes and offsets[b.id] < offsets[a.id] + a.bytes

    def _place(self, tensor: Tensor, id: int) -> Place:
        fixed = tensor.buffer.where == "fixed"
        offset = (self._fixed if fixed else self._places)[0][tensor.buffer.id]
        return Place(offset, tensor.dtype, tensor.layout.extents, self.plan.shape(id), fixed)

    def _host(self, action: Fallback) -> Host:
        plan, node = self.plan, action.node
        ids = plan.graph.operands(node.id)
        op = REGISTRY[node.op]
        attrs = {name: bound_attr(value, plan.n) for name, value in node.attrs}
        names = [f"x{i}" for i in range(len(ids))]
        statement = op.numpy.format(*names, out="out", work="work", operands=", ".join(names), **attrs)
        arguments = ", ".join(["out", *names, "work", *op.counters])
        types = [plan.graph[o].type.with_shape(plan.shape(o)) for o in ids]
        return Host(
            node,
            f"def host({arguments}):\n    {statement}\n",
            tuple(self._place(t, o) for t, o in zip(action.operands, ids, strict=True)),
            self._place(action.out, node.id),
            op.workspace(*types, **attrs) if op.workspace else 0,
            op.counters,
        )

    def _epoch(self, returned: Sequence[Place]) -> str:
        """`@epoch`: steps until "count" are done or a result is not finite, each result to the "log"."""
        context = {word: f"%{word}" for word in ("places", "rows", "count", "done", "log")}
        lines = ["define void @epoch(ptr %context, i64 %thread, i64 %threads) {", "entry:"]
        for word, name in context.items():
            lines.append(f"  {name} = getelementptr i64, ptr %context, i64 {self._word(word)}")
        lines.append(f"  %arena.at = getelementptr i64, ptr %context, i64 {self._word('arena')}")
        lines += [
            "  %arena = load ptr, ptr %arena.at",
            "  %first = icmp eq i64 %thread, 0",
            "  br label %step",
        ]
        lines += ["step:", "  call void @run0(ptr %context, i64 %thread, i64 %threads)"]
        lines += [
            "  call void @barrier(ptr %context, i64 %threads)",
            "  br i1 %first, label %note, label %noted",
        ]
        lines += ["note:", "  %i = load i64, ptr %done", "  %log.to = load ptr, ptr %log"]
        lines.append(f"  %row = mul i64 %i, {len(returned)}")
        finite = "true"
        for r, result in enumerate(returned):
            type = _SCALARS[result.dtype]
            lines.append(f"  %p{r} = getelementptr i8, ptr %arena, i64 {result.offset}")
            lines.append(f"  %v{r} = load {type}, ptr %p{r}")
            wide = {"float": "fpext float", "double": "fadd double 0.0,", "i64": "sitofp i64"}[type]
            lines.append(f"  %d{r} = {wide} %v{r}{'' if type == 'double' else ' to double'}")
            lines.append(f"  %at{r} = add i64 %row, {r}")
            lines.append(f"  %to{r} = getelementptr double, ptr %log.to, i64 %at{r}")
            lines.append(f"  store double %d{r}, ptr %to{r}")
            lines.append(f"  %rest{r} = fsub double %d{r}, %d{r}")  # 0 unless infinite or no number
            lines.append(f"  %finite{r} = fcmp oeq double %rest{r}, 0.0")
            lines.append(f"  %all{r} = and i1 {finite}, %finite{r}")
            finite = f"%all{r}"
        for word in ("places", "rows"):
            lines.append(f"  %{word}.now = load ptr, ptr %{word}")
            lines.append(f"  %{word}.next = getelementptr i64, ptr %{word}.now, i64 {self.plan.n}")
            lines.append(f"  store ptr %{word}.next, ptr %{word}")
        for word in [w for w in self._words if w.startswith("step:")]:
            type = _SCALARS[word.partition(":")[2]]
            lines.append(f"  %step.at{type} = getelementptr i64, ptr %context, i64 {self._word(word)}")
            lines.append(f"  %step.now{type} = load {type}, ptr %step.at{type}")
            one = "add i64 1," if type == "i64" else f"fadd {type} 1.0,"
            lines.append(f"  %step.next{type} = {one} %step.now{type}")
            lines.append(f"  store {type} %step.next{type}, ptr %step.at{type}")
        lines += [
            "  %i.next = add i64 %i, 1",
            "  store i64 %i.next, ptr %done",
            "  %n = load i64, ptr %count",
        ]
        lines += [f"  %end = select i1 {finite}, i64 %n, i64 %i.next", "  store i64 %end, ptr %count"]
        lines += ["  br label %noted", "noted:", "  call void @barrier(ptr %context, i64 %threads)"]
        lines += ["  %so.far = load i64, ptr %done", "  %until = load i64, ptr %count"]
        lines += ["  %more = icmp slt i64 %so.far, %until", "  br i1 %more, label %step, label %stop"]
        return "\n".join([*lines, "stop:", "  ret void", "}", ""])


def _placed(
    actions: Sequence[Action], kept: Collection[Tensor], where: str, forever: bool = False
) -> tuple[Mapping[int, int], int]:
    """Offsets of the buffers of one kind by their number, and the bytes of them all."""
    born: dict[int, int] = {}
    dies: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for time, action in enumerate(actions):
        for buffer in _buffers(action):
            if buffer.where == where:
                sizes[buffer.id] = buffer.bytes
                born.setdefault(buffer.id, time)
                dies[buffer.id] = time
    for tensor in kept:
        dies[tensor.buffer.id] = len(actions)
    if forever:
        born, dies = dict.fromkeys(born, 0), dict.fromkeys(dies, len(actions))
    blocks = [Block(sizes[id], born[id], dies[id]) for id in born]
    offsets = place(blocks)
    return dict(zip(born, offsets, strict=True)), extent(blocks, offsets)


def _counts(actions: Sequence[Action]) -> tuple[int, ...]:
    """How many kernels each function of a run has; a Host has none."""
    found: list[int] = []
    for native, group in groupby(actions, key=lambda action: isinstance(action, Kernel)):
        count = len(list(group))
        found += [count] if native else [0] * count
    return tuple(found)


def _buffers(action: Action) -> Sequence[Buffer]:
    if isinstance(action, Kernel):
        return action.buffers
    return [t.buffer for t in (*action.operands, action.out)]
