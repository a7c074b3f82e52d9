"""A plan as NumPy text that a student can read: the reference that every other target is tested against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..ops.op import REGISTRY
from ..plan import Plan
from ..storage import Fed, Slot, View
from .names import inherited, name_values
from .sections import Comments, origin, sections
from .statements import Statements

WIDTH = 110
COUNTERS = ("step", "steps", "seed", "epoch", "rows")
RESERVED = ("np", "P", "arena", "view", "float", "bool", *COUNTERS)


@dataclass(frozen=True, slots=True)
class Text:
    """Source text, and for each of its lines the node that it computes, or -1."""

    source: str
    lines: tuple[int, ...]


def emit_function(plan: Plan, name: str, about: str, kernels: Iterable[str] = (), batch: str = "") -> Text:
    """make_<name>(P, arena), which binds memory and gives the function <name>(<feeds>, <counters>).

    P holds the arrays of parameters and states by name, arena is plan.arena_bytes of uint8. The function
    returns the plan's results: one as it is, several as a tuple. No name in it is that of a kernel.
    batch: a name for the size of the batch, which the factory then takes as its third argument: any size that
    is not larger than the plan's.
    """
    return _Writer(plan, name, kernels, batch).text(about)


def arguments(plan: Plan) -> tuple[str, ...]:
    """Those of COUNTERS that the function takes, after the arrays."""
    used: set[str] = set()
    for id in plan.storage:
        node = plan.graph[id]
        used |= {str(node.attr("which"))} if node.op == "counter" else set()
        used |= set(REGISTRY[node.op].counters)
    return tuple(counter for counter in COUNTERS if counter in used)


class _Writer:
    """The lines of one function, written from top to bottom."""

    def __init__(self, plan: Plan, name: str, kernels: Iterable[str], batch: str) -> None:
        self.plan, self.graph, self.name, self.batch = plan, plan.graph, name, batch
        # Operations with scratch memory at the same place share its name.
        self.work = {slot: f"work{i}" for i, slot in enumerate(dict.fromkeys(plan.work.values()), 1)}
        taken = (*RESERVED, *kernels, *self.work.values(), name, f"make_{name}", batch)
        self.names = name_values(plan, taken)
        self.texts = Statements(plan, self.names, self.work, batch)
        self.lines: list[str] = []
        self.ids: list[int] = []

    def text(self, about: str) -> Text:
        plan = self.plan
        self._line(0, f"def make_{self.name}(P, arena{', ' if self.batch else ''}{self.batch}):")
        self._line(1, f'"""{about}"""')
        self._parameters()
        self._constants()
        self._memory()
        feeds = [self.names[leaf.id] for leaf in plan.leaves("input", "column")]
        self._line(0)
        self._line(1, f"def {self.name}({', '.join([*feeds, *arguments(plan)])}):")
        self._statements()
        self._line(0)
        self._line(1, f"return {self.name}")
        return Text("\n".join(self.lines) + "\n", tuple(self.ids))

    def _line(self, depth: int, text: str = "", id: int = -1) -> None:
        text = "    " * depth + text if text else ""
        while len(text) > WIDTH and (cut := _last_comma(text)) > 0:
            self.lines.append(text[: cut + 1])
            self.ids.append(id)
            text = "    " * (depth + 1) + text[cut + 2 :]
        self.lines.append(text)
        self.ids.append(id)

    # what is bound once

    def _parameters(self) -> None:
        leaves = self.plan.leaves("param", "state")
        if leaves:
            self._line(1, "# parameters and states")
        for leaf in leaves:
            self._line(1, f'{self.names[leaf.id]} = P["{leaf.name}"]', leaf.id)

    def _constants(self) -> None:
        if self.plan.once:
            self._line(0)
            self._line(1, "# the same in every step")
        for id in self.plan.once:
            name, dtype = self.names[id], self.texts.dtype(id)
            if isinstance(self.plan.storage[id], View):
                self._view(1, id)
            elif self.graph[id].op in ("constant", "size"):
                self._line(1, f"{name} = np.full((), {self.texts.number(id)}, {dtype})", id)
            else:
                self._line(1, f"{name} = np.empty({self.texts.shape(id)}, {dtype})", id)
                self._line(1, self.texts.statement(id), id)

    def _memory(self) -> None:
        plan = self.plan
        source = {heir: id for id, heir in inherited(plan).items()}
        defined: set[str] = set()
        if plan.arena_bytes:
            self._line(0)
            self._line(
                1, "# memory: a value's place, or the value whose place it takes as that is needed no more"
            )
        for id in plan.order:
            storage, name = plan.storage[id], self.names[id]
            if self._is_bound(id):
                self._view(1, id)
            elif isinstance(storage, Slot) and name not in defined:
                place = f"view(arena, {storage.offset}, {self.texts.shape(id)}, {self.texts.dtype(id)})"
                self._line(1, f"{name} = {self.names[source[id]] if id in source else place}", id)
            defined.add(name)
        for slot, name in self.work.items():
            self._line(1, f"{name} = arena[{slot.offset} : {slot.offset + slot.bytes}]")

    def _is_bound(self, id: int) -> bool:
        """Whether this is a view of memory that is known before the batch comes."""
        return isinstance(self.plan.storage[id], View) and not isinstance(
            self.plan.storage[self.plan.root(id)], Fed
        )

    def _view(self, depth: int, id: int) -> None:
        storage = self.plan.storage[id]
        assert isinstance(storage, View)
        if self.names[id] != self.names[storage.base]:
            self._line(depth, f"{self.names[id]} = {self.texts.view(id)}", id)

    # what is done in each step

    def _statements(self) -> None:
        plan, first = self.plan, len(self.lines)
        section_of, comments = sections(plan), Comments(bool(plan.updated))
        for id in plan.order:
            if self._is_bound(id):
                continue
            for comment in comments.before(section_of[id], origin(self.graph[id], WIDTH - 12)):
                if comment or len(self.lines) > first:
                    self._line(2, comment)
            if isinstance(plan.storage[id], View):
                self._view(2, id)
            else:
                self._line(2, self.texts.statement(id), id)
        held = {leaf.name: self.names[leaf.id] for leaf in plan.leaves("param", "state")}
        for name, id in plan.assigns:
            self._line(2, f"np.copyto({held[name]}, {self.texts.operand(id)})", id)
        if plan.returns:
            results = ", ".join(self.names[id] for id in plan.returns.values())
            self._line(2, f"return {results}" if len(results) < WIDTH - 15 else f"return ({results})")
        elif len(self.lines) == first:
            self._line(2, "pass")


def _last_comma(text: str) -> int:
    """Where the last argument that fits into a line ends, or -1. The text is a call, or the rest of one."""
    depth, found = (0, -1) if text.count("(") == text.count(")") else (1, -1)
    for i, character in enumerate(text[:WIDTH]):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 1:
            found = i
    return found
