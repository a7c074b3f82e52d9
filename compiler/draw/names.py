"""What the tensors of a picture are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ..ir import Node
from .flow import Flow
from .formula import name_text, subscript

NAMED = 3  # parameters of a box that are named, more are counted


def named(flow: Flow) -> dict[int, str]:
    """The names of the drawn nodes that boxes read, and of the leaves.

    What the user named keeps its name. Other results are z of a layer with parameters, h of one without,
    numbered; so are the parameters of layers, where several have the same short name.
    """
    graph = flow.graph
    names = dict.fromkeys(graph.of_kind("loss").values(), "L")
    shorts = Counter(name_text(n.name) for n in graph if n.op == "param" and flow.owner(n.id) is not None)
    numbers: dict[int, int] = {}
    for i, _ in enumerate(flow.units):
        owned = [p for p in flow.owned(i) if graph[p].scope]
        if 0 < len(owned) <= NAMED:
            numbers[i] = len(numbers) + 1
        for p in owned:
            short = name_text(graph[p].name)
            repeated = shorts[short] > 1 and short[-1] not in "₀₁₂₃₄₅₆₇₈₉"
            names[p] = short + subscript(numbers[i]) if repeated and i in numbers else short
    for node in graph:
        if node.op in ("param", "input", "state"):
            names.setdefault(node.id, name_text(node.name))
    hidden = {p for i in range(len(flow.units)) if len(flow.owned(i)) > NAMED for p in flow.owned(i)}
    taken = {name for id, name in names.items() if id not in hidden}
    inner = [i for i, unit in enumerate(flow.units) if not unit.is_loss]
    outputs = [(i, id) for i in inner for id in flow.outputs(i)]
    for _, id in outputs:
        given = name_text(flow.user_name(id))
        if given and given not in taken:
            names[id] = given
            taken.add(given)
    weighted = {i for i in range(len(flow.units)) if flow.owned(i)}
    _number([id for i, id in outputs if id not in names and i in weighted], "z", names, taken)
    _number([id for i, id in outputs if id not in names and i not in weighted], "h", names, taken)
    return names


def _number(ids: Sequence[int], letter: str, names: dict[int, str], taken: set[str]) -> None:
    if len(ids) == 1 and letter not in taken:
        names[ids[0]] = letter
        return
    number = 0
    for id in ids:
        number += 1
        while letter + subscript(number) in taken:
            number += 1
        names[id] = letter + subscript(number)


def function_name(node: Node) -> str:
    """The function whose call a node comes from, as the file writes it; nothing for an operator."""
    found = re.match(r"[^\W\d]\w*(?=\s*(\(|$))", node.span.text) if node.span is not None else None
    return found[0] if found else ""


def previous(name: str) -> str:
    """A carried tensor as the turn before left it."""
    return f"{name}ₜ₋₁"


def arguments(names: Mapping[int, str], ids: Sequence[int]) -> str:
    return ", ".join(dict.fromkeys(names[i] for i in ids))
