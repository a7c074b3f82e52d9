"""What to say where the grammar cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from lark import UnexpectedToken

from ..diagnostics import Diagnostic
from .beginnings import wrong_beginning
from .layout import Lexeme
from .parts import wrong_part
from .place import OPERATORS, Place
from .signs import closes_nothing, wrong_sign
from .slips import Slip
from .values import wrong_value

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_SIGNS = {
    "EQUALS": "=",
    "TILDE": "~",
    "BECOMES": "<-",
    "LBRACE": "{",
    "LSET": "{",
    "RBRACE": "}",
    "RPAR": ")",
    "RSQB": "]",
    "LSQB": "[",
    "COMMA": ",",
    "COLON": ":",
    "AS": "as",
}


def describe(
    mistake: UnexpectedToken | Slip, lexemes: Sequence[Lexeme], i: int, statement: int
) -> Diagnostic:
    """The diagnostic of the first mistake of a statement, met at lexeme i."""
    expected = frozenset() if isinstance(mistake, Slip) else frozenset(mistake.expected)
    place = Place(lexemes, i, statement, expected)
    slip = _unclosed(place)
    if slip is None and isinstance(mistake, Slip):
        slip = mistake
    slip = slip or _unopened(place)
    explanations = (wrong_sign, wrong_beginning, wrong_part, wrong_value)
    if place.block and place.block.type == "LSET" and place.position == 1:
        explanations = (wrong_beginning, *explanations)
    for explain in explanations:
        slip = slip or explain(place)
    return (slip or _unexpected(place)).diagnostic


def _unclosed(place: Place) -> Slip | None:
    """An opener of this statement that is never closed comes before whatever follows from it."""
    k = place.i
    if place.found.type == "OPEN_STRING":  # which hides the closer
        return None
    while place.lexemes[k].statement == place.statement:
        lexeme = place.lexemes[k]
        if lexeme.type == "UNCLOSED":
            closer = _CLOSERS[lexeme.text]
            wrong = [x for x in place.lexemes[place.i : k + 2] if x.type in ("RPAR", "RSQB", "STRAY_CLOSER")]
            notes = [
                f"the `{x.text}` in column {x.span.column} does not close it"
                for x in wrong
                if x.text != closer
            ]
            title = f"this `{lexeme.text}` is never closed"
            return Slip(lexeme.span, title, "opened here", f"add `{closer}`", tuple(notes[:1]))
        k += 1
    return None


def _unopened(place: Place) -> Slip | None:
    """A closer of nothing later in the statement tells what is wrong before it."""
    rest = place.lexemes[place.i :]
    closers = (x for x in rest if x.statement == place.statement and x.type == "STRAY_CLOSER")
    closer = next((x for x in closers if x.text != "}"), None)
    return None if closer is None else closes_nothing(closer)


def _unexpected(place: Place) -> Slip:
    glued = (
        place.before.span.end == place.found.span.start and place.found.span.end == place.following.span.start
    )
    if glued and place.before.type == place.following.type == "NAME" and place.found.type in OPERATORS:
        span = place.before.span.to(place.following.span)
        return Slip(span, f"a name cannot have `{place.found.text}` in it: names are letters, digits and _")
    wanted = _wanted(place.expected)
    expected = f": expected {wanted}" if wanted else ""
    if place.at_end:
        return Slip(place.gap, f"this statement is not complete{expected}")
    return Slip(place.found.span, f"`{place.found.text}` does not fit here{expected}")


def _wanted(expected: frozenset[str]) -> str:
    """The tokens that would fit, in the words of a user."""
    words: list[str] = []
    if {"NAME", "NUMBER"} <= expected:
        words.append("a value")
    elif "NAME" in expected:
        words.append("a name")
    elif "STRING" in expected:
        words.append("a text in quotes")
    if expected.intersection(OPERATORS) - {"MINUS", "NOT"}:
        words.append("an operator")
    if "ARROW" in expected:
        words.append("`->`")
    words += dict.fromkeys(f"`{sign}`" for type, sign in _SIGNS.items() if type in expected)
    if "NL" in expected or "$END" in expected:
        words.append("the end of the statement")
    words = words[:4]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
