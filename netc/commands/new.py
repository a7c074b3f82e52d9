"""netc new"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import click

from ..console import fail, result, say
from ..locate import examples
from ..runtime.atomic import replace

WRONG = 1


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--like", metavar="EXAMPLE", default="digits", show_default=True, help="The example to begin from."
)
def command(file: Path, like: str) -> int:
    """Write a commented starting point.

    It is a copy of an example that ships with netc. A file that exists is left alone.
    """
    known = examples()
    if like not in known:
        near = get_close_matches(like, list(known), 1)
        help = f"did you mean {near[0]}?" if near else f"the examples are {', '.join(known)}"
        fail(f"there is no example called {like}", help)
        return WRONG
    path = file if file.suffix else file.with_suffix(".net")
    first, _, rest = known[like].partition("\n")
    text = f"{first.replace(f'{like}.net', path.name, 1)}\n{rest}"
    if path.exists():
        fail(f"{path} exists already", "name another file")
        return WRONG
    replace(path, text.encode())
    result(str(path))
    say(f"next: netc check {path}, then netc train {path}")
    return 0
