"""netc show"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from textwrap import fill

import click

from ..compiler import library
from ..console import fail, paint, result

WRONG = 1


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """The definition of a standard layer, loss or optimizer.

    Without NAME, what there is.
    """
    text = None if name is None else library.definition(name)
    if text is not None:
        result(text)
        return 0
    from .. import primitives  # which need the compiler, the definitions in .net its parser alone

    if name is None:
        _list(primitives.functions(), primitives.initialisers())
    elif (text := primitives.definition(name)) is not None:
        result(text)
    else:
        known = [*library.names(), *primitives.functions(), *primitives.initialisers()]
        near = get_close_matches(name, known, 3)
        help = f"did you mean {' or '.join(near)}?" if near else "`netc show` lists what there is"
        fail(f"there is nothing called {name} in the standard library", help)
        return WRONG
    return 0


def _list(functions: Sequence[str], initialisers: Sequence[str]) -> None:
    sections = [
        (file.source.name.removeprefix("std/").removesuffix(".net"), _subject(file), file.names)
        for file in library.library()
    ]
    written = set(library.names())
    primitives = tuple(sorted(name for name in functions if name not in written))
    sections.append(("primitives", "What all else is made of.", primitives))
    sections.append(
        ("initialisers", "What parameters start from: param W[3, 4] ~ glorot", tuple(initialisers))
    )
    for title, subject, names in sections:
        result(f"{paint(title, 'heading')}   {paint(subject, 'dim')}")
        result(fill(" ".join(names), 78, initial_indent="    ", subsequent_indent="    "))
    result("\n`netc show NAME` shows one of them")


def _subject(file: library.LibraryFile) -> str:
    """What a file's first line says."""
    return file.source.line(1).removeprefix("#").strip()
