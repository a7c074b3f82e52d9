"""What to say where the grammar cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from lark import UnexpectedToken

from ..diagnostics import Diagnostic
from .layout import Lexeme
from .slips import Slip


def describe(
    mistake: UnexpectedToken | Slip, lexemes: Sequence[Lexeme], i: int, statement: int
) -> Diagnostic:
    """The diagnostic of the first mistake of a statement, met at lexeme i."""
    if isinstance(mistake, Slip):
        return mistake.diagnostic
    return Diagnostic("syntax", f"`{lexemes[i].text}` does not fit here", lexemes[i].span)
