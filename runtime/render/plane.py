"""What a network with two inputs does to the plane: its grid after each layer, and what it decides where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...compiler.draw import DrawError
from ...compiler.draw.activations import join_activations
from ...compiler.draw.flow import Flow
from ...compiler.draw.fold import fold
from ...compiler.draw.names import named
from ...compiler.draw.part import whole
from ...compiler.draw.titles import titles
from ...compiler.draw.views import drawn_graph
from ...compiler.network import InputSpec
from ..model import Array, Model
from .values import Samples, batch, dataset, evaluate

LINES, DOTS = 17, 33  # of the grid, each way; points of a line
POINTS = 120  # samples that are drawn
FIELD = 120  # points each way where the decision is asked


@dataclass(frozen=True, slots=True)
class Panel:
    """lines [2, LINES, DOTS, 2] and samples [n, 2] as a layer leaves them. note: how they became so few."""

    title: str
    note: str
    lines: Array
    samples: Array


@dataclass(frozen=True, slots=True)
class Plane:
    """panels: the input and what each layer makes of it. labels [n]: the samples' classes or values.

    scores [FIELD, FIELD, classes]: what speaks for each class at the points of the input plane between
    low and high; where there are no classes, the value [FIELD, FIELD, 1].
    """

    panels: tuple[Panel, ...]
    scores: Array
    low: Array
    high: Array
    labels: Array
    count: int

    @property
    def is_class(self) -> bool:
        return self.scores.shape[-1] > 1

    @property
    def decided(self) -> Array:
        """The class, or the value, at each point [FIELD, FIELD]."""
        return self.scores.argmax(axis=-1) if self.is_class else self.scores[..., 0]

    def aligned(self, earlier: Plane) -> Plane:
        """Turned, layer by layer, so that the samples lie as near as can be to where they lay earlier.

        Principal components may turn from one moment of the training to the next though the layer hardly
        changes. The rotation is that of Schönemann 1966 (orthogonal Procrustes).
        """
        found: list[Panel] = []
        for panel, before in zip(self.panels, earlier.panels, strict=True):
            if panel.note:
                u, _, v = np.linalg.svd(panel.samples.T @ before.samples)
                panel = Panel(panel.title, panel.note, panel.lines @ (u @ v), panel.samples @ (u @ v))
            found.append(panel)
        return replace(self, panels=tuple(found))


class Geometry:
    """The layers of a model whose input is a plane; `plane()` is what its parameters do now.

    Raises DrawError where there is no such input.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.input = _plane_input(model)
        self.graph = drawn_graph(model.compiled.network, training=False)
        flow = Flow(join_activations(fold(whole(self.graph))))
        texts, names = titles(flow), named(flow)
        self.layers: list[tuple[str, int]] = []
        for i, unit in enumerate(flow.units):
            for id in flow.outputs(i):
                type = self.graph[id].type
                if type.is_float and type.rank == 2 and not unit.is_loss:
                    self.layers.append((f"{names[id]}: {texts[i]}", id))
        self.given = self._samples()
        places = self.given.inputs[self.input.name]
        margin = 0.12 * (places.max(axis=0) - places.min(axis=0))
        self.low, self.high = places.min(axis=0) - margin, places.max(axis=0) + margin

    def plane(self) -> Plane:
        """The panels with the parameters as they are."""
        lines = self._lines()
        points = np.concatenate([lines.reshape(-1, 2), self.given.inputs[self.input.name]])
        values = evaluate(self.model, self.graph, [id for _, id in self.layers], self._at(points)).forward
        whole = [("input", points), *((title, values[id]) for title, id in self.layers if id in values)]
        panels = [_panel(title, array, lines.shape) for title, array in whole]
        targets = [
            n
            for n, i in self.model.compiled.network.inputs.items()
            if n != self.input.name and i.type.rank == 1
        ]
        labels = self.given.inputs.get(targets[0]) if targets else None
        count = max([i.classes for i in self.model.compiled.network.inputs.values()] + [0])
        known = labels if labels is not None else np.zeros(len(panels[0].samples))
        return Plane(tuple(panels), self._scores(), self.low, self.high, known, count)

    def _samples(self) -> Samples:
        data = dataset(self.model)
        if data is None:
            random = np.random.default_rng(self.model.seed).uniform(-1, 1, (POINTS, 2))
            return Samples({self.input.name: random.astype(self.input.type.dtype)})
        count = min(POINTS, len(next(iter(data.train.values()))))
        return batch(self.model, data.train, count, "")

    def _lines(self) -> Array:
        """The grid: lines of constant first, then of constant second coordinate."""
        along = [np.linspace(low, high, DOTS) for low, high in zip(self.low, self.high, strict=True)]
        at = [np.linspace(low, high, LINES) for low, high in zip(self.low, self.high, strict=True)]
        first = np.stack(np.broadcast_arrays(at[0][:, None], along[1][None]), axis=-1)
        second = np.stack(np.broadcast_arrays(along[0][None], at[1][:, None]), axis=-1)
        return np.stack([first, second])

    def _at(self, points: Array) -> Samples:
        return Samples({self.input.name: points.astype(self.input.type.dtype)})

    def _scores(self) -> Array:
        """What speaks for each class at every point of the plane, or where there are no classes the value."""
        axes = [np.linspace(low, high, FIELD) for low, high in zip(self.low, self.high, strict=True)]
        points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        inputs = self._at(points).inputs
        found = self.model.predict(**inputs)
        answer = next(iter(found.values())) if isinstance(found, dict) else found
        array = self.model.device.numpy(answer)
        classes = any(i.classes for i in self.model.compiled.network.inputs.values())
        if array.ndim == 2 and array.shape[1] > 1:
            return array.reshape(FIELD, FIELD, -1)
        array = array.reshape(FIELD, FIELD)
        if classes and array.dtype.kind == "f":
            # A probability is in 0..1; a score is positive for the second class.
            threshold = 0.5 if array.min() >= 0 and array.max() <= 1 else 0.0
            return np.stack([threshold - array, array - threshold], axis=-1)
        if classes:
            return (array[..., None] == np.arange(max(2, int(array.max()) + 1))).astype(np.float64)
        return array[..., None]


def _plane_input(model: Model) -> InputSpec:
    network = model.compiled.network
    for input in network.inputs.values():
        if input.type.is_float and input.type.rank == 2 and input.type.shape[1] == 2:
            return input
    said = ", ".join(f"{name}[{', '.join(map(str, i.type.shape))}]" for name, i in network.inputs.items())
    help = f"{network.name} reads {said}; try it with spirals"
    raise DrawError("geometry draws networks that read two numbers, x[N, 2]", help)


def _panel(title: str, values: Array, shape: Sequence[int]) -> Panel:
    """A layer's values [points, width] as places in a plane."""
    flat, note = values.astype(np.float64), ""
    width = flat.shape[1]
    if width == 1:
        flat = np.concatenate([flat, np.zeros_like(flat)], axis=1)
    elif width > 2:
        centred = flat - flat.mean(axis=0)
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        share = (sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-30)
        flat = centred @ axes[:2].T
        note = f"2 principal components of {width}: {share:.0%} of the spread"
    cut = int(np.prod(shape[:-1]))
    return Panel(title, note, flat[:cut].reshape(shape), flat[cut:])
