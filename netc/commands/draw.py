"""netc draw"""

from __future__ import annotations

from typing import Any

import click

from ..compiler.draw import DrawError, Options
from ..compiler.draw.views import LEAST
from ..console import fail, result, say
from ..locate import find
from ..runtime.opening import compile_source
from ..runtime.render import Drawing, RenderError
from . import arguments


@click.command()
@arguments.spec
@arguments.overrides
@click.option("--view", type=click.Choice(["mirror", "ops"]), default="mirror", help="What is drawn.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="A .svg, .png, .pdf, .html or .dot file."
)
@click.option("--size", type=click.Choice(["slide", "handout"]), default="slide", help="What it is for.")
@click.option("--fold/--expand", default=True, help="Repeats once, or each turn by itself.")
@click.option("--update", is_flag=True, help="Parameters beside their gradients, with the step.")
@click.option("--depth", type=click.IntRange(1), help="How many layers inside each other are opened.")
@click.option("--only", metavar="LAYER", default="", help="One layer, by its full name.")
@click.option("--theme", type=click.Choice(["light", "dark", "auto"]), default="auto", help="Its colours.")
def command(
    spec: str,
    overrides: arguments.Overrides,
    output: str | None,
    theme: Any,
    fold: bool,
    only: str,
    **options: Any,
) -> int:
    """Draw a network: its layers, and aligned beneath them their gradients.

    Without -o the picture goes to NAME.svg. --expand, --depth and --only choose how much of it is seen.
    """
    found = find(spec)
    network = compile_source(found.source, found.base, overrides.dims, overrides.train).network
    try:
        drawing = Drawing(network, Options(only=only, expand=not fold, **options), theme)
        path = drawing.save(output or f"{found.name}.svg", say)
    except (DrawError, RenderError) as error:
        fail(str(error), error.help)
        return 1
    smallest, least = drawing.drawn.smallest, LEAST[options["size"]]
    if smallest < least:
        small = f"its smallest text is {smallest:.1f} points on a {options['size']}"
        say(f"{small}: --depth or --only show less at a time")
    result(str(path))
    return 0
