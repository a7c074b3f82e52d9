"""What people see: diagnostics, notes, and colour where there is a terminal that wants it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import IO, Any

import click

from .compiler.diagnostics import Diagnostic, Span

_STYLES: Mapping[str, Mapping[str, Any]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "title": {"bold": True},
    "gutter": {"fg": "blue", "bold": True},
    "help": {"fg": "cyan", "bold": True},
    "heading": {"bold": True},
    "dim": {"dim": True},
    "good": {"fg": "green"},
    "best": {"fg": "green", "bold": True},
}


def coloured(stream: IO[Any]) -> bool:
    """Whether to colour what goes there: a terminal that knows colours, unless NO_COLOR is set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def paint(text: str, role: str, stream: IO[Any] | None = None) -> str:
    """The text in the colours of its role, if its stream (standard output) is for colours."""
    return click.style(text, **_STYLES.get(role, {})) if coloured(stream or sys.stdout) else text


def say(text: str) -> None:
    """A message: it goes to standard error, where it does not mix with results."""
    click.echo(text, err=True, color=True)


def result(text: str) -> None:
    """A line of the result."""
    click.echo(text, color=True)


def sentence(text: str) -> None:
    """A sentence of the result, broken between words where a terminal is narrower."""
    width = columns(sys.stdout)
    result(text if width is None else fill(text, width, break_long_words=False, break_on_hyphens=False))


def report(diagnostics: Iterable[Diagnostic]) -> None:
    """Show diagnostics on standard error, with an empty line between them."""
    from .compiler.render import render

    for i, diagnostic in enumerate(diagnostics):
        if i:
            say("")
        say(render(diagnostic, lambda text, role: paint(text, role, sys.stderr), columns(sys.stderr)))


def columns(stream: IO[Any]) -> int | None:
    """The columns of a terminal; None for what is no terminal."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def fail(title: str, help: str = "") -> None:
    """Say what went wrong, in the manner of a diagnostic without a place."""
    asks = help.endswith("?")
    title = f"{title}; {help}" if asks else title
    say(f"{paint('error', 'error', sys.stderr)}: {paint(title, 'title', sys.stderr)}")
    if help and not asks:
        say(f"{paint('help', 'help', sys.stderr)}: {help}")


def plain(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as JSON holds it. Lines and columns count from 1, offsets from 0."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "title": diagnostic.title,
        "place": _place(diagnostic.span),
        "label": diagnostic.label,
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "calls": [{"place": _place(call.span), "label": call.text} for call in diagnostic.calls],
    }


def _place(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
        "start": span.start,
        "end": span.end,
    }
