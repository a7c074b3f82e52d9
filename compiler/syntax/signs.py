"""Characters, numbers and operators that are not of the language: what to type instead."""

from __future__ import annotations

from unicodedata import category

from ..diagnostics import Span
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
_QUOTES = "“”„‟«»‘’‚‛‹›`´"
_PRIMES = "'′ᵀ⊤"
_OPERATORS = {"=>": "->", "&&": "and", "||": "or", "===": "==", "**": "^"}


def wrong_sign(place: Place) -> Slip | None:
    """For a lexeme that no rule of the grammar has."""
    found = place.found
    text = found.text
    match found.type:
        case "OPEN_STRING":
            return Slip(found.span, "this text is never closed", "its quote opens here", 'add a " at its end')
        case "QUOTED":
            title = "texts stand in double quotes"
            return Slip(found.span, title, "these are single quotes", f'write "{text[1:-1]}"')
        case "BAD_NUMBER":
            return _number(found.span)
        case "BAD_OPERATOR":
            return _operator(place)
        case "STRAY":
            return _stray(place)
        case "STRAY_CLOSER":
            return Slip(
                found.span, f"this `{text}` closes nothing", help="delete it, or open its bracket before"
            )
        case _:
            return None


def _stray(place: Place) -> Slip:
    span, sign = place.found.span, place.found.text
    title = f"`{sign}` is not a sign of this language"
    if category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return Slip(span, f"there is an invisible character here, U+{ord(sign):04X}", help="delete it")
    if sign in _PRIMES and place.ends_value and place.before.span.end == span.start:
        return Slip(
            span, title, help=f"transpose with {place.before.text}.T; otherwise name it {place.before.text}_"
        )
    if sign in _QUOTES:
        return Slip(span, title, "a typographic quote", 'write plain quotes: "…"')
    if sign in _SIGNS:
        return Slip(span, title, help=f"write {_SIGNS[sign]}")
    if sign == "'":
        return Slip(
            span, "texts stand in double quotes", "this quote is single, and never closed", 'write "…"'
        )
    if sign == ";":
        return Slip(
            span, "a statement ends with its line, without `;`", help="give each statement a line of its own"
        )
    if sign == "\\":
        help = "a statement goes on over lines within ( ) or [ ], or before ->"
        return Slip(span, "a line is not continued with `\\`", help=help)
    if sign == "%":
        return Slip(
            span, "`%` stands only right behind a number", "there is no remainder", "a share is written 10%"
        )
    return Slip(span, title)


def _operator(place: Place) -> Slip:
    span, text = place.found.span, place.found.text
    if text == "//":
        help = "a comment begins with #; a quotient is a / b"
        return Slip(span, "`//` is not a sign of this language", "neither a comment nor a division", help)
    if text == ":=":
        return Slip(
            span, "`:=` is not a sign of this language", help="write = to bind a name, <- to update a state"
        )
    if text in _OPERATORS:
        return Slip(span, f"`{text}` is not a sign of this language", help=f"write {_OPERATORS[text]}")
    name = place.before.text if place.ends_value else "m"
    help = f"for a state or parameter write {name} <- {name} {text[0]} …; a binding gets a new name"
    return Slip(span, f"`{text}` is not a sign of this language", help=help)


def _number(span: Span) -> Slip:
    text = span.text
    digits = next((i for i, c in enumerate(text) if not (c.isdigit() or c == ".")), len(text))
    title = f"`{text}` is neither a number nor a name"
    plain = text.replace("_", "")
    if plain.isdigit():
        return Slip(span, title, help=f"write {plain}")
    if text[:2].lower() in ("0x", "0b", "0o"):
        return Slip(span, title, help="write the number in decimal digits")
    if text[digits:].isidentifier() and text.count(".") <= 1:
        return Slip(
            span,
            title,
            help=f"for a product write {text[:digits]} * {text[digits:]}; a name begins with a letter",
        )
    return Slip(span, title, help="numbers are written 16, 0.5, 1e-3 or 10%; a name begins with a letter")
