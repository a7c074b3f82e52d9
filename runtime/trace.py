"""Where in the file a loss first stopped being a finite number."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..compiler import library
from ..compiler.diagnostics import Span
from ..compiler.emit.program import build
from ..compiler.extract import ancestors
from ..compiler.ir import Graph, Node, Result
from .data.batches import Batch, Batches
from .model import Model
from .program import load

MOST_STEPS = 2000
MOST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Blown:
    """The first tensor of a step that was not finite. what: in words; span: its place in the user's file."""

    what: str
    span: Span | None


def first_not_finite(model: Model, batches: Batches, epoch: int, batch: int) -> Blown | None:
    """Make the training of a model again up to a step whose loss was not finite, and look into that step.

    A step overwrites its parameters, and keeping a copy of them would slow every training down; but a
    training can be repeated bit for bit. None where that would take too long or does not lead there, as
    after a resumption.
    """
    if (epoch - 1) * len(batches) + batch > MOST_STEPS:
        return None
    again = Model(model.compiled, model.device, model.base, model.seed)
    again.total_steps = model.total_steps
    for variable in model.compiled.network.variables.values():
        if variable.initial[0] == "statistic":
            again.memory[variable.name][...] = model.memory[variable.name]
    usual: set[int] | None = None  # the -inf of a causal mask is meant
    ends = time.monotonic() + MOST_SECONDS
    for e in range(1, epoch + 1):
        for b, fed in enumerate(batches.epoch(e, 0), 1):
            usual = _not_finite(again, fed, e) if usual is None else usual
            if (e, b) == (epoch, batch):
                found = _not_finite(again, fed, e)
                return _told(model.compiled.graph("train"), found - usual or found)
            if time.monotonic() > ends:
                return None
            program = again.program("train", fed.size)
            program.run(fed.columns, again.step_number, again.steps, again.seed, e, fed.rows, copy=False)
            again.step_number += 1
    return None


def _not_finite(model: Model, batch: Batch, epoch: int) -> set[int]:
    """The nodes of a step's forward half whose values are not all finite."""
    graph = model.compiled.graph("train").copy()
    losses = graph.of_kind("loss").values()
    above = ancestors(graph, losses)
    looked_at = [i for i in graph if i.id in above and i.type.is_float and i.op not in ("constant", "size")]
    graph.results = {Result("value", str(node.id)): node.id for node in looked_at}
    executable = load(build(graph, batch.size, "look"), model.device, model.memory)
    needed = {a.name for a in executable.program.feeds}
    fed = {name: array for name, array in batch.columns.items() if name in needed}
    values = executable.run(fed, model.step_number, model.steps, model.seed, epoch, batch.rows)
    return {
        int(result.name)
        for result, value in values.items()
        if not np.isfinite(model.device.numpy(value)).all()
    }


def _told(graph: Graph, ids: set[int]) -> Blown | None:
    if not ids:
        return None
    node = next(node for node in graph if node.id in ids)
    where = f" in {'.'.join(s.instance for s in node.scope)}" if node.scope else ""
    name = f"{node.name}, the result of {node.op}" if node.name else f"the result of {node.op}"
    what = node.name if node.op in ("param", "state", "input", "column") else f"{name}{where}"
    return Blown(what, _span(graph, node))


def _span(graph: Graph, node: Node) -> Span | None:
    """The node's place in the user's file: its own, or that of what first reads it there."""
    pending = [node.id]
    seen: set[int] = set()
    while pending:
        id = min(pending)
        pending.remove(id)
        span = graph[id].span
        if span is not None and not library.is_standard(span.source):
            return span
        seen.add(id)
        pending += [u for u in graph.users(id) if u not in seen and u not in pending]
    return None
