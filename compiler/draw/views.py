"""The views of a network as DOT text, and how much of it a page can hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..extract import select
from ..ir import Graph, size_at
from ..network import Network
from .activations import join_activations
from .compose import WIDTHS, compose
from .flow import Flow
from .fold import Folded, fold
from .formula import TooLong, count_text, formula, name_text
from .look import Direction, SizeName, Theme
from .names import named as given_names
from .pages import Drawn, Paper, on_one_page, on_pages
from .part import Part, part, whole
from .picture import Picture
from .runs import fold_runs
from .update import Stepping

Joined = Literal["", "activations", "all"]
View = Literal["mirror", "ops", "cards", "steps", "neurons", "numbers", "geometry"]
Compose = Callable[[str, Folded, tuple[str, ...], Sequence[int]], list[Picture]]
# Points: of 1280×720 pixels, but for what Graphviz rounds up; of A4 across.
_PAPERS = {"slide": (958.0, 538.0), "handout": (780.0, 540.0)}
_STEPS = (960.0, 370.0)  # what the words of a step leave of a slide
_ENDLESS = 40  # for so many columns there is no page at all
_CROWDED = 18  # so many columns no page holds, and a shallower view is taken at once


class DrawError(Exception):
    """What is asked for cannot be drawn; help is a mend."""

    def __init__(self, title: str, help: str = "") -> None:
        super().__init__(title)
        self.help = help


@dataclass(frozen=True, slots=True)
class Options:
    """How a network is drawn.

    depth: how many layers inside each other are seen, None as many as a page holds. only: the full name
    of the one layer that is drawn. expand: every turn of a repeat by itself.
    update: parameters stand beside their gradients, with the step that they take. direction: that of
    the forward pass.
    """

    view: View = "mirror"
    size: SizeName = "slide"
    theme: Theme = "light"
    direction: Direction = "LR"
    depth: int | None = None
    only: str = ""
    expand: bool = False
    update: bool = False


def draw(network: Network, options: Options, compose: Compose = compose) -> Drawn:
    """A view of a network. compose: makes the pictures of a folded graph. Raises DrawError."""
    graph = drawn_graph(network, training=options.view != "cards")
    taken = _taken(graph, options.only)
    if options.update:
        compose = Stepping(network)
    paper, levels = _paper(options), _levels(options)
    pictures: list[Picture] = []
    for level in levels:
        folded = _folded(taken, level, options)
        if not folded.units:
            raise DrawError(f"{network.name} has no operation to draw")
        if len(folded.units) > _CROWDED and level != levels[-1]:
            continue
        facts = _facts(network, folded, options)
        pictures = compose(_name(network, options), folded, facts, WIDTHS)
        if len(folded.units) <= _ENDLESS:
            found = on_one_page(pictures, paper, 1.0 if options.view == "numbers" else 1.2)
            if found.readable(options.size):
                return found
        if options.view == "numbers":  # of as many nodes as can be, on as many pages as it takes
            break
    return on_pages(pictures, paper)


def _taken(graph: Graph, only: str) -> Part:
    """The layer that is drawn, or all."""
    if not only:
        return whole(graph)
    try:
        return part(graph, only)
    except KeyError as error:
        title = f"there is no layer called {only!r}"
        raise DrawError(title, f"there are {', '.join(error.args[1])}") from None


def _paper(options: Options) -> Paper:
    width, height = _STEPS if options.view == "steps" else _PAPERS[options.size]
    if options.size == "handout" and options.direction == "TB":
        width, height = height, width
    return Paper(options.size, width, height, options.theme, options.direction)


@dataclass(frozen=True, slots=True)
class _Level:
    """How much of a network is seen. joined: what has no parameters with the layer that it follows."""

    depth: int | None
    operations: bool = False
    joined: Joined = ""


def _levels(options: Options) -> tuple[_Level, ...]:
    """The levels to try, deepest first."""
    depths = (None, 2, 1) if options.depth is None else (options.depth,)
    if options.view == "ops":
        return (_Level(options.depth, operations=True),)
    if options.view == "cards":
        return tuple(_Level(depth, joined="activations") for depth in depths)
    if options.view == "numbers":
        deepest = (_Level(None, operations=True),) if options.depth is None else ()
        return (*deepest, *map(_Level, depths))
    kinds: tuple[Joined, ...] = ("", "activations", "all") if options.depth is None else ("",)
    return tuple(_Level(depth, joined=joined) for depth in depths for joined in kinds)


def _folded(taken: Part, level: _Level, options: Options) -> Folded:
    folded = fold(taken, level.depth, level.operations, options.expand)
    if level.joined:
        folded = join_activations(folded, plain=level.joined == "all")
    if len(folded.units) > _CROWDED and not options.expand:
        folded = fold_runs(folded)
    if len(folded.units) > _ENDLESS and not options.expand:
        folded = fold_runs(folded, alike=False)
    return folded


def drawn_graph(network: Network, training: bool = True) -> Graph:
    """The forward graph of the loss; without one, of the outputs or last named tensor. Raises DrawError."""
    whole = network.training if training else network.evaluating
    for kind in ("loss", "output", "value"):
        graph = select(whole, lambda r: r.kind == kind)  # noqa: B023
        if graph.results:
            return graph
    raise DrawError(f"{network.name} has nothing to draw", "add an output, a loss or a binding")


def _name(network: Network, options: Options) -> str:
    return f"{network.name}: {options.only}" if options.only else network.name


def _facts(network: Network, folded: Folded, options: Options) -> tuple[str, ...]:
    """What the title line says: the composition, how many parameters, and what the signs mean."""
    graph = folded.graph
    params = [n for n in graph if n.op == "param"]
    count = sum(size_at(n.type.elements, 1) for n in params)
    facts = [_composition(folded)] if not options.only else []
    facts += [f"{count_text(count)} parameters"] if count else []
    facts += ["rows are samples"] if any(n.op == "input" and n.type.rank == 2 for n in graph) else []
    facts += ["∂v means ∂L/∂v"] if options.view != "cards" else []
    return tuple(f for f in facts if f)


def _composition(folded: Folded, longest: int = 60) -> str:
    """The last named tensor as one formula of the inputs, if it is short."""
    graph, written = folded.graph, given_names(Flow(folded))
    named = [n for n in graph if n.name and n.op not in ("param", "input", "state") and "." not in n.name]
    if not named:
        return ""
    leaves = {n.id: written[n.id] for n in graph if n.op in ("param", "input", "state")}
    try:
        text = f"{name_text(named[-1].name)} = {formula(graph, named[-1].id, leaves)}"
    except TooLong:
        return ""
    return text if len(text) <= longest else ""
