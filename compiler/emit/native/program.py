"""A graph as one native program: the text of its kernels, and of what calls them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...ir import Graph, Node, Result
from ...ops.op import REGISTRY
from ...plan import plan
from ...storage import bound_attr
from ..program import Array, array_of
from .calls import LOGGED, Calls
from .context import Words
from .isa import Isa
from .memory import Memory
from .nest import Kernel, Tensor
from .select import Action, Fallback, Selection
from .sharing import sharing
from .sync import barrier


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

    text: str
    graph: Graph
    n: int
    once: tuple[Step, ...]
    steps: tuple[Step, ...]
    words: tuple[str, ...]
    feeds: tuple[Array, ...]
    variables: tuple[Array, ...]
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
    numbers = all(place.shape == () and place.dtype in LOGGED for place in returned)
    return len(steps) == 1 and isinstance(steps[0], str) and numbers


def build(
    graph: Graph,
    n: int,
    isa: Isa,
    wanted: Collection[Result] | None = None,
    winograd: int = 4,
    timed: bool = False,
) -> NativeProgram:
    """The program of a graph for batches of n. Raises Unsupported.

    winograd: results of a tile along an axis, at most, where a convolution of float32 is done that way: 2 is
    as accurate as sums are, 4 rounds about twice as much and is faster, 0 does without. timed: notes when
    each kernel ends, in the array of CLOCKS numbers that the word "clock" points to.
    """
    planned = plan(graph, n, wanted)
    selection = Selection(planned, isa, winograd=winograd)
    memory, words = Memory(selection), Words()
    calls = Calls(words, memory)
    once, first = _functions(selection, selection.once, "once", calls, memory, timed=False)
    steps, second = _functions(selection, selection.actions, "run", calls, memory, timed)
    returned = tuple(_place(selection, selection.results[id], id, memory) for id in planned.returns.values())
    epochs = [calls.epoch([(r.offset, r.dtype) for r in returned], n)] if _repeats(steps, returned) else []
    kernels = [text.replace("{name}", name) for text, name in calls.kernels.items()]
    text = "\n".join(
        [*sorted(calls.declarations), barrier(isa), sharing(), *kernels, *first, *second, *epochs]
    )
    return NativeProgram(
        text,
        planned.graph,
        n,
        once,
        steps,
        words.names,
        tuple(array_of(leaf, n) for leaf in planned.leaves("input", "column")),
        tuple(array_of(leaf, n) for leaf in planned.leaves("param", "state")),
        tuple(planned.returns),
        returned,
        memory.bytes("arena"),
        memory.bytes("fixed"),
        tuple(a for a in selection.actions if isinstance(a, Kernel)),
        _counts(selection.actions),
    )


def _functions(
    selection: Selection, actions: Sequence[Action], name: str, calls: Calls, memory: Memory, timed: bool
) -> tuple[tuple[Step, ...], list[str]]:
    """The steps of a run, and the texts of those that are functions."""
    steps: list[Step] = []
    texts: list[str] = []
    for native, group in groupby(actions, key=lambda action: isinstance(action, Kernel)):
        if native:
            function = f"{name}{len(texts)}"
            texts.append(calls.function(function, [a for a in group if isinstance(a, Kernel)], timed))
            steps.append(function)
        else:
            steps += [_host(selection, a, memory) for a in group if isinstance(a, Fallback)]
    return tuple(steps), texts


def _counts(actions: Sequence[Action]) -> tuple[int, ...]:
    """How many kernels each function of a run has; a Host has none."""
    found: list[int] = []
    for native, group in groupby(actions, key=lambda action: isinstance(action, Kernel)):
        count = len(list(group))
        found += [count] if native else [0] * count
    return tuple(found)


def _place(selection: Selection, tensor: Tensor, id: int, memory: Memory) -> Place:
    fixed = tensor.buffer.where == "fixed"
    shape = selection.plan.shape(id)
    return Place(memory.offset(tensor.buffer), tensor.dtype, tensor.layout.extents, shape, fixed)


def _host(selection: Selection, action: Fallback, memory: Memory) -> Host:
    plan, node = selection.plan, action.node
    ids = plan.graph.operands(node.id)
    op = REGISTRY[node.op]
    attrs = {name: bound_attr(value, plan.n) for name, value in node.attrs}
    names = [f"x{i}" for i in range(len(ids))]
    text = op.numpy.format(*names, out="out", work="work", operands=", ".join(names), **attrs)
    statement = f"np.copyto(out, {text})" if op.view else text
    arguments = ", ".join(["out", *names, "work", *op.counters])
    types = [plan.graph[o].type.with_shape(plan.shape(o)) for o in ids]
    return Host(
        node,
        f"def host({arguments}):\n    {statement}\n",
        tuple(_place(selection, t, o, memory) for t, o in zip(action.operands, ids, strict=True)),
        _place(selection, action.out, node.id, memory),
        op.workspace(*types, **attrs) if op.workspace else 0,
        op.counters,
    )
