"""netc explain"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from textwrap import fill, indent

import click

from ..compiler.diagnostics import Diagnostic, Source, SpecError
from ..compiler.render import render
from ..console import fail, paint, result
from ..overrides import expressions
from ..pages import PAGES, Page

WRONG = 1


@click.command()
@click.argument("what", metavar="CODE", required=False)
def command(what: str | None) -> int:
    """What the code of a message means, with an example and its mend.

    CODE is the word in the brackets of error[shape]. Without it, all codes.
    """
    if what is None:
        width = max(map(len, PAGES))
        for code, page in PAGES.items():
            result(f"{paint(f'{code:<{width}}', 'heading')}   {page.title}")
        return 0
    code = what.lower().removeprefix("error[").removeprefix("warning[").removesuffix("]")
    if code not in PAGES:
        near = get_close_matches(code, PAGES, 1)
        fail(f"there is no code {what}", f"did you mean {near[0]}?" if near else "`netc explain` lists them")
        return WRONG
    _show(code, PAGES[code])
    return 0


def _show(code: str, page: Page) -> None:
    result(f"{paint(code, 'heading')}: {page.title}\n\n{fill(page.text, 78)}")
    if page.wrong is None:
        return
    told = messages(page)
    result(f"\n{paint('wrong', 'heading')}\n\n{indent(page.wrong.rstrip(), '    ')}\n")
    for diagnostic in told:
        result(indent(render(diagnostic, lambda text, role: paint(text, role, sys.stdout)), "    "))
    if page.right != page.wrong:
        result(f"\n{paint('right', 'heading')}\n\n{indent(page.right.rstrip(), '    ')}")


def messages(page: Page) -> tuple[Diagnostic, ...]:
    """What is said about a page's wrong example."""
    from ..runtime.opening import compile_source

    try:
        source = Source("example.net", page.wrong or "")
        return compile_source(source, Path(), expressions(page.overrides)).network.warnings
    except SpecError as error:
        return error.diagnostics
