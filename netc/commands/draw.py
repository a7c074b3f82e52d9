"""netc draw"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from ..compiler.draw import DrawError, Options
from ..compiler.draw.pages import LEAST
from ..compiler.draw.views import View
from ..console import fail, result, say
from ..locate import Spec, find
from ..runtime.opening import compile_source
from ..runtime.render import Drawing, RenderError
from . import arguments

if TYPE_CHECKING:
    from ..runtime.render.views import Shown

_PAGE = ("steps",)  # views that are a page unless a file is named


@click.command()
@arguments.spec
@arguments.overrides
@click.option("--view", type=click.Choice(get_args(View)), default="mirror", help="What is drawn.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="A .svg, .png, .pdf, .html or .dot file."
)
@click.option("--size", type=click.Choice(["slide", "handout"]), default="slide", help="What it is for.")
@click.option("--fold/--expand", default=True, help="Repeats once, or each turn by itself.")
@click.option("--update", is_flag=True, help="Parameters beside their gradients, with the step.")
@click.option("--depth", type=click.IntRange(1), help="How many layers inside each other are opened.")
@click.option("--only", metavar="LAYER", default="", help="One layer, by its full name.")
@click.option(
    "--direction", type=click.Choice(["LR", "TB"]), default="LR", help="From left to right, or from the top."
)
@click.option("--theme", type=click.Choice(["light", "dark", "auto"]), default="auto", help="Its colours.")
@arguments.checkpoint
@click.option("--sample", "given", metavar="INDEX|FILE", help="What cards and numbers show the values of.")
@click.option("--over-training", is_flag=True, help="The geometry while it is trained, as .html or .gif.")
def command(
    spec: str,
    overrides: arguments.Overrides,
    output: str | None,
    theme: Any,
    fold: bool,
    only: str,
    checkpoint: Path | None,
    given: str | None,
    over_training: bool,
    **options: Any,
) -> int:
    """A picture of a network: its layers, and beneath them their gradients.

    \b
    mirror    layers from left to right, gradients beneath them
    ops       the same, operation by operation
    cards     a card a layer, with activations and filters
    steps     a page that goes through the seven steps of training
    neurons   circles and lines, weights by their width
    numbers   the values and gradients of a small batch
    geometry  what layers do to the plane, for two inputs

    Without -o the picture goes to NAME.svg, and one that a page cannot hold to NAME-1.svg and so on.
    --expand, --depth and --only choose how much of it is seen.
    Cards, neurons, numbers and geometry show the newest run's parameters, or those of --checkpoint.
    """
    found = find(spec)
    chosen = Options(only=only, expand=not fold, **options)
    if over_training and chosen.view != "geometry":
        raise click.UsageError("--over-training is for --view geometry")
    page = chosen.view in _PAGE or over_training
    try:
        drawing = _drawing(found, overrides, chosen, theme, checkpoint, given, over_training)
        paths = drawing.save(output or f"{found.name}.{'html' if page else 'svg'}", say)
    except (DrawError, RenderError) as error:
        fail(str(error), error.help)
        return 1
    smallest, least = drawing.drawn.smallest, LEAST[chosen.size]
    if smallest < least:
        small = f"its smallest text is {smallest:.1f} points on a {chosen.size}"
        say(f"{small}: --depth or --only show less at a time")
    for path in paths:
        result(str(path))
    return 0


def _drawing(
    spec: Spec,
    overrides: arguments.Overrides,
    options: Options,
    theme: Any,
    checkpoint: Path | None,
    given: str | None,
    over_training: bool,
) -> Shown:
    """The view. Those that show no values need no model, whose parameters may be many."""
    if options.view in ("mirror", "ops"):
        network = compile_source(spec.source, spec.base, overrides.dims, overrides.train).network
        return Drawing(network, options, theme)
    from ..pictured import pictured, sample
    from ..runtime.render.views import Given, show
    from ..runtime.render.views import over_training as film

    trains = options.view == "steps" or over_training
    model, trained = pictured(spec, overrides, checkpoint, newest=not trains)
    if over_training:
        return film(model, theme)
    samples = sample(model, given) if given is not None else None
    return show(model, options, theme, Given(samples, trained))
