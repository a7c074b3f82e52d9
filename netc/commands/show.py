"""netc show"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from string import Formatter
from textwrap import fill

import click

from ..compiler import library
from ..compiler.initialisers import INITIALISERS
from ..compiler.lower.functions import FUNCTIONS, Function
from ..compiler.ops.op import REGISTRY
from ..console import fail, paint, result

WRONG = 1


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """The definition of a standard layer, loss or optimizer.

    Without NAME, what there is.
    """
    if name is None:
        _list()
        return 0
    text = _definition(name)
    if text is None:
        near = get_close_matches(name, [*library.names(), *FUNCTIONS, *INITIALISERS], 3)
        help = f"did you mean {' or '.join(near)}?" if near else "`netc show` lists what there is"
        fail(f"there is nothing called {name} in the standard library", help)
        return WRONG
    result(text)
    return 0


def _definition(name: str) -> str | None:
    if (text := library.definition(name)) is not None:
        return text
    if name in FUNCTIONS:
        return _primitive(FUNCTIONS[name])
    if name in INITIALISERS:
        return f"param W[…] ~ {_initialiser(name)}"
    return None


def _primitive(function: Function) -> str:
    """A function that is not written in .net: how it is called, and its formula where it is one operation."""
    lines = [f"# {line}".rstrip() for line in (inspect.getdoc(function.build) or "").splitlines()]
    lines.append(function.signature)
    op = REGISTRY.get(function.name)
    formula = _formula(op.math, [p.name for p in function.parameters]) if op is not None else ""
    if formula and not formula.startswith(f"{function.name}("):
        lines.append(f"    = {formula}")
    return "\n".join((*lines, "# a primitive: it is not written in .net"))


class _Names(dict[str, str]):
    """Every attribute stands for itself."""

    def __missing__(self, key: str) -> str:
        return key


def _formula(math: str, names: list[str]) -> str:
    """The formula with its arguments' names for operands."""
    return Formatter().vformat(math, names, _Names(operands=", ".join(names)))


def _initialiser(name: str) -> str:
    parameters = INITIALISERS[name].parameters
    texts = [p.name if p.default is None else f"{p.name} = {p.default:g}" for p in parameters]
    return f"{name}({', '.join(texts)})" if texts else name


def _list() -> None:
    sections = [
        (file.source.name.removeprefix("std/").removesuffix(".net"), _subject(file), file.names)
        for file in library.library()
    ]
    written = set(library.names())
    primitives = tuple(sorted(name for name in FUNCTIONS if name not in written))
    sections.append(("primitives", "What all else is made of.", primitives))
    sections.append(
        ("initialisers", "What parameters start from: param W[3, 4] ~ glorot", tuple(INITIALISERS))
    )
    for title, subject, names in sections:
        result(f"{paint(title, 'heading')}   {paint(subject, 'dim')}")
        result(fill(" ".join(names), 78, initial_indent="    ", subsequent_indent="    "))
    result("\n`netc show NAME` shows one of them")


def _subject(file: library.LibraryFile) -> str:
    """What a file's first line says."""
    return file.source.line(1).removeprefix("#").strip()
