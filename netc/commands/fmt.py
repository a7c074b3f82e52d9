"""netc fmt"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from ..compiler.canonical import canonical
from ..compiler.diagnostics import SpecError
from ..console import paint, report, result, say
from ..locate import find
from ..runtime.atomic import replace

WRONG = 1


@click.command()
@click.argument("specs", metavar="SPEC…", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Change nothing; show what would change, with status 1.")
def command(specs: tuple[str, ...], check: bool) -> int:
    """Give files one canonical layout: spaces and indentation, never a word, line break or comment.

    What stands aligned in neighbouring lines stays aligned. `-` reads standard input and writes the result.
    """
    return max(_format(spec, check) for spec in specs)


def _format(spec: str, check: bool) -> int:
    try:
        found = find(spec)
        text = canonical(found.source)
    except SpecError as error:
        report(error.diagnostics)
        return WRONG
    old = found.source.text
    if check:
        if text == old:
            return 0
        for line in difflib.unified_diff(old.splitlines(), text.splitlines(), spec, "formatted", lineterm=""):
            result(paint(line, "good" if line[:1] == "+" else "error" if line[:1] == "-" else "dim"))
        return WRONG
    if spec == "-" or not Path(spec).exists():  # an example that ships with netc
        result(text.rstrip("\n"))
    elif text != old:
        replace(Path(spec), text.encode())
        say(f"{spec}: {paint('formatted', 'good', sys.stderr)}")
    return 0
