"""The views of a network as DOT text, and how much of it a page can hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from ..extract import select
from ..ir import Graph, size_at
from ..network import Network
from .compose import NARROW, WIDE, compose
from .flow import Flow
from .fold import Folded, fold
from .formula import TooLong, count_text, formula, name_text
from .layout import layout
from .look import DENSE, HANDOUT, SLIDE, Size, SizeName, Theme
from .mirror import mirror
from .names import named as given_names
from .part import part
from .picture import Picture
from .places import Path
from .rows import rows
from .runs import fold_runs
from .update import Stepping

View = Literal["mirror", "ops", "cards", "steps", "neurons", "numbers", "geometry"]
Compose = Callable[[str, Folded, tuple[str, ...], Sequence[int]], list[Picture]]
_PAGES = {"slide": (960.0, 540.0), "handout": (780.0, 540.0)}  # points: 1280×720 pixels; A4 across
LEAST = {"slide": 10.0, "handout": 7.0}  # points that can still be read there
_MOST_ROWS = 6
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

    depth: how many layers inside each other are seen, None as many as the page holds. only: the full name
    of the one layer that is drawn. expand: every turn of a repeat by itself.
    update: parameters stand beside their gradients, with the step that they take.
    """

    view: View = "mirror"
    size: SizeName = "slide"
    theme: Theme = "light"
    depth: int | None = None
    only: str = ""
    expand: bool = False
    update: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """DOT text, and the size of its smallest text on the page, in points."""

    dot: str
    smallest: float

    def readable(self, size: SizeName) -> bool:
        return self.smallest >= LEAST[size]


def draw(network: Network, options: Options, compose: Compose = compose) -> Drawn:
    """A view of a network. compose: makes the pictures of a folded graph. Raises DrawError."""
    graph = drawn_graph(network, training=options.view != "cards")
    within: Path = ()
    given: frozenset[int] = frozenset()
    if options.only:
        try:
            inner = part(graph, options.only)
        except KeyError as error:
            title = f"there is no layer called {options.only!r}"
            raise DrawError(title, f"there are {', '.join(error.args[1])}") from None
        graph, within, given = inner.graph, inner.path, inner.given
    if options.update:
        compose = Stepping(network)
    best: Drawn | None = None
    levels = _levels(options)
    for depth, operations in levels:
        folded = fold(graph, depth, operations, options.expand, within, given)
        if not folded.units:
            raise DrawError(f"{network.name} has no operation to draw")
        if len(folded.units) > _CROWDED and not options.expand:
            folded = fold_runs(folded)
        if len(folded.units) > _ENDLESS and not options.expand:
            folded = fold_runs(folded, alike=False)
        if (depth, operations) != levels[-1] and len(folded.units) > _CROWDED:
            continue
        facts = _facts(network, folded, options)
        found = _fitted(compose(_name(network, options), folded, facts, (NARROW, WIDE)), options)
        if best is None or found.smallest > best.smallest:
            best = found
        if found.readable(options.size):
            return found
    assert best is not None
    return best


def drawn_graph(network: Network, training: bool = True) -> Graph:
    """The forward graph of the loss; without one, of the outputs or last named tensor. Raises DrawError."""
    whole = network.training if training else network.evaluating
    for kind in ("loss", "output", "value"):
        graph = select(whole, lambda r: r.kind == kind)  # noqa: B023
        if graph.results:
            return graph
    raise DrawError(f"{network.name} has nothing to draw", "add an output, a loss or a binding")


def _levels(options: Options) -> tuple[tuple[int | None, bool], ...]:
    """The depths to try, deepest first, and whether every operation is seen."""
    operations = options.view in ("ops", "numbers")
    if options.depth is not None:
        return ((options.depth, options.view == "ops"),)
    levels = ((None, True),) if operations else ()
    return levels if options.view == "ops" else (*levels, (None, False), (2, False), (1, False))


def _fitted(pictures: Sequence[Picture], options: Options) -> Drawn:
    """In the type, box width and number of rows that leave the text largest on the page."""
    best: tuple[float, Size, tuple[Picture, ...]] | None = None
    sizes = (SLIDE, DENSE) if options.size == "slide" else (HANDOUT,)
    enough = LEAST[options.size] * 1.2
    for size, picture, count, even in product(sizes, pictures, range(1, _MOST_ROWS + 1), (False, True)):
        if count == 1 and even:
            continue
        parts = rows(picture, count, size, even)
        if len(parts) < count:
            continue
        smallest = min(_smallest(parts, size, options), enough)
        if best is None or smallest > best[0] + 0.05:
            best = (smallest, size, parts)
    assert best is not None
    smallest, size, parts = best
    return Drawn(mirror(parts, size, options.theme), smallest)


def _smallest(parts: tuple[Picture, ...], size: Size, options: Options) -> float:
    """The size of the smallest text when the picture is fitted into the page."""
    page = _PAGES[options.size]
    found = layout(parts, size)
    return min(page[0] / found.width, page[1] / found.height, 1.0) * min(size.muted, size.edge)


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
