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
            return _no_value(place)
        case "COMMA" | "DOT" | "COLON":
            help = "a statement goes on over lines within ( ) or [ ] alone"
            title = f"the line ends after `{before.text}`, where something must follow"
            return Slip(before.span, title, "", help)
        case "AS":
            return Slip(
                place.gap, "a name is missing behind `as`", help="write for example conv(10, 5) as c1"
            )
        case type if type in OPERATORS:
            help = "put the value in brackets to go on in the next line"
            title = f"a value is missing behind `{before.text}`, where the line ends"
            return Slip(before.span, title, "", help)
        case _:
            return None


def _habit(place: Place) -> Slip | None:
    before, found = place.before, place.found
    if before.text == "lambda" and place.position > 0:
        title = "there are no functions without a name: define a layer, layer f(x[..., d]) { return … }"
        return Slip(before.span, title)
    if place.ends_value and found.text == "if":
        title = "`if` is a statement, not a part of a value: to choose write where(condition, a, b)"
        return Slip(found.span, title)
    opener = place.opener
    in_call = opener is not None and place.lexemes[opener].type == "LPAR"
    if found.type == "COLON" and in_call and before.type == "NAME":
        return Slip(found.span, "a keyword argument is written with `=`", help=f"write {before.text} = …")
    if found.type == "COMMA" and in_call and opener is not None and place.ends_value:
        called = opener > place.statement and place.lexemes[opener - 1].type in ("NAME", "RPAR", "RSQB")
        if not called:
            title = "this comma stands in plain brackets: a function's name is missing before them"
            help = "write f(a, b) for a call, [a, b] for a list; there are no tuples"
            return Slip(found.span, title, help=help)
    if found.type == "COMMA" and place.ends_value and opener is None:
        if [x.type for x in place.lexemes[place.i + 1 :][:2]] == ["NAME", "EQUALS"]:
            title = "a statement binds one name: write `dim` before several numbers, or a line for each"
            return Slip(found.span, title)
        help = "a statement ends with its line; arguments stand in ( ), sizes in [ ]"
        return Slip(found.span, "this comma stands outside all brackets", help=help)
    if found.type == "COLON" and place.ends_value and opener is None:
        title = "`:` does not belong into a value: a slice stands in [ ], a block in { }"
        return Slip(found.span, title)
    return None


def _missing(place: Place) -> Slip | None:
    before, found = place.before, place.found
    if not (place.ends_value and place.begins_value):
        return None
    if place.opener is not None:
        return Slip(place.gap, f"a comma is missing between `{before.text}` and `{found.text}`")
    if place.block and place.block.type == "LSET" and place.following.type == "EQUALS":
        title = f"a comma is missing before the setting {found.text}"
        return Slip(place.gap, title, help="settings are set apart by commas or lines")
    if before.type == "NAME" and found.type in ("NAME", "NUMBER", "STRING"):
        help = f"write {before.text}({found.text}) for a call, {before.text} * {found.text} for a product"
        title = f"something is missing between `{before.text}` and `{found.text}`"
        return Slip(place.gap, title, help=help)
    title = f"an operator is missing between `{before.text}` and `{found.text}`"
    return Slip(place.gap, title, help="for a product write *; otherwise delete one of the two")


def decimal_comma_before(place: Place) -> Slip | None:
    """`{ lr = 0,1 }`, where the 1 is taken for a setting."""
    i = place.i
    if place.found.type != "NUMBER" or i < 2 or place.lexemes[i - 1].text != ",":
        return None
    whole = place.lexemes[i - 2]
    if whole.type != "NUMBER" or whole.span.end + 1 != place.found.span.start:
        return None
    return decimal_comma(place.found.span, whole.text)


def _no_value(place: Place) -> Slip:
    """Behind `=`, `<-` or `~` nothing follows that is a value."""
    name = place.lexemes[place.i - 2] if place.position > 1 else place.first
    what = "a distribution" if place.before.type == "TILDE" else "a value"
    behind = f"{name.text} {place.before.text}" if name.type == "NAME" else place.before.text
    return Slip(place.gap, f"{what} is missing behind `{behind}`")


def _repeated(place: Place) -> Slip | None:
    before, found = place.before, place.found
    opener = "" if place.opener is None else place.lexemes[place.opener].type
    if place.position == 0:
        return None
    if found.type == "EQUALS" and before.type == "EQUALS":
        return Slip(found.span, "there is one `=` too many", help="delete it")
    if found.type == "EQUALS" and before.type in ("COMMA", "LPAR"):
        return Slip(place.gap, "a name is missing before this `=`")
    if found.type in ("EQUALS", "BECOMES", "TILDE") and place.ends_value:
        first = any(x.type == found.type for x in place.lexemes[place.statement : place.i])
        if place.opener is not None or not first:
            help = "to compare write ==" if found.type == "EQUALS" else ""
            return Slip(found.span, f"`{found.text}` does not belong into a value", help=help)
        title = f"there is a second `{found.text}` here: delete it, or bind one name at a time"
        return Slip(found.span, title)
    if before.type == "ARROW":
        help = "write a layer or function that takes the value: x -> dense(10) -> relu"
        title = f"an arrow leads into a layer, and behind this one stands `{found.text}`"
        return Slip(before.span, title, "", help)
    if "NUMBER" in place.expected and before.type in ("EQUALS", "BECOMES", "TILDE"):
        return _no_value(place)
    if before.type in OPERATORS and "NUMBER" in place.expected:
        return Slip(found.span, f"a value is missing behind `{before.text}`", f"found `{found.text}`")
    if found.type in ("COMMA", "RPAR", "RSQB") and before.type in ("COMMA", "LPAR", "LSQB"):
        return Slip(found.span, f"a value is missing before this `{found.text}`")
    if found.type in (*OPERATORS, "ARROW") and "NUMBER" in place.expected:
        return Slip(found.span, f"a value is missing before `{found.text}`")
    if found.type == "COLON" and opener == "LSQB" and "COLON" not in place.expected and place.ends_value:
        return Slip(found.span, "a shape or list has one size for each axis, and no `:`")
    if found.type == "COLON" and before.type == "LSQB":
        return Slip(before.span, "an index stands right behind a tensor, and here the tensor is missing")
    if found.type == "ELLIPSIS":
        return Slip(
            found.span, "`...` stands in shapes, indices and lists alone", help="write out what it stands for"
        )
    return None
