"""What the compiler says to its user: values, rendered elsewhere."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal


@dataclass(frozen=True)
class Source:
    """One text that is being compiled. Identity counts, not content: two files may hold the same text."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        return (0, *(end.end() for end in re.finditer("\n", self.text)))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its newline."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start..end of a source, end exclusive."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From the start of this one to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that matters to a diagnostic, and why."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to tell the user.

    title: what is wrong, in one sentence without a full stop; label: a few words under the marked part;
    notes: facts, each a line (`= …`); help: what to write instead; calls: the layer calls that led here,
    outermost first; point: where in the marked part the headline's line and column are, if not at its start.
    """

    code: str
    title: str
    span: Span | None = None
    label: str = ""
    notes: tuple[str, ...] = ()
    help: str = ""
    calls: tuple[Label, ...] = ()
    severity: Literal["error", "warning"] = "error"
    point: Span | None = None

    @property
    def sort_key(self) -> tuple[str, int]:
        return (self.span.source.name, self.span.start) if self.span else ("", -1)


class SpecError(Exception):
    """A spec, an override or the data it names is wrong; `diagnostics` says what, where and how to mend
    it.
    """

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda d: d.sort_key))
        super().__init__("\n".join(self.sentence(d) for d in self.diagnostics))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """How a notebook shows it, where it is the value of a cell."""
        from .render import html, render

        plain = "\n\n".join(render(d) for d in self.diagnostics)
        return {"text/plain": plain, "text/html": html(self.diagnostics)}

    def _render_traceback_(self) -> list[str]:
        """How IPython shows it where it was raised: what is wrong with the spec, without the stack."""
        from .render import render

        return "\n\n".join(render(d) for d in self.diagnostics).split("\n")

    @staticmethod
    def sentence(d: Diagnostic) -> str:
        at = d.point or d.span
        place = f"{at.source.name}:{at.line}:{at.column}: " if at else ""
        return f"{place}{d.severity}[{d.code}]: {d.title}" + (f" ({d.help})" if d.help else "")


class InternalError(Exception):
    """A broken invariant of the compiler itself; names the stage or pass that broke it."""
