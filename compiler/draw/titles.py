"""What units, clusters and parameters are called in a picture's boxes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import prod

from ..ir import size_at
from ..ops.op import REGISTRY
from .flow import Flow
from .fold import Unit
from .formula import TRANSPARENT, count_text, name_text
from .names import function_name
from .places import TURNS, Path
from .runs import RUN, UNLIKE

_WEIGHT = {"contraction": 0, "window": 0, "row": 1}  # what names a statement of several operations


def titles(flow: Flow) -> list[str]:
    """A title for each unit: short ones where they are told apart, full ones where not."""
    found = [_joined([_title(flow, part) for part in unit.parts]) for unit in flow.units]
    counts = Counter(short for short, _ in found)
    return [full if counts[short] > 1 and re.search(r"\d( \+|$)", short) else short for short, full in found]


def _joined(parts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return " + ".join(short for short, _ in parts), " + ".join(full for _, full in parts)


def _title(flow: Flow, unit: Unit) -> tuple[str, str]:
    graph = flow.graph
    if unit.is_loss:
        return "loss", "loss"
    if unit.key.kind == "grad":
        return "grad", "grad"
    if unit.call is not None:
        region = flow.folded.regions[unit.call]
        if region.turns > 1:
            return f"{region.layer} ×{region.turns}", f"{region.layer} ×{region.turns}"
        full = unit.call[-1]
        given = flow.user_name(unit.nodes[-1]).rsplit(".", 1)[-1] == full
        short = region.layer if given else full.rsplit(".", 1)[-1]  # the arrow has the binding's name already
        return short, full
    last = unit.nodes[-1]
    operations = [id for id in unit.nodes if graph[id].op not in TRANSPARENT] or [last]
    if len(operations) == 1:
        title = function_name(graph[last]) or graph[operations[0]].op.replace("_", " ")
    else:
        main = min(operations, key=lambda id: (_WEIGHT.get(REGISTRY[graph[id].op].kind, 9), -id))
        title = _given(flow, last, unit.region) or function_name(graph[last]) or graph[main].op
    return title, title


def _given(flow: Flow, id: int, region: Path) -> str:
    """The name that a node has where it stands; that of a chain around it says nothing here."""
    name = flow.user_name(id)
    layers = [p for p in region if flow.folded.regions[region[: region.index(p) + 1]].layer not in TURNS]
    return name_text(name) if name.startswith("".join(f"{p}." for p in layers)) else ""


def cluster_label(flow: Flow, path: Path) -> str:
    """dense1 · 49 168 parameters; block ×3 · 3 × 4 704 parameters."""
    region = flow.folded.regions[path]
    if region.layer in (RUN, UNLIKE):
        return f"×{region.turns}" + (", with the sizes of the first" if region.layer == UNLIKE else "")
    if region.layer == "scan":
        return f"scan: {region.turns} turns"
    paths, graph = flow.folded.paths, flow.graph
    inside = [n.id for n in graph if n.op == "param" and paths[n.id][: len(path)] == path]
    turns = prod(flow.folded.regions[path[: d + 1]].turns for d in range(len(path)))
    # Layers in a repeat have parameters in each turn; a shared layer has them in the first alone.
    each = turns if len(inside) % turns == 0 else 1
    count = parameter_count(flow, inside) // each
    name = f"{region.layer} ×{region.turns}" if region.turns > 1 else path[-1]
    if not count:
        return name
    times = f"{region.turns} × " if region.turns > 1 and each > 1 else ""
    return f"{name} · {times}{count_text(count)} parameters"


def parameter_count(flow: Flow, params: Sequence[int]) -> int:
    return sum(size_at(flow.graph[p].type.elements, 1) for p in params)
