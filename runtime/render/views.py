"""Every view of a model, by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from ...compiler.draw import DrawError, Options, draw
from ...compiler.draw.cards import cards
from ...compiler.draw.fold import Folded
from ...compiler.draw.neurons import dense_layers, neurons
from ...compiler.draw.numbers import numbers
from ...compiler.draw.pages import Drawn
from ...compiler.draw.picture import Picture
from ...compiler.draw.steps import Measured, steps
from ...compiler.draw.values import Values
from ...compiler.draw.views import Compose, View, drawn_graph
from ...compiler.network import Network
from ..answers import class_names
from ..data.batches import length
from ..model import Model
from ..opening import known_columns
from ..place import EpochDone
from ..train import Event
from .drawing import Appearance, Drawing
from .gallery import Gallery, image_shape
from .geometry import Figure
from .plane import Geometry, Plane
from .steps_view import Steps
from .values import Samples, batch, dataset, evaluate, first

TINY = 2  # samples whose numbers are shown
_NOT_TAKEN: dict[View, tuple[str, ...]] = {
    "neurons": ("only", "depth", "expand", "update"),
    "geometry": ("only", "depth", "expand", "update", "direction"),
}
_LABELS = 13.0  # points, of the smallest text among neurons


class Shown(Protocol):
    """A view that shows itself in notebooks and saves itself."""

    @property
    def drawn(self) -> Drawn: ...

    def save(self, path: str | Path, say: Callable[[str], None] = ...) -> tuple[Path, ...]: ...

    def _repr_html_(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Given:
    """What a view is drawn from besides the network.

    samples: whose values it shows; without them the first of the training data, where a view needs some.
    trained: what a picture says of the parameters ('after epoch 30'); '' where they are starting values.
    """

    samples: Samples | None = None
    trained: str = ""

    @property
    def parameters(self) -> str:
        return self.trained or "starting values"


def show(model: Model, options: Options, theme: Appearance = "auto", given: Given | None = None) -> Shown:
    """A view of a model. Raises DrawError, RenderError."""
    usual = Options(options.view)
    odd = [n for n in _NOT_TAKEN.get(options.view, ()) if getattr(options, n) != getattr(usual, n)]
    if odd:
        raise DrawError(f"the {options.view} view shows the whole network, and takes no {', '.join(odd)}")
    return _VIEWS[options.view](model, options, theme, given or Given())


def _mirror(model: Model, options: Options, theme: Appearance, given: Given) -> Drawing:
    return Drawing(model.compiled.network, options, theme)


def _cards(model: Model, options: Options, theme: Appearance, given: Given) -> Drawing:
    network, samples = model.compiled.network, given.samples
    graph = drawn_graph(network, training=False)
    ids = [node.id for node in graph if node.op not in ("constant", "size")]
    values = evaluate(model, graph, ids, samples) if samples is not None else Values()
    params = {n.id: model.device.numpy(model.memory[n.name]) for n in graph if n.op == "param"}
    gallery = Gallery(graph, values.forward, params if given.trained else {}, image_shape(network))
    notes = (samples.origin, given.parameters) if samples is not None else (given.trained,)
    make = partial(_noted, notes=notes, compose=partial(cards, gallery=gallery))
    return Drawing(network, options, theme, make, gallery.files)


def _numbers(model: Model, options: Options, theme: Appearance, given: Given) -> Drawing:
    samples = given.samples or first(model, TINY)

    graph = drawn_graph(model.compiled.network)

    def evaluated(ids: Sequence[int]) -> Values:
        return evaluate(model, graph, ids, samples, ids)

    notes = (samples.origin, given.parameters)
    make = partial(_noted, notes=notes, compose=partial(numbers, evaluate=evaluated))
    return Drawing(model.compiled.network, options, theme, make)


def _noted(network: Network, options: Options, notes: tuple[str, ...], compose: Compose) -> Drawn:
    """A picture with notes behind what its title says."""

    def noted(name: str, folded: Folded, facts: tuple[str, ...], widths: Sequence[int]) -> list[Picture]:
        return compose(name, folded, (*facts, *filter(None, notes)), widths)

    return draw(network, options, noted)


def _neurons(model: Model, options: Options, theme: Appearance, given: Given) -> Drawing:
    network = model.compiled.network
    layers = dense_layers(drawn_graph(network, training=False))
    if not layers:
        raise DrawError(
            f"{network.name} has no dense layers, whose neurons could be drawn", "try --view cards"
        )
    weights = {layer.param: model.parameters[layer.param] for layer in layers}
    columns = known_columns(model)
    named = [class_names(network, name, columns) for name, i in network.inputs.items() if i.classes]
    classes = next((names for names in named if len(names) == layers[-1].size_out), ())

    def make(network: Network, options: Options) -> Drawn:
        look = options.theme, options.direction
        dot = neurons(network.name, layers, weights, classes, given.parameters, *look)
        return Drawn((dot,), _LABELS)

    return Drawing(network, options, theme, make)


def _steps(model: Model, options: Options, theme: Appearance, given: Given) -> Steps:
    network = model.compiled.network
    data, samples = dataset(model), None
    if data is not None and network.train is not None:
        samples = batch(model, data.train, min(network.train.batch, length(data.train)), "")
    loss: float | None = None
    if samples is not None:
        graph = drawn_graph(network)
        ids = list(graph.of_kind("loss").values())
        loss = next((float(v) for v in evaluate(model, graph, ids, samples).forward.values()), None)
    found = steps(network, Measured(length(data.train) if data is not None else None, loss))
    return Steps(Drawing(network, options, theme), found)


def _geometry(model: Model, options: Options, theme: Appearance, given: Given) -> Figure:
    geometry = Geometry(model)
    return Figure(model.compiled.network.name, [geometry.plane()], [given.parameters], theme)


def over_training(model: Model, theme: Appearance = "auto", moments: int = 20) -> Figure:
    """The geometry at moments of a training from its start, which trains the model.

    Raises DrawError, RenderError, SpecError.
    """
    geometry = Geometry(model)
    kept: list[tuple[str, Plane]] = [("starting values", geometry.plane())]

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            kept.append((f"after epoch {event.epoch}", geometry.plane()))

    model.fit(listener=listen)
    chosen = sorted({round(k * (len(kept) - 1) / (moments - 1)) for k in range(moments)})
    notes, planes = zip(*(kept[k] for k in chosen), strict=True)
    return Figure(model.compiled.network.name, planes, notes, theme)


_VIEWS: dict[str, Callable[[Model, Options, Appearance, Given], Shown]] = {
    "mirror": _mirror,
    "ops": _mirror,
    "cards": _cards,
    "steps": _steps,
    "neurons": _neurons,
    "numbers": _numbers,
    "geometry": _geometry,
}
