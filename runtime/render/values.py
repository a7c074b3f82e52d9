"""What flows through a network for a few samples: any nodes of a forward graph, and their gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ...compiler.diagnostics import SpecError
from ...compiler.differentiate import differentiate
from ...compiler.draw.values import Values
from ...compiler.emit.program import build
from ...compiler.ir import Graph, Result, size_at
from ...compiler.passes import optimise
from ...compiler.passes.stabilise import stable_builder
from ..data.errors import DataError
from ..data.source import Dataset, Split
from ..model import Array, Model
from ..opening import open_data
from ..program import load
from ..train import prepare


@dataclass(frozen=True, slots=True)
class Samples:
    """The arrays of the inputs by name. origin: where they come from, as a picture says it."""

    inputs: Mapping[str, Array]
    origin: str = ""
    is_random: bool = False

    @property
    def count(self) -> int:
        return len(next(iter(self.inputs.values()), ()))


def evaluate(
    model: Model, graph: Graph, wanted: Iterable[int], samples: Samples, gradients: Iterable[int] = ()
) -> Values:
    """The values of nodes of a forward graph, and the gradients of its loss with respect to nodes.

    A wanted node that needs an input which is not given has no value; nor has a node a gradient that the loss
    does not depend on.
    """
    part = graph.copy()
    given = set(samples.inputs)
    part.results = {Result("value", str(id)): id for id in wanted if _needs(graph, id) <= given}
    losses = [id for id in graph.of_kind("loss").values() if _needs(graph, id) <= given]
    targets = list(dict.fromkeys(gradients)) if losses else []
    for target, found in zip(
        targets, differentiate(stable_builder(part), losses[0], targets) if targets else (), strict=True
    ):
        if found is not None:
            part.results[Result("value", f"∂{target}")] = found.id
    if not part.results:
        return Values({}, {})
    program = build(optimise(part), samples.count, "values")
    needed = {feed.name for feed in program.feeds}
    feeds = {name: array for name, array in samples.inputs.items() if name in needed}
    executable = load(program, model.device, model.memory)
    results = executable.run(feeds, step=model.step_number, steps=model.steps, seed=model.seed)
    arrays = {result.name: model.device.numpy(array) for result, array in results.items()}
    return Values(
        {int(name): a for name, a in arrays.items() if name[0] != "∂"},
        {int(name[1:]): a for name, a in arrays.items() if name[0] == "∂"},
    )


def prepared(model: Model, columns: Mapping[str, Array], origin: str) -> Samples:
    """The inputs that the data block makes of columns [n, …]; without a data block they are the inputs."""
    graph = model.compiled.network.evaluating_data
    count = len(next(iter(columns.values())))
    if not graph.results:
        return Samples(columns, origin)
    known = graph.copy()
    known.results = {r: id for r, id in graph.results.items() if _needs(graph, id, "column") <= set(columns)}
    program = build(optimise(known), count, "data")
    needed = {feed.name for feed in program.feeds}
    feeds = {name: array for name, array in columns.items() if name in needed}
    results = load(program, model.device, model.memory).run(feeds, seed=model.seed)
    return Samples({r.name: model.device.numpy(a) for r, a in results.items() if r.kind == "input"}, origin)


def first(model: Model, count: int) -> Samples:
    """The first samples of the training split; random ones where the data are not there."""
    data = dataset(model)
    if data is None:
        return drawn(model, count)
    plural = f"the first {count} samples" if count > 1 else "the first sample"
    return batch(model, data.train, count, f"{plural} of the training data")


def batch(model: Model, split: Split, count: int, origin: str) -> Samples:
    """The first samples of a split."""
    names = model.compiled.network.evaluating_data.leaves("column")
    return prepared(model, {name: np.asarray(split[name][list(range(count))]) for name in names}, origin)


def dataset(model: Model) -> Dataset | None:
    """The model's data, None where there are none or they cannot be read here.

    An untrained model's states that hold statistics of them are filled.
    """
    if model.compiled.network.data is None or not model.compiled.network.evaluating_data.results:
        return None
    try:
        data = open_data(model.compiled.network, model.base, model.seed)
        if model.step_number == 0:
            prepare(model, data)
    except (SpecError, DataError):
        return None
    return data


def drawn(model: Model, count: int) -> Samples:
    """Random inputs: numbers of the standard normal distribution, and classes that are equally probable."""
    random = np.random.default_rng(model.seed)
    inputs: dict[str, Array] = {}
    for name, input in model.compiled.network.inputs.items():
        shape = tuple(size_at(d, count) for d in input.type.shape)
        whole = not input.type.is_float
        values = random.integers(0, input.classes or 2, shape) if whole else random.standard_normal(shape)
        inputs[name] = values.astype(input.type.dtype)
    return Samples(inputs, "random samples", is_random=True)


def _needs(graph: Graph, id: int, op: str = "input") -> set[str]:
    """The names of the inputs that a node depends on."""
    seen: set[int] = set()
    found: set[str] = set()
    stack = [id]
    while stack:
        top = stack.pop()
        if top not in seen:
            seen.add(top)
            stack += graph.operands(top)
            if graph[top].op == op:
                found.add(graph[top].name)
    return found
