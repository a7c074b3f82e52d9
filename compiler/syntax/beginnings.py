"""Statements that begin wrongly: misspelt, misplaced or foreign words, values without a name."""

from __future__ import annotations

from difflib import get_close_matches

from .brackets import STATEMENT_WORDS, TOP_WORDS
from .place import OPENERS, OPERATORS, Place
from .slips import Slip
from .values import decimal_comma_before

_LAYER = "a layer is defined by layer name(x[..., d]) { … return … }"
_HABITS = {
    **dict.fromkeys(("def", "class", "lambda", "fn", "func", "function"), _LAYER),
    **dict.fromkeys(
        ("import", "from", "using"), 'the standard layers are always there; other files: include "blocks.net"'
    ),
    **dict.fromkeys(
        ("for", "while", "loop"), "write repeat 3 as i { … }, or scan x as xt { … } along an axis"
    ),
    **dict.fromkeys(("let", "var", "val", "auto"), "a binding is name = value, without a word before it"),
    "const": "a number known while compiling is a dim: dim H = 16",
    "elif": "write else if … { … }",
    "elseif": "write else if … { … }",
    "with": "there are no contexts; write the statements alone",
    "print": "name what you want to see as an output: output h",
    "assert": "a shape is asserted where the name is bound: h[N, 16] = …",
    "weight": "a trainable tensor is a param: param W[3, 4] ~ glorot",
    "weights": "a trainable tensor is a param: param W[3, 4] ~ glorot",
    "variable": "a trainable tensor is a param: param W[3, 4] ~ glorot",
    "parameter": "a trainable tensor is a param: param W[3, 4] ~ glorot",
    "parameters": "a trainable tensor is a param: param W[3, 4] ~ glorot",
}


def wrong_beginning(place: Place) -> Slip | None:
    """For a statement whose first words are not those of one."""
    first, found = place.first, place.found
    if found.type == "ELSE":
        return Slip(found.span, "this `else` belongs to no `if`", help="write if … { … } else { … }")
    if place.position == 0:
        return _misplaced(place)
    if first.type != "NAME":
        return None
    if place.block and place.block.type == "LSET":
        return _setting(place) if place.position == 1 else None
    if place.position == 1:
        if first.text in _HABITS and found.type != "COMMA":
            title = f"there is no statement `{first.text}`: {_HABITS[first.text]}"
            return Slip(first.span, title, "another language's word")
        if found.type in ("NAME", "NUMBER", "STRING", "LBRACE") or place.at_end:
            return _unknown_word(place)
        return _unnamed(place)
    if place.at_end and place.before.type == "RSQB":
        line = place.rest(place.statement)
        title = f"this declares nothing: write input {line}, or give it a value with `=`"
        return Slip(first.span.to(place.before.span), title)
    has_sign = any(x.type == "EQUALS" for x in place.lexemes[place.statement : place.i])
    if (found.type == "TILDE" and not has_sign) or (found.type == "COLON" and place.before.type == "RSQB"):
        word = "param" if found.type == "TILDE" else "input"
        return Slip(
            first.span, f"the word `{word}` is missing", help=f"write {word} {place.rest(place.statement)}"
        )
    unsigned = "EQUALS" in place.expected and not has_sign
    if place.lexemes[place.statement + 1].type == "LSQB" and unsigned:
        return _unnamed(place)
    return None


def _misplaced(place: Place) -> Slip | None:
    found = place.found
    word = found.text
    if found.type == "RETURN":
        return Slip(
            found.span, "`return` stands outside a layer", help="at the top of a file write output NAME = …"
        )
    if found.type == "CARRY":
        return Slip(found.span, "`carry` belongs in a scan", help="write scan x as xt { carry … }")
    if found.type.lower() in TOP_WORDS and place.block:
        line = place.block.span.line
        return Slip(
            found.span,
            f"`{word}` stands inside a block",
            f"the block begins on line {line}",
            "move it out of the braces",
        )
    if found.type == "EQUALS":
        return Slip(place.gap, "a name is missing before this `=`")
    if found.type == "COMMA" and place.block and place.block.type == "LSET":
        return Slip(found.span, "there is one `,` too many: delete it")
    if found.type in OPERATORS or found.type in ("ARROW", "DOT", "COMMA"):
        help = "a statement goes on over lines within ( ) or [ ], or before ->"
        return Slip(found.span, f"a statement cannot begin with `{found.text}`", help=help)
    if found.type in ("NUMBER", "STRING", "LPAR", "LSQB"):
        if (comma := decimal_comma_before(place)) is not None:
            return comma
        if place.block and place.block.type == "LSET":
            return Slip(found.span, "a setting is written name = value, and here the name is missing")
        return Slip(found.span, "a statement cannot begin with a value: give it a name, h = …")
    if found.type == "LBRACE":
        return Slip(
            found.span,
            "this block belongs to nothing",
            help="a block follows repeat, if, scan, layer or optimizer",
        )
    return None


def _setting(place: Place) -> Slip | None:
    first, found = place.first, place.found
    if found.type in ("COLON", "TILDE", "BECOMES", "COMPARE", "BAD_OPERATOR"):
        title = f"a setting is written with `=`, not with `{found.text}`"
        return Slip(found.span, title, help=f"write {first.text} = {place.rest(place.i + 1).lstrip('= ')}")
    if place.at_end:
        return Slip(place.gap, f"the setting {first.text} has no value: write {first.text} = …")
    if place.begins_value and found.type != "LPAR":
        title = f"an `=` is missing between `{first.text}` and `{found.text}`"
        return Slip(place.gap, title)
    title = f"a setting is written name = value, and here `{found.text}` follows the name"
    return Slip(found.span, title, help=f"write {first.text} = …")


def _unknown_word(place: Place) -> Slip:
    first = place.first
    declares = any(x.type == "TILDE" for x in place.lexemes[place.i : place.end])
    words = {"param", "state"} if declares else STATEMENT_WORDS
    close = get_close_matches(first.text.lower(), sorted(words), 1, 0.6)
    if close:
        label = "statement words are written small" if first.text.lower() == close[0] else ""
        return Slip(first.span, f"there is no statement `{first.text}`", label, f"did you mean {close[0]}?")
    if place.at_end:
        title = f"a name alone says nothing: write {first.text} = …, or output {first.text}"
        return Slip(first.span, title, "what about it?")
    types = [x.type for x in place.lexemes[place.statement :][:3]]
    if types == ["NAME", "NAME", "LSQB"]:
        title = f"there is no statement `{first.text}`: tensors are declared with input, param or state"
        return Slip(first.span, title)
    title = f"there is no statement `{first.text}`; to bind a name write {first.text} = …"
    return Slip(first.span, title, help=f"functions take brackets: {first.text}(…)")


def _split_word(place: Place) -> Slip | None:
    """A word of the language with a sign in it: `out-put guess`."""
    first, rest = place.first, place.following
    joined = first.text + rest.text
    if joined not in STATEMENT_WORDS or rest.span.start != place.found.span.end:
        return None
    span = first.span.to(rest.span)
    return Slip(span, f"there is no statement `{span.text}`", help=f"did you mean {joined}?")


def _equals_later(place: Place) -> int | None:
    """The position of an `=` of the statement outside of its brackets."""
    depth = 0
    for i in range(place.i, place.end):
        type = place.lexemes[i].type
        depth += (type in OPENERS) - (type in OPENERS.values())
        if type == "EQUALS" and depth == 0:
            return i
    return None


def _unnamed(place: Place) -> Slip | None:
    first, found = place.first, place.found
    match found.type:
        case "COLON":
            return Slip(found.span, "a name is bound with `=`", help=f"write {first.text} = …")
        case "COMPARE" if found.text == "==":
            return Slip(found.span, "`==` compares; a name is bound with `=`", help=f"write {first.text} = …")
        case "COMMA" if any(x.type == "TILDE" for x in place.lexemes[place.i : place.end]):
            help = f"write param {place.rest(place.statement)}"
            return Slip(first.span, "the word `param` is missing", help=help)
        case "COMMA":
            title = "one name is bound at a time, and no `,` follows it"
            return Slip(found.span, title, help="give each a statement of its own")
        case "DOT" if first.text == "self":
            return Slip(first.span, "a layer has no self: its parameters and results are plain names")
        case "DOT" if (word := _split_word(place)) is not None:
            return word
        case "DOT":
            return Slip(found.span, "the name that is bound has no dots", help="bind a name of its own")
        case "LPAR" | "ARROW" | "PLUS" | "MINUS" | "FACTOR" | "POWER" | "COMPARE" | "AS":
            line = place.rest(place.statement)
            label = "nothing takes this value"
            if (word := _split_word(place)) is not None:
                return word
            if (equals := _equals_later(place)) is not None:
                left = first.span.to(place.lexemes[equals - 1].span)
                return Slip(left, "before `=` stands a name alone, and this is a value")
            if place.lexemes[place.end - 1].type == "LSET":
                title = "the word `data` or `train` is missing before this block"
                return Slip(first.span, title)
            title = "this value has no name: write h = …, or output, loss or metric before it"
            return Slip(first.span.to(found.span), title, label, f"write h = {line}")
        case _:
            return None
