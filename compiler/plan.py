"""Binds N, fixes the order of the operations and gives every value its place, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .arena import Block, extent, lower_bound, place
from .ir import Graph, Node, Result, Stage
from .ops.op import REGISTRY
from .passes import two_at_a_time
from .schedule import LEAVES, Schedule
from .storage import (
    Counter,
    Fixed,
    Held,
    Literal,
    Slot,
    Storage,
    View,
    bound,
    bound_attr,
    bytes_of,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph for batches of n, ready to be written as a program.

    graph: the one that was planned, perhaps with copies added, and long einsums two factors at a time. order:
    what is done in each step, views included. once: what is done when the program is loaded. storage: of
    every node in them and of their leaves. work: scratch memory, by node. assigns: at the end of the step,
    these parameters and states take the value of these nodes; other updates are computed in place. updated:
    the parameters and states that a step changes. returns: the results that are handed out. lower_bound: the
    most bytes alive at one time.
    """

    graph: Graph
    n: int
    order: tuple[int, ...]
    once: tuple[int, ...]
    storage: Mapping[int, Storage]
    work: Mapping[int, Slot]
    assigns: tuple[tuple[str, int], ...]
    updated: tuple[str, ...]
    returns: Mapping[Result, int]
    arena_bytes: int
    lower_bound: int

    def shape(self, id: int) -> tuple[int, ...]:
        return bound(self.graph[id].type, self.n)

    def root(self, id: int) -> int:
        """The node whose memory this one is."""
        while isinstance(storage := self.storage[id], View):
            id = storage.base
        return id

    def leaves(self, *ops: str) -> tuple[Node, ...]:
        """The leaves of these ops that a step reads or writes, in the graph's order."""
        return tuple(node for node in self.graph if node.op in ops and node.id in self.storage)


def plan(graph: Graph, n: int, wanted: Collection[Result] | None = None) -> Plan:
    """Plan the operations that the wanted results need (all results, unless given) for a batch of n.

    The results "update" are written to their parameters and states; the others are handed out.
    """
    graph = two_at_a_time(graph, n)
    results = {r: id for r, id in graph.results.items() if wanted is None or r in wanted}
    graph, results = _with_old_values_kept(graph, results)
    returns = {r: id for r, id in results.items() if r.kind != "update"}
    updates = {r.name: id for r, id in results.items() if r.kind == "update"}
    schedule = Schedule(graph, n, results.values(), updates)
    storage = schedule.memory.storage
    for name in updates:
        storage[schedule.leaves[name]] = Held(name)
    done = [id for id in schedule.order() if _is_done(graph[id], storage.get(id))]
    once = tuple(id for id in done if isinstance(schedule.memory.kind(id), Fixed))
    order = tuple(id for id in done if not isinstance(schedule.memory.kind(id), Fixed))
    blocks, block_of = _blocks(schedule, order, n)
    values = len(blocks)
    scratch = {id: time for time, id in enumerate(order) if _workspace(schedule, id, n)}
    blocks += [Block(_workspace(schedule, id, n), time, time) for id, time in scratch.items()]
    offsets = place(blocks)
    storage.update((id, Slot(offsets[b], blocks[b].bytes)) for id, b in block_of.items())
    work = {id: Slot(offsets[b], blocks[b].bytes) for b, id in enumerate(scratch, values)}
    assigns = tuple((k, id) for k, id in updates.items() if storage[id] != Held(k))
    updated = tuple(k for k, id in updates.items() if id != schedule.leaves[k])
    return Plan(
        graph,
        n,
        order,
        once,
        storage,
        work,
        assigns,
        updated,
        returns,
        extent(blocks, offsets),
        lower_bound(blocks),
    )


def _is_done(node: Node, storage: Storage | None) -> bool:
    """Whether the program has a statement for the node."""
    return not (node.op in ("input", "column", "param", "state") or isinstance(storage, Literal | Counter))


def _with_old_values_kept(graph: Graph, results: Mapping[Result, int]) -> tuple[Graph, dict[Result, int]]:
    """Copy the parameters and states that are to be handed out, or assigned, as they were before the step."""
    updated = {r.name for r in results if r.kind == "update"}
    kept, found = graph, dict(results)
    for result, id in results.items():
        node = graph[id]
        leaf = graph[_leaf_seen(graph, id)]
        own = result.kind == "update" and id == leaf.id and leaf.name == result.name
        if leaf.op not in ("param", "state") or leaf.name not in updated or own:
            continue
        kept = graph.copy() if kept is graph else kept
        stage: Stage = "update" if result.kind == "update" else node.stage
        attrs = (("dtype", node.type.dtype),)
        found[result] = kept.add("cast", (id,), node.type, attrs, stage=stage, span=node.span)
    return kept, found


def _leaf_seen(graph: Graph, id: int) -> int:
    """The node that this one is a view of, as far as the graph tells."""
    while graph[id].op not in LEAVES and REGISTRY[graph[id].op].view:
        id = graph.operands(id)[0]
    return id


def _blocks(schedule: Schedule, order: Sequence[int], n: int) -> tuple[list[Block], dict[int, int]]:
    """The stretches of memory that the step needs, and which one holds which node."""
    memory, graph = schedule.memory, schedule.graph
    last = _last_uses(schedule, order)
    blocks: list[Block] = []
    block_of: dict[int, int] = {}
    for time, id in enumerate(order):
        if id in memory.storage:
            continue
        death = max(last.get(id, time), time)
        heir = _inherited(schedule, id, time, blocks, block_of, n)
        if heir is None:
            block_of[id] = len(blocks)
            blocks.append(Block(bytes_of(graph[id].type, n), time, death))
        else:
            block_of[id] = heir
            blocks[heir] = blocks[heir]._replace(death=death)
    return blocks, block_of


def _last_uses(schedule: Schedule, order: Sequence[int]) -> dict[int, int]:
    """The time at which each value's memory is last read, through views too."""
    memory = schedule.memory
    last = {memory.root(id): len(order) for id in schedule.kept}
    for time, id in enumerate(order):
        if not isinstance(memory.storage.get(id), View):
            for operand in schedule.operands[id]:
                root = memory.root(operand)
                last[root] = max(last.get(root, 0), time)
    return last


def _inherited(
    schedule: Schedule, id: int, time: int, blocks: Sequence[Block], block_of: Mapping[int, int], n: int
) -> int | None:
    """The block of an operand that dies here and that an elementwise result fits exactly."""
    graph, memory, operands = schedule.graph, schedule.memory, schedule.operands[id]
    if REGISTRY[graph[id].op].kind != "elementwise":
        return None
    found = [block_of.get(memory.root(operand)) for operand in operands]
    for operand, block in zip(operands, found, strict=True):
        if block is None or blocks[block].death != time or operand not in memory.contiguous:
            continue
        fits = graph[operand].type == graph[id].type and blocks[block].bytes == bytes_of(graph[id].type, n)
        if fits and all(b != block or o == operand for b, o in zip(found, operands, strict=True)):
            return block
    return None


def _workspace(schedule: Schedule, id: int, n: int) -> int:
    graph = schedule.graph
    scratch = REGISTRY[graph[id].op].workspace
    if scratch is None:
        return 0
    types = [graph[o].type.with_shape(bound(graph[o].type, n)) for o in schedule.operands[id]]
    return scratch(*types, **{name: bound_attr(value, n) for name, value in graph[id].attrs})
