"""A plan as NumPy text that a student can read: the reference that every other target is tested against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isnan

from ..ir import Attr, DType, Node
from ..ops.op import REGISTRY
from ..plan import Plan
from ..storage import Counter, Fed, Literal, Slot, View, bound_attr
from .names import inherited, name_values
from .sections import HEADINGS, SECTIONS, origin, sections

WIDTH = 110
COUNTERS = ("step", "steps", "seed")
RESERVED = ("np", "P", "arena", "view", "float", "bool", "slice", "map", "tuple", *COUNTERS)


@dataclass(frozen=True, slots=True)
class Text:
    """Source text, and for each of its lines the node that it computes, or -1."""

    source: str
    lines: tuple[int, ...]


def emit_function(plan: Plan, name: str, about: str, kernels: Iterable[str] = ()) -> Text:
    """make_<name>(P, arena), which binds memory and gives the function <name>(<feeds>, <counters>).

    P holds the arrays of parameters and states by name, arena is plan.arena_bytes of uint8. The function
    returns the plan's results: one as it is, several as a tuple. No name in it is that of a kernel.
    """
    return _Writer(plan, name, kernels).text(about)


def arguments(plan: Plan) -> tuple[str, ...]:
    """Those of step, steps and seed that the function takes, after the arrays."""
    used: set[str] = set()
    for id in plan.graph.nx:
        if id in plan.storage:
            node = plan.graph[id]
            used |= {str(node.attr("which"))} if node.op == "counter" else set()
            used |= {"seed", "step"} if REGISTRY[node.op].kind == "random" else set()
    return tuple(counter for counter in COUNTERS if counter in used)


class _Writer:
    """The lines of one function, written from top to bottom."""

    def __init__(self, plan: Plan, name: str, kernels: Iterable[str]) -> None:
        self.plan, self.graph, self.name = plan, plan.graph, name
        work = (f"work{i}" for i in range(1, len(plan.work) + 1))
        self.names = name_values(plan, (*RESERVED, *kernels, *work, name, f"make_{name}"))
        # Operations with scratch memory at the same place share its name.
        self.work = {slot: f"work{i}" for i, slot in enumerate(dict.fromkeys(plan.work.values()), 1)}
        self.lines: list[str] = []
        self.ids: list[int] = []

    def text(self, about: str) -> Text:
        plan = self.plan
        self._line(0, f"def make_{self.name}(P, arena):")
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
        while len(text) > WIDTH and text.endswith(")") and (cut := text.rfind(", ", 0, WIDTH)) > 0:
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
        once = self.plan.once
        if once:
            self._line(0)
            self._line(1, "# the same in every step")
        for id in once:
            node, name = self.graph[id], self.names[id]
            if isinstance(self.plan.storage[id], View):
                self._view(1, id)
            elif node.op in ("constant", "size"):
                value = bound_attr(node.attr("value" if node.op == "constant" else "dim"), self.plan.n)
                self._line(1, f"{name} = np.full((), {_number(value, node.type.dtype)}, {_dtype(node)})", id)
            else:
                self._line(1, f"{name} = np.empty({self.plan.shape(id)}, {_dtype(node)})", id)
                self._line(1, self._statement(id), id)

    def _memory(self) -> None:
        plan, heirs = self.plan, inherited(self.plan)
        source = {heir: id for id, heir in heirs.items()}
        defined: set[str] = set()
        if any(isinstance(storage, Slot) for storage in plan.storage.values()):
            self._line(0)
            self._line(
                1, "# memory: each value has its place, and takes over one whose value is not needed any more"
            )
        for id in plan.order:
            storage, name = plan.storage[id], self.names[id]
            if isinstance(storage, View) and not isinstance(plan.storage[plan.root(id)], Fed):
                self._view(1, id)
            elif isinstance(storage, Slot) and name not in defined:
                place = f"view(arena, {storage.offset}, {plan.shape(id)}, {_dtype(self.graph[id])})"
                self._line(1, f"{name} = {self.names[source[id]] if id in source else place}", id)
            defined.add(name)
        for slot, name in self.work.items():
            self._line(1, f"{name} = arena[{slot.offset} : {slot.offset + slot.bytes}]")

    def _view(self, depth: int, id: int) -> None:
        storage = self.plan.storage[id]
        assert isinstance(storage, View)
        name, base = self.names[id], self.names[storage.base]
        if name != base:
            self._line(depth, f"{name} = {self._seen(id, base)}", id)

    def _seen(self, id: int, base: str) -> str:
        """A view as an expression."""
        node = self.graph[id]
        attrs = {name: bound_attr(value, self.plan.n) for name, value in node.attrs}
        if node.op == "transpose" and attrs["axes"] == (1, 0):
            return f"{base}.T"
        if node.op == "slice":
            return f"{base}[{', '.join(self._cuts(id))}]"
        return REGISTRY[node.op].numpy.format(base, **attrs)

    def _cuts(self, id: int) -> list[str]:
        node, (operand,) = self.graph[id], self.graph.operands(id)
        bounds = [bound_attr(node.attr(name), self.plan.n) for name in ("start", "stop", "step")]
        starts, stops, steps = (b if isinstance(b, tuple) else () for b in bounds)
        cuts: list[str] = []
        for size, start, stop, step in zip(self.plan.shape(operand), starts, stops, steps, strict=True):
            cut = f"{start or ''}:{'' if stop == size else stop}"
            cuts.append(cut if step == 1 else f"{cut}:{step}")
        return cuts

    # what is done in each step

    def _statements(self) -> None:
        plan = self.plan
        first = len(self.lines)
        section_of = sections(plan)
        reached, line = -1, ""
        for id in plan.order:
            storage = plan.storage[id]
            if isinstance(storage, View) and not isinstance(plan.storage[plan.root(id)], Fed):
                continue
            rank = SECTIONS.index(section_of[id])
            source = origin(self.graph[id], WIDTH - 12)
            if rank > reached or source != line:
                self._comment(rank if rank > reached else None, source, len(self.lines) > first)
                reached, line = max(rank, reached), source
            if isinstance(storage, View):
                self._view(2, id)
            else:
                self._line(2, self._statement(id), id)
        names = {leaf.name: self.names[leaf.id] for leaf in plan.leaves("param", "state")}
        for name, id in plan.assigns:
            self._line(2, f"np.copyto({names[name]}, {self._operand(id)})", id)
        if plan.returns:
            results = ", ".join(self.names[id] for id in plan.returns.values())
            self._line(2, f"return {results}" if len(results) < WIDTH - 15 else f"return ({results})")
        elif len(self.lines) == first:
            self._line(2, "pass")

    def _comment(self, section: int | None, source: str, apart: bool) -> None:
        """The heading of a new section, and the line of the file that the next statements come from."""
        if apart:
            self._line(0)
        if section is not None:
            heading = HEADINGS[SECTIONS[section]]
            self._line(2, f"# {heading if self.plan.updated else heading.rpartition('. ')[2]}")
        if source:
            self._line(2, f"# {source}")

    def _statement(self, id: int) -> str:
        node, out = self.graph[id], self.names[id]
        operands = [self._operand(operand) for operand in self.graph.operands(id)]
        attrs = {name: bound_attr(value, self.plan.n) for name, value in node.attrs}
        match node.op:
            case "counter":
                return f"{out}[...] = float({attrs['which']})"
            case "reshape":  # of a view with gaps: through the shape of the operand, to save a copy
                (operand,) = self.graph.operands(id)
                return f"np.copyto({out}.reshape({self.plan.shape(operand)}), {operands[0]})"
            case _:
                work = self.work[self.plan.work[id]] if id in self.plan.work else ""
                # What NumPy takes for granted need not be read.
                template = REGISTRY[node.op].numpy
                template = (
                    template.replace(", keepdims={keep}", "") if attrs.get("keep") is False else template
                )
                attrs |= (
                    {"axis": axis[0]}
                    if isinstance(axis := attrs.get("axis"), tuple) and len(axis) == 1
                    else {}
                )
                return template.format(*operands, out=out, operands=", ".join(operands), work=work, **attrs)

    def _operand(self, id: int) -> str:
        match self.plan.storage[id]:
            case Literal(value):
                return _number(value, self.graph[id].type.dtype)
            case Counter(which):
                return f"float({which})"
            case _:
                return self.names[id]


def _number(value: Attr, dtype: DType) -> str:
    """A Python number: NumPy lets it take the dtype of the array beside it."""
    assert isinstance(value, int | float)
    match dtype:
        case "bool":
            return str(bool(value))
        case "float32" | "float64":
            number = float(value)
            named = "np.nan" if isnan(number) else "np.inf" if number > 0 else "-np.inf"
            return repr(number) if abs(number) < inf else named
        case _:
            return str(int(value))


def _dtype(node: Node) -> str:
    return "bool" if node.type.dtype == "bool" else f"np.{node.type.dtype}"
