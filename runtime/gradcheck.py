"""Every parameter's gradient against differences of the loss, in float64 on a few samples at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compiler.emit.program import build
from ..compiler.extract import select
from ..compiler.ir import Graph, Result, size_at
from ..compiler.pipeline import Compiled
from .device import Device
from .initialise import draw
from .program import Executable, load

SAMPLES = 3
STEP = 1e-5
PLACES = 6  # looked at in each parameter; fewer where there are many
MOST_PLACES = 120
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Compared:
    """A parameter; places: how many of its elements were looked at; error: the largest difference, relative
    to the larger of the two, or to the parameter's largest gradient where both are tiny.
    """

    parameter: str
    elements: int
    places: int
    error: float

    @property
    def agrees(self) -> bool:
        return self.error <= TOLERANCE


def compare(compiled: Compiled, seed: int = 0) -> tuple[Compared, ...]:
    """Compare the gradients of a network compiled in float64, in training mode with its random draws held.

    A place where the loss has a corner (relu at 0) within a step is left out: there the differences for two
    unequal steps disagree. Source: central differences with an error of order h², Nocedal & Wright 2006, 8.1.
    """
    rng = np.random.default_rng(seed)
    device = Device("cpu")
    graph = compiled.graph("gradients")
    memory = _memory(compiled, rng)
    feeds = _feeds(compiled, graph, rng)
    both = load(build(graph, SAMPLES, "gradients"), device, memory)
    alone = load(build(select(graph, lambda r: r.kind == "loss"), SAMPLES, "loss"), device, memory)
    gradients = {r.name: v for r, v in both.run(feeds).items() if r.kind == "gradient"}
    known = {node.name for node in alone.program.graph if node.op == "input"}
    fed = {name: array for name, array in feeds.items() if name in known}
    places = max(1, min(PLACES, MOST_PLACES // max(len(gradients), 1)))
    return tuple(
        _compared(alone, fed, memory, name, np.asarray(g), rng, places) for name, g in gradients.items()
    )


def _compared(
    loss: Executable,
    feeds: Mapping[str, Any],
    memory: Mapping[str, Any],
    name: str,
    gradient: np.ndarray,
    rng: np.random.Generator,
    places: int,
) -> Compared:
    values, flat = memory[name].reshape(-1), gradient.reshape(-1)
    size = float(np.abs(flat).max(initial=0.0))
    worst, seen = 0.0, 0
    for place in rng.permutation(flat.size)[: 4 * places]:
        if seen == places:
            break
        first, second = (_difference(loss, feeds, values, int(place), h) for h in (STEP, 1.7 * STEP))
        near = max(abs(first), abs(second), 1e-3 * size, 1e-7)
        if abs(first - second) > TOLERANCE * near:
            continue
        seen += 1
        worst = max(worst, abs(flat[place] - first) / max(abs(flat[place]), near))
    return Compared(name, flat.size, seen, float(worst))


def _difference(
    loss: Executable, feeds: Mapping[str, Any], values: np.ndarray, place: int, step: float
) -> float:
    before = values[place]
    found: list[float] = []
    for moved in (before + step, before - step):
        values[place] = moved
        found.append(float(loss.run(feeds)[Result("loss", "loss")]))
    values[place] = before
    return (found[0] - found[1]) / (2 * step)


def _memory(compiled: Compiled, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Parameters and states as they start, the parameters moved a little: zeros are a special place."""
    found: dict[str, np.ndarray] = {}
    network = compiled.network
    for variable in network.variables.values():
        shape = tuple(size_at(d, 1) for d in variable.type.shape)
        initial = network.drawn(variable).initial
        start = ("ones",) if initial[0] == "statistic" else initial
        value = draw(variable.name, shape, start, 0, variable.type.dtype).copy()
        if variable.kind == "param":
            value += 0.1 * rng.standard_normal(shape)
        found[variable.name] = np.ascontiguousarray(value)
    return found


def _feeds(compiled: Compiled, graph: Graph, rng: np.random.Generator) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for node in graph:
        if node.op == "input":
            shape = tuple(size_at(d, SAMPLES) for d in node.type.shape)
            classes = compiled.network.inputs[node.name].classes
            array = rng.integers(0, classes, shape) if classes else rng.standard_normal(shape)
            found[node.name] = array.astype(node.type.dtype)
    return found
