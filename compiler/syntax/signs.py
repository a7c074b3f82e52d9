"""Characters, numbers and operators that are not of the language: what to type instead."""

from __future__ import annotations

from unicodedata import category

from ..diagnostics import Span
from .layout import Lexeme
from .place import Place
from .slips import Slip

_SIGNS = {
    **dict.fromkeys("→⟶➔➜➝⇒⟹", "->"),
    **dict.fromkeys("←⟵⇐", "<-"),
    **dict.fromkeys("−–—‐‑‒―", "-"),
    **dict.fromkeys("×·⋅∗•⊙", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("∼˜～", "~"),
    **dict.fromkeys("ˆ＾", "^"),
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≡": "==",
    "…": "...",
    "∧": "and",
    "∨": "or",
    "¬": "not",
    "&": "and",
    "|": "or",
    "!": "not",
    "√": "sqrt(…)",
    "∑": "sum(…)",
    "∞": "inf",
    "，": ",",
    "（": "(",
    "）": ")",
    "＝": "=",
    "＋": "+",
}
_OPENERS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "“”„‟«»‘’‚‛‹›`´"
_PRIMES = "'′ᵀ⊤"
_OPERATORS = {"=>": "->", "&&": "and", "||": "or", "===": "==", "**": "^", ":=": "="}


def wrong_sign(place: Place) -> Slip | None:
    """For a lexeme that no rule of the grammar has."""
    found = place.found
    text = found.text
    match found.type:
        case "OPEN_STRING":
            return Slip(found.span, "this text is never closed", "its quote opens here", 'add a " at its end')
        case "QUOTED":
            title = f'texts stand in double quotes: "{text[1:-1]}"'
            return Slip(found.span, title, "these are single quotes")
        case "BAD_NUMBER":
            return _number(found.span)
        case "BAD_OPERATOR":
            return _operator(place)
        case "STRAY":
            return _stray(place)
        case "STRAY_CLOSER":
            return closes_nothing(found)
        case _:
            return None


def closes_nothing(closer: Lexeme) -> Slip:
    opener = _OPENERS[closer.text]
    title = f"this `{closer.text}` closes nothing: delete it, or write the missing `{opener}` before it"
    return Slip(closer.span, title)


def _stray(place: Place) -> Slip:
    span, sign = place.found.span, place.found.text
    before = place.before.text
    if category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return Slip(span, f"there is an invisible character here, U+{ord(sign):04X}: delete it")
    if sign in _PRIMES and place.ends_value and place.before.span.end == span.start:
        return Slip(span, f"`{before}{sign}` is written {before}.T", help=f"or take a name such as {before}_")
    if sign in _QUOTES:
        return Slip(span, 'texts stand in plain double quotes: "…"', "a typographic quote")
    if sign in _SIGNS:
        return Slip(span, _written(sign, _SIGNS[sign]))
    if sign == "'":
        return Slip(span, 'texts stand in double quotes: "…"', "this quote is single, and never closed")
    if sign == ";":
        return Slip(span, "a statement ends with its line: write a line break for `;`, or delete it")
    if sign == "\\":
        help = "a statement goes on over lines within ( ) or [ ], or before ->"
        return Slip(span, "a line is not continued with `\\`", help=help)
    if sign == "%":
        title = "`%` stands only right behind a number, as in 10%"
        return Slip(span, title, "there is no remainder")
    if sign == "?":
        return Slip(span, "there is no `?`: to choose write where(condition, a, b)")
    return Slip(span, f"`{sign}` is not a sign of this language")


def _written(found: str, right: str) -> str:
    return f"`{found}` is written `{right}`"


def _operator(place: Place) -> Slip:
    span, text = place.found.span, place.found.text
    if text == "//":
        return Slip(span, "there is no `//`: a comment begins with #, a quotient is a / b")
    if text in _OPERATORS:
        help = "a state gets its next value with <-" if text == ":=" else ""
        return Slip(span, _written(text, _OPERATORS[text]), help=help)
    name = place.before.text if place.ends_value else "m"
    title = f"there is no `{text}`: write {name} <- {name} {text[0]} … for a state, or bind a new name"
    return Slip(span, title)


def _number(span: Span) -> Slip:
    text = span.text
    digits = next((i for i, c in enumerate(text) if not (c.isdigit() or c == ".")), len(text))
    plain = text.replace("_", "")
    if plain.isdigit():
        return Slip(span, _written(text, plain))
    if text[:2].lower() in ("0x", "0b", "0o"):
        return Slip(span, f"`{text}` is no number: write it in decimal digits")
    if text[digits:].isidentifier() and text.count(".") <= 1:
        title = f"`{text}` is neither a number nor a name: a product is {text[:digits]} * {text[digits:]}"
        return Slip(span, title, help="a name begins with a letter")
    title = f"`{text}` is neither a number nor a name"
    return Slip(span, title, help="numbers are written 16, 0.5, 1e-3 or 10%; a name begins with a letter")
