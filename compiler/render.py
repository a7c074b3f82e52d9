"""Diagnostics as text: the line, the part that is meant, where each side came from, and the mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from textwrap import wrap
from unicodedata import category, combining, east_asian_width

from .diagnostics import Diagnostic, Span

Paint = Callable[[str, str], str]
TAB = 4
WIDTH = 110  # longer lines are cut around the part that is meant
FAR = 1000  # characters beside it that are looked at: a line may have millions
_OPEN, _SHUT, _END = "\x01", "\x02", "\x03"  # what no printable text holds, in the place of tags
_COLOURS = {
    "error": "color:#c62828;font-weight:600", "warning": "color:#b26a00;font-weight:600",
    "title": "font-weight:600", "gutter": "color:#5c7cba", "help": "color:#00799a;font-weight:600",
}  # fmt: skip


def _plain(text: str, role: str) -> str:
    return text


def render(diagnostic: Diagnostic, paint: Paint = _plain, width: int | None = None) -> str:
    """A diagnostic as lines of text, without a newline at the end.

    `paint(text, role)` may colour it; the roles are error, warning, title, gutter, mark and help. width: of
    the terminal; without it, sentences are one line each, and long lines of the source are cut.
    """
    places: list[tuple[Span, str, Span]] = []
    if diagnostic.span:
        places.append((diagnostic.span, diagnostic.label, diagnostic.point or diagnostic.span))
    places += [(call.span, call.text, call.span) for call in reversed(diagnostic.calls)]
    gutter = max((len(str(span.line)) for span, _, _ in places), default=0)
    word = f"{diagnostic.severity}[{diagnostic.code}]"
    head = paint(word, diagnostic.severity)
    asks = diagnostic.help.endswith("?")  # of the title, and so read with it
    title = f"{diagnostic.title}; {diagnostic.help}" if asks else diagnostic.title
    lines = _sentence(f"{head}: ", len(word) + 2, title, width, lambda t: paint(t, "title"))
    room = WIDTH if width is None else max(width - gutter - 8, 16)
    for span, label, point in places:
        lines += _place(span, printable(label), point, gutter, paint, diagnostic.severity, room)
    bar = paint("|", "gutter")
    if diagnostic.notes and places:
        lines.append(f"{' ' * gutter} {bar}")
    for note in diagnostic.notes:
        lines += _sentence(f"{' ' * gutter} {paint('=', 'gutter')} ", gutter + 3, note, width, str)
    if diagnostic.help and not asks:
        lines += _sentence(f"{paint('help', 'help')}: ", 6, diagnostic.help, width, str)
    return "\n".join(lines)


def html(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics for a notebook, in colours that can be read on light and on dark."""

    def paint(text: str, role: str) -> str:
        style = _COLOURS.get(role, "")
        return f"{_OPEN}{style}{_SHUT}{text}{_END}" if style else text

    text = escape("\n\n".join(render(d, paint) for d in diagnostics))
    for mark, tag in ((_OPEN, '<span style="'), (_SHUT, '">'), (_END, "</span>")):
        text = text.replace(mark, tag)
    return f'<pre style="line-height:1.3">{text}</pre>'


def _sentence(head: str, indent: int, text: str, width: int | None, paint: Callable[[str], str]) -> list[str]:
    """A sentence behind its head, broken between words if a width is given."""
    text = printable(text)
    room = len(text) if width is None else max(width - indent, 12)
    broken = wrap(text, max(room, 1), break_long_words=False, break_on_hyphens=False) or [""]
    parts = broken if width is not None else [text]
    return [(head if i == 0 else " " * indent) + paint(part) for i, part in enumerate(parts)]


def _place(span: Span, label: str, point: Span, gutter: int, paint: Paint, role: str, room: int) -> list[str]:
    line, column = span.source.position(span.start)
    before = max(column - 1 - FAR, 0)
    text = span.source.line(line)[before : column - 1 + FAR]
    column -= before
    length = min(span.end - span.start, max(len(text) - column + 1, 0))
    before, marked = _columns(text[: column - 1]), _columns(text[: column - 1 + length])
    shown, before, marked = _cut(_shown(text), before, max(marked, before + 1), room)
    blank = f"{' ' * gutter} {paint('|', 'gutter')}"
    mark = paint("^" * (marked - before) + (f" {label}" if label else ""), role)
    return [
        f"{' ' * gutter}{paint('-->', 'gutter')} {printable(span.source.name)}:{point.line}:{point.column}",
        blank,
        f"{paint(f'{line:>{gutter}} |', 'gutter')} {shown}".rstrip(),
        f"{blank} {' ' * before}{mark}",
    ]


def _cut(text: str, start: int, end: int, room: int) -> tuple[str, int, int]:
    """The part of a long line around columns start..end."""
    if _columns(text) <= room:
        return text, start, end
    first = max(0, start - room // 3)
    shown, column = "", 0
    for c in text:
        if first <= column < first + room:
            shown += c
        column += _columns(c)
    left = "… " if first else ""
    right = " …" if column > first + room else ""
    move = len(left) - first
    return left + shown + right, start + move, min(end, first + room) + move


def _shown(text: str) -> str:
    """A line with its tabs as spaces."""
    out, column = "", 0
    for c in text:
        width = TAB - column % TAB if c == "\t" else _columns(c)
        out += " " * width if c == "\t" else c
        column += width
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
