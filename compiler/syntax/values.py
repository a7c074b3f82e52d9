"""Expressions that go wrong: missing parts, missing commas, habits from other languages."""

from __future__ import annotations

from .place import OPERATORS, Place
from .slips import Slip, decimal_comma


def wrong_value(place: Place) -> Slip | None:
    """For a mistake within an expression."""
    if place.at_end:
        return _ends(place)
    return _habit(place) or _missing(place) or _repeated(place)


def _ends(place: Place) -> Slip | None:
    before = place.before
    match before.type:
        case "ARROW":
            help = "name a layer behind it; a chain goes on in the next line with -> at its beginning"
            return Slip(before.span, "this arrow leads nowhere", "the line ends here", help)
        case "EQUALS" | "BECOMES" | "TILDE":
            return Slip(place.gap, f"a value is missing behind `{before.text}`")
        case "COMMA" | "DOT" | "COLON":
            help = "a statement goes on over lines within ( ) or [ ] alone"
            return Slip(
                before.span, f"the line ends after `{before.text}`", "something is missing behind it", help
            )
        case "AS":
            return Slip(
                place.gap, "a name is missing behind `as`", help="write for example conv(10, 5) as c1"
            )
        case type if type in OPERATORS:
            help = "put the value in brackets to go on in the next line"
            return Slip(
                before.span, f"the line ends after `{before.text}`", "a value is missing behind it", help
            )
        case _:
            return None


def _habit(place: Place) -> Slip | None:
    before, found = place.before, place.found
    if before.text == "lambda" and place.position > 0:
        help = "define a layer: layer name(x[..., d]) { return … }"
        return Slip(before.span, "there are no functions without a name", help=help)
    if place.ends_value and found.text == "if":
        return Slip(
            found.span, "`if` is a statement, not a part of a value", help="write where(condition, a, b)"
        )
    opener = place.opener
    in_call = opener is not None and place.lexemes[opener].type == "LPAR"
    if found.type == "COLON" and in_call and before.type == "NAME":
        return Slip(found.span, "a keyword argument is written with `=`", help=f"write {before.text} = …")
    if found.type == "COMMA" and in_call and opener is not None and place.ends_value:
        called = opener > place.statement and place.lexemes[opener - 1].type in ("NAME", "RPAR", "RSQB")
        if not called:
            return Slip(
                found.span, "there are no tuples", help="a list is written [a, b]; a value alone in ( )"
            )
    if found.type == "COMMA" and place.ends_value and opener is None:
        help = "a statement ends with its line; or is an opening bracket missing before it?"
        return Slip(found.span, "this comma stands outside all brackets", help=help)
    if found.type == "COLON" and place.ends_value and opener is None:
        return Slip(
            found.span, "`:` does not belong into a value", help="a block stands in braces; a slice in [ ]"
        )
    return None


def _missing(place: Place) -> Slip | None:
    before, found = place.before, place.found
    if decimal := _decimal_comma(place):
        return decimal
    if not (place.ends_value and place.begins_value):
        return None
    if place.opener is not None:
        return Slip(place.gap, "a comma is missing here", help=f"write {before.text}, {found.text}")
    if place.block and place.block.type == "LSET" and place.following.type == "EQUALS":
        return Slip(place.gap, "a comma is missing here", help="settings are set apart by commas or lines")
    if before.type == "NAME" and found.type in ("NAME", "NUMBER", "STRING"):
        help = f"write {before.text}({found.text}) for a call, {before.text} * {found.text} for a product"
        title = f"something is missing between `{before.text}` and `{found.text}`"
        return Slip(place.gap, title, help=help)
    return Slip(
        place.gap, "an operator is missing here", help=f"for a product write {before.text} * {found.text}"
    )


def _decimal_comma(place: Place) -> Slip | None:
    """`{ lr = 0,1 }`, where the 1 is taken for a setting."""
    i = place.i
    if place.found.type != "NUMBER" or place.position or i < 2 or place.lexemes[i - 1].text != ",":
        return None
    whole = place.lexemes[i - 2]
    if whole.type != "NUMBER" or whole.span.end + 1 != place.found.span.start:
        return None
    return decimal_comma(place.found.span, whole.text)


def _repeated(place: Place) -> Slip | None:
    before, found = place.before, place.found
    if place.position == 0:
        return None
    if found.type == "EQUALS" and before.type == "EQUALS":
        return Slip(found.span, "there is one `=` too many", help="delete it")
    if found.type in ("EQUALS", "BECOMES", "TILDE") and place.ends_value:
        if place.opener is not None:
            return Slip(
                found.span, f"`{found.text}` does not belong into a value", help="to compare write =="
            )
        label = "this statement has its sign already"
        return Slip(found.span, f"there is a second `{found.text}` here", label, "bind one name at a time")
    if before.type == "ARROW":
        help = "write a layer or function that takes the value: x -> dense(10) -> relu"
        return Slip(before.span, "this arrow leads nowhere", "a layer is missing behind it", help)
    if before.type in OPERATORS and "NUMBER" in place.expected:
        return Slip(found.span, f"a value is missing behind `{before.text}`", f"found `{found.text}`")
    if found.type in ("COMMA", "RPAR", "RSQB") and before.type in ("COMMA", "LPAR", "LSQB", "EQUALS"):
        return Slip(found.span, f"a value is missing before this `{found.text}`")
    if found.type == "ELLIPSIS":
        return Slip(
            found.span, "`...` stands in shapes, indices and lists alone", help="write out what it stands for"
        )
    return None
