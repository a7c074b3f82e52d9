"""Diagnostics as text: the line, the part that is meant, where each side came from, and the mend."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import category, combining, east_asian_width

from .diagnostics import Diagnostic, Span

Paint = Callable[[str, str], str]
TAB = 4
WIDTH = 110  # longer lines are cut around the part that is meant


def _plain(text: str, role: str) -> str:
    return text


def render(diagnostic: Diagnostic, paint: Paint = _plain) -> str:
    """A diagnostic as lines of text, without a newline at the end.

    `paint(text, role)` may colour it; the roles are error, warning, title, gutter, mark and help.
    """
    places: list[tuple[Span, str, Span]] = []
    if diagnostic.span:
        places.append((diagnostic.span, diagnostic.label, diagnostic.point or diagnostic.span))
    places += [(call.span, call.text, call.span) for call in reversed(diagnostic.calls)]
    gutter = max((len(str(span.line)) for span, _, _ in places), default=0)
    head = paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
    lines = [f"{head}: {paint(printable(diagnostic.title), 'title')}"]
    for span, label, point in places:
        lines += _place(span, printable(label), point, gutter, paint, diagnostic.severity)
    bar = paint("|", "gutter")
    if diagnostic.notes and places:
        lines.append(f"{' ' * gutter} {bar}")
    lines += [f"{' ' * gutter} {paint('=', 'gutter')} {printable(note)}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"{paint('help', 'help')}: {printable(diagnostic.help)}")
    return "\n".join(lines)


def _place(span: Span, label: str, point: Span, gutter: int, paint: Paint, role: str) -> list[str]:
    line, column = span.source.position(span.start)
    text = span.source.line(line)
    length = min(span.end - span.start, max(len(text) - column + 1, 0))
    before, marked = _columns(text[: column - 1]), _columns(text[: column - 1 + length])
    shown, before, marked = _cut(_shown(text), before, max(marked, before + 1))
    blank = f"{' ' * gutter} {paint('|', 'gutter')}"
    mark = paint("^" * (marked - before) + (f" {label}" if label else ""), role)
    return [
        f"{' ' * gutter}{paint('-->', 'gutter')} {printable(span.source.name)}:{point.line}:{point.column}",
        blank,
        f"{paint(f'{line:>{gutter}} |', 'gutter')} {shown}".rstrip(),
        f"{blank} {' ' * before}{mark}",
    ]


def _cut(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around columns start..end."""
    if _columns(text) <= WIDTH:
        return text, start, end
    first = max(0, start - WIDTH // 3)
    shown, column = "", 0
    for c in text:
        if first <= column < first + WIDTH:
            shown += c
        column += _columns(c)
    left = "… " if first else ""
    right = " …" if column > first + WIDTH else ""
    move = len(left) - first
    return left + shown + right, start + move, min(end, first + WIDTH) + move


def _shown(text: str) -> str:
    """A line with its tabs as spaces."""
    out = ""
    for c in text:
        out += " " * (TAB - _columns(out) % TAB) if c == "\t" else c
    return printable(out)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    width = 0
    for c in text:
        if c == "\t":
            width += TAB - width % TAB
        elif not (combining(c) or category(c) in ("Mn", "Me", "Cf")):
            width += 2 if east_asian_width(c) in "WF" else 1
    return width


def printable(text: str) -> str:
    """Control characters, which might drive the terminal, replaced."""
    return "".join("\N{REPLACEMENT CHARACTER}" if category(c) in ("Cc", "Cs") else c for c in text)
