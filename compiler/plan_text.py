"""A plan as a table: what is done in which order, and where each value lies."""

from __future__ import annotations

from .plan import Plan
from .storage import Counter, Fed, Fixed, Held, Literal, Slot, Storage, View


def show(plan: Plan) -> str:
    """One operation a line: its number, operands, type, and the bytes of the arena that hold it."""
    rows = [_row(plan, id) for id in plan.order]
    once = [_row(plan, id) for id in plan.once]
    widths = [max((len(row[i]) for row in (*once, *rows)), default=0) for i in range(4)]
    lines = [f"a batch of {plan.n}: {len(plan.order)} operations"]
    lines += [f"arena {plan.arena_bytes:,} bytes; at most {plan.lower_bound:,} are in use at one time"]
    if once:
        lines += ["", "once, when the program is loaded", *(_line(row, widths) for row in once)]
    lines += ["", "in every step", *(_line(row, widths) for row in rows)]
    if plan.assigns:
        lines += ["", "at the end of a step", *(f"{name} <- %{id}" for name, id in plan.assigns)]
    return "\n".join(lines) + "\n"


def _row(plan: Plan, id: int) -> tuple[str, ...]:
    node = plan.graph[id]
    name = f"%{id} {node.name}".rstrip()
    operands = ", ".join(_operand(plan, o) for o in plan.graph.operands(id))
    shape = f"{node.type.dtype}[{', '.join(map(str, plan.shape(id)))}]"
    work = (
        f", {plan.work[id].bytes:,} bytes to work in at {plan.work[id].offset:,}" if id in plan.work else ""
    )
    return name, f"{node.op}({operands})", shape, _place(plan.storage[id]) + work


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _operand(plan: Plan, id: int) -> str:
    """Leaves by their name or number, others by their place in the order."""
    match plan.storage[id]:
        case Fed(name) | Held(name) if not plan.graph.operands(id):
            return name
        case Literal(value):
            return f"{value:g}"
        case Counter(which):
            return which
        case _:
            return f"%{id}"


def _place(storage: Storage) -> str:
    match storage:
        case Slot(offset, size):
            return f"{offset:>8,} … {offset + size:,}"
        case View(base):
            return f"view of %{base}"
        case Held(name):
            return f"in {name}"
        case Fed(name):
            return f"given as {name}"
        case Fixed():
            return "memory of its own"
        case Literal(value):
            return f"{value:g}"
        case Counter(which):
            return which
