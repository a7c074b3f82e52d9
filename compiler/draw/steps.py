"""The seven steps of training in words and numbers, as a spec has them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from math import log

from ..extract import ancestors, append
from ..ir import Graph, Result, size_at
from ..network import Network, Training, Variable
from ..passes import optimise
from .formula import TooLong, count_text, formula, name_text, number_text
from .views import DrawError

_LONGEST = 90  # signs of an update's formula


@dataclass(frozen=True, slots=True)
class Measured:
    """What only a run tells. samples: of the training data; loss: of the first batch, at the start."""

    samples: int | None = None
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """title: a word or two; lines: what happens. lit: the roles in the picture that are not dimmed."""

    title: str
    lines: tuple[str, ...]
    lit: tuple[str, ...]


def steps(network: Network, measured: Measured) -> tuple[Step, ...]:
    """The steps. Raises DrawError where the spec has no loss or train block."""
    train = network.train
    if train is None or not network.training.of_kind("loss"):
        missing = "train block" if train is None else "loss"
        raise DrawError(f"{network.name} has no {missing}, so there are no steps to show")
    return (
        Step("Initialise", _initialise(network, train), ("parameter",)),
        Step("Take a batch and predict", _predict(train, measured), ("data", "parameter", "forward")),
        Step("Loss", _loss(network, measured), ("loss",)),
        Step("Gradients", _gradients(network), ("backward", "gradient", "seed")),
        Step("Step", _update(network, train), ("parameter", "gradient")),
        Step("Repeat", _repeat(train, measured), ("all",)),
        Step("Stop", _stop(network, train), ("data", "parameter", "forward")),
    )


def _initialise(network: Network, train: Training) -> tuple[str, ...]:
    params = [v for v in network.variables.values() if v.kind == "param"]
    total = sum(size_at(p.type.elements, 1) for p in params)
    kinds: dict[str, list[Variable]] = {}
    for p in params:
        kinds.setdefault(_start(p), []).append(p)
    found = [
        f"{count_text(total)} parameters get their starting values, the same each time for seed {train.seed}."
    ]
    for kind, members in kinds.items():
        count = sum(size_at(p.type.elements, 1) for p in members)
        names = ", ".join(dict.fromkeys(name_text(p.name) for p in members))
        found.append(
            f"{names if len(names) < 24 else f'{len(members)} tensors'}: {count_text(count)} numbers, {kind}"
        )
    return tuple(found[:4])


def _start(variable: Variable) -> str:
    name, *arguments = variable.initial
    texts = ", ".join(number_text(a) for a in arguments)
    if name in ("zeros", "ones"):
        return f"all {'0' if name == 'zeros' else '1'}"
    return f"drawn by {name}({texts})" if texts else f"drawn by {name}"


def _predict(train: Training, measured: Measured) -> tuple[str, ...]:
    of = f" of the {count_text(measured.samples)}" if measured.samples else ""
    return (
        f"N = {train.batch}{of} training samples, each drawn once an epoch, go through the network.",
        "Each box computes its result from what arrows bring: from left to right.",
    )


def _loss(network: Network, measured: Measured) -> tuple[str, ...]:
    found = ["One number L says how wrong the predictions of this batch are."]
    classes = _guessed(network)
    if classes:
        guess = log(classes)
        found.append(
            f"To give {classes} classes equal probabilities costs L = −log(1/{classes}) = {guess:.3f}."
        )
    if measured.loss is not None:
        found.append(f"With the starting values, the first batch has L = {measured.loss:.3f}.")
    return tuple(found)


def _guessed(network: Network) -> int:
    """How many classes a cross-entropy of class probabilities tells apart, 0 for another loss."""
    graph = network.training
    losses = graph.of_kind("loss").values()
    kinds = [graph[i] for i in _above(graph, list(losses)) if graph[i].op in ("log_softmax", "logsumexp")]
    counts = {i.classes for i in network.inputs.values() if i.classes}
    sizes = {n.type.shape[-1] for n in kinds if n.op == "log_softmax"}
    return next((c for c in counts if c in sizes), 0)


def _above(graph: Graph, ids: list[int]) -> list[int]:
    return sorted(ancestors(graph, ids))


def _gradients(network: Network) -> tuple[str, ...]:
    params = [v for v in network.variables.values() if v.kind == "param"]
    total = sum(size_at(p.type.elements, 1) for p in params)
    return (
        f"The chain rule, from right to left: {count_text(total)} derivatives of L, one for each parameter.",
        "∂v means ∂L/∂v: how L changes when v grows a little. "
        "Each box turns the gradient of its result into those of its operands.",
    )


def _update(network: Network, train: Training) -> tuple[str, ...]:
    call = train.optimizer
    settings = [a.span.text for a in call.positional]
    settings += [f"{a.name.text} = {a.value.span.text}" for a in call.keywords]
    found = [f"Every parameter takes one step, by {call.function.text}({', '.join(settings)}):"]
    found += _formulas(network)
    if any(re.search(r"\bt\b", line) for line in found[1:]):
        found.append("t counts the steps, from 1.")
    if train.clip is not None:
        found.append(
            f"Before it, gradients whose joint length exceeds {number_text(train.clip)} are made that long."
        )
    return tuple(found)


def _formulas(network: Network) -> list[str]:
    """What the optimizer makes of the first parameter, called W, and of what it remembers of it."""
    graph = network.training
    updates = graph.of_kind("update")
    first = next((n for n in graph.leaves("param").values() if n.name in updates), None)
    gradient = graph.of_kind("gradient").get(first.name) if first is not None else None
    if first is None or gradient is None:
        return []
    known = {first.id: "W", gradient: "∂W", **_times(graph)}
    if network.train is not None and network.train.clip is not None:
        scaled = [u for u in graph.users(gradient) if graph[u].op == "mul" and graph[u].stage == "update"]
        known |= dict.fromkeys(scaled, "∂W")
    found: list[str] = []
    above = _above(graph, [updates[first.name]])
    states = [n for n in graph.leaves("state").values() if n.id in above and n.name in updates]
    known |= {state.id: name_text(state.name) for state in states}
    # A step that is taken by what is remembered from before comes before the remembering.
    needed = _needed(graph, updates[first.name], {updates[state.name] for state in states})
    is_first = any(state.id in needed for state in states)
    for node in [first, *states] if is_first else [*states, first]:
        text = _simplified(graph, updates[node.name], known)
        if text and len(text) <= _LONGEST:
            found.append(f"{known[node.id]} ← {text}")
        known[updates[node.name]] = known[node.id]
    return found


def _times(graph: Graph) -> dict[int, str]:
    """The number of the step, called t, and the schedule's factor there."""
    found: dict[int, str] = {}
    for node in graph:
        if node.stage != "update":
            continue
        operands = [graph[o] for o in graph.operands(node.id)]
        if node.op == "add" and operands[0].op == "counter" and operands[0].attr("which") == "step":
            found[node.id] = "t"
        if node.scope and node.scope[0].instance == "schedule":
            outside = any(graph[u].scope[:1] != node.scope[:1] for u in graph.users(node.id))
            if outside:
                found[node.id] = f"{node.scope[0].layer}(t)"
    return found


def _simplified(graph: Graph, id: int, known: Mapping[int, str]) -> str:
    """The formula of a node in terms of known ones, '' if it is too long."""
    part = Graph()
    leaves: dict[str, str] = {}
    copied: dict[int, int] = {}
    for node in graph:
        if node.id in known and node.id != id:
            leaf = f"leaf {len(leaves)}"
            leaves[leaf] = known[node.id]
            copied[node.id] = part.add("input", (), node.type, (("classes", 0),), leaf)
    copied = append(part, graph, _needed(graph, id, known), copied)
    part.results[Result("value", "update")] = copied[id]
    done = optimise(part)
    names = {n.id: leaves[n.name] for n in done if n.op == "input"}
    try:
        return formula(done, done.of_kind("value")["update"], names)
    except TooLong:
        return ""


def _needed(graph: Graph, id: int, known: Container[int]) -> set[int]:
    """What a node is computed from, as far back as known nodes."""
    needed: set[int] = set()
    stack = [id]
    while stack:
        top = stack.pop()
        if top not in needed:
            needed.add(top)
            stack += [] if top in known and top != id else graph.operands(top)
    return needed


def _repeat(train: Training, measured: Measured) -> tuple[str, ...]:
    if measured.samples is None:
        again = f"{count_text(train.steps)} steps" if train.steps else f"{train.epochs} epochs"
        return (f"Steps 2 to 5 again with the next batch: {again} in all.",)
    batches = -(-measured.samples // train.batch)
    last = measured.samples - (batches - 1) * train.batch
    rest = f", the last of {last}" if last != train.batch else ""
    found = [
        "Steps 2 to 5 again with the next batch, until every sample was seen once, which is an epoch: "
        f"{count_text(measured.samples)} / {train.batch} makes {count_text(batches)} batches{rest}.",
    ]
    if train.epochs:
        product = f"{train.epochs} × {count_text(batches)} = {count_text(train.epochs * batches)}"
        found.append(f"{train.epochs} epochs, each in a new order: {product} steps.")
    elif train.steps:
        found.append(
            f"{count_text(train.steps)} steps are {train.steps / batches:.1f} epochs, each in a new order."
        )
    return tuple(found)


def _stop(network: Network, train: Training) -> tuple[str, ...]:
    end = f"after {train.epochs} epochs" if train.epochs else f"after {count_text(train.steps or 0)} steps"
    if train.stop is not None:
        end += f", or when {train.stop.on} has not improved for {train.stop.epochs} epochs"
    found = [f"The training ends {end}."]
    if network.data is not None and network.data.valid is not None:
        found.append("After each epoch, held-out samples tell how it does on what it was not trained with.")
    found.append("What remains is the forward row with its parameters; the gradients are needed no more.")
    return tuple(found)
