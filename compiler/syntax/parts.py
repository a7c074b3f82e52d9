"""Statements whose first word is right, and a later part wrong."""

from __future__ import annotations

from .place import Place
from .slips import Slip

_SAMPLES = {
    "DIM": "dim H = 16",
    "INPUT": "input x[N, 64]",
    "PARAM": "param W[3, 4] ~ glorot",
    "STATE": "state m[c] ~ zeros",
    "SHARED": "shared enc = dense(64)",
    "REPEAT": "repeat 3 as i { … }",
    "IF": "if stride > 1 { … }",
    "SCAN": "scan x as xt { carry h[N, width] = 0 … }",
    "CARRY": "carry h[N, width] = 0",
    "RETURN": "return relu(x)",
    "LAYER": "layer block(x[..., d], width) { … }",
    "OPTIMIZER": "optimizer sgd(lr = 0.01) { … }",
    "OUTPUT": "output probabilities = softmax(logits)",
    "LOSS": "loss cross_entropy(logits, y)",
    "METRIC": "metric accuracy(logits, y)",
    "DATA": "data digits { x = image, y = label }",
    "TRAIN": "train sgd(lr = 0.1) { epochs = 10, batch = 16 }",
    "INCLUDE": 'include "blocks.net"',
}
_FIRST = {"REPEAT": "the number of turns", "IF": "the condition", "SCAN": "the sequence", "LAYER": "the name"}
_BLOCKS = ("LAYER", "OPTIMIZER", "REPEAT", "IF", "SCAN")


def wrong_part(place: Place) -> Slip | None:
    """For a statement with a word of its own, by that word."""
    word = place.first.type
    if word not in _SAMPLES or place.position == 0:
        return None
    if place.position == 1:
        return _after_word(place)
    if place.opener is not None:
        return None
    if word in ("PARAM", "STATE"):
        return _declaration(place)
    if word == "INPUT":
        return _input(place)
    if word in ("DIM", "SHARED", "OUTPUT", "METRIC", "CARRY"):
        return _named(place)
    if word in _BLOCKS:
        return _block(place)
    if word in ("DATA", "TRAIN") and place.found.type == "NAME" and place.following.type == "EQUALS":
        title = "a `{` is missing before the settings"
        return Slip(place.gap, title, help=f"write {{ {place.rest(place.i)} }}")
    return None


def _after_word(place: Place) -> Slip | None:
    word, found = place.first.text, place.found
    sample = _SAMPLES[place.first.type]
    if found.type in ("EQUALS", "COLON") and word in (
        "loss",
        "metric",
        "output",
        "include",
        "train",
        "data",
        "return",
    ):
        rest = place.rest(place.i + 1) if place.following.statement == place.statement else "…"
        title = f"`{word}` is a statement, not a name: it takes no `{found.text}`"
        return Slip(
            found.span, title, help=f"write {word} {rest}" if found.type == "EQUALS" else f"write {sample}"
        )
    if found.type == "LSQB" and word in ("param", "state", "input"):
        return Slip(place.gap, f"a name is missing behind `{word}`", help=f"write for example {sample}")
    if found.type == "DOT" and word in ("loss", "metric", "output", "return"):
        return Slip(found.span, "a value is missing before `.`")
    if found.type in ("EQUALS", "LSQB", "COMMA", "DOT"):
        title = f"`{word}` begins a statement, so that nothing can have this name"
        return Slip(
            place.first.span, title, help=f"choose another, such as {word}_; the statement is {sample}"
        )
    if place.at_end:
        return Slip(place.gap, f"`{word}` stands alone", help=f"write for example {sample}")
    if found.type == "LSET":
        what = "an optimizer" if word == "train" else "a source"
        return Slip(
            place.gap, f"`{word}` names {what} before its settings", help=f"write for example {sample}"
        )
    if found.type == "LBRACE":
        what = _FIRST.get(place.first.type, "something")
        return Slip(place.gap, f"{what} is missing behind `{word}`", help=f"write for example {sample}")
    if word == "include":
        return Slip(
            found.span, "a file's name stands in quotes", help=f'write include "{place.rest(place.i)}"'
        )
    if found.type == "LPAR" and word in ("layer", "optimizer"):
        return Slip(place.gap, f"a name is missing behind `{word}`", help=f"write for example {sample}")
    if found.type in ("STRING", "NUMBER") and "NAME" in place.expected:
        return Slip(found.span, f"`{word}` wants a name here", help=f"write for example {sample}")
    return None


def _declaration(place: Place) -> Slip | None:
    word, found = place.first.text, place.found
    if found.type in ("EQUALS", "COLON"):
        value = place.rest(place.i + 1) if place.following.type in ("NAME", "NUMBER") else "glorot"
        title = f"a {word} gets its first values with `~`, not with `{found.text}`"
        return Slip(found.span, title, help=f"write ~ {value}")
    if place.at_end and place.before.type in ("NAME", "RSQB"):
        title = f"this {word} does not say what it starts from"
        return Slip(place.gap, title, help="add ~ zeros, ~ glorot or another distribution")
    if found.type in ("NAME", "PARAM", "STATE") and place.before.type == "RSQB":
        return Slip(
            place.gap, "a comma or `~` is missing here", help=f"write for example {_SAMPLES['PARAM']}"
        )
    return None


def _input(place: Place) -> Slip | None:
    found = place.found
    match found.type:
        case "COMMA":
            return Slip(found.span, "an `input` declares one tensor", help="give each a statement of its own")
        case "EQUALS":
            return Slip(
                found.span, "an input gets its values from the data block", help="write data … { x = … }"
            )
        case "TILDE":
            return Slip(found.span, "an input is fed, not drawn", help="for a trainable tensor write param")
        case "NAME":
            return Slip(place.gap, f"a `:` is missing before `{found.text}`")
        case _:
            return None


def _named(place: Place) -> Slip | None:
    word, found = place.first.text, place.found
    sample = _SAMPLES[place.first.type]
    if "EQUALS" not in place.expected:
        return None
    if place.at_end:
        return Slip(place.gap, f"this {word} has no value", help=f"write for example {sample}")
    if found.type in ("COLON", "TILDE", "BECOMES", "COMPARE"):
        return Slip(found.span, f"`{word}` is written with `=`", help=f"write for example {sample}")
    if found.type in ("NAME", "NUMBER") and word != "output":
        return Slip(place.gap, "an `=` is missing here", help=f"write for example {sample}")
    return None


def _block(place: Place) -> Slip | None:
    word, found = place.first.text, place.found
    sample = _SAMPLES[place.first.type]
    if any(x.type == "RBRACE" for x in place.lexemes[place.statement : place.i]):
        title = "a new statement begins on a line of its own"
        return None if place.at_end else Slip(found.span, title, help="break the line before it")
    if found.type == "COLON":
        title = "a block stands in braces { … }, not behind a `:`"
        return Slip(found.span, title, help=f"write {sample}")
    if word in ("layer", "optimizer") and place.position == 2 and found.type != "LPAR":
        title = f"this {word} does not say what it takes"
        return Slip(place.gap, title, help=f"write its formals in brackets: {sample}")
    if place.at_end or found.type == "ARROW":
        if word == "scan" and "LBRACE" not in place.expected:
            return Slip(place.gap, "this scan does not name what one turn sees", help=f"write {sample}")
        return Slip(place.gap, f"the block of this {word} is missing", help=f"write {sample}")
    if found.type == "EQUALS" and word == "if":
        return Slip(found.span, "`=` binds a name; a comparison is written `==`")
    if found.type == "LBRACE" and word == "scan":
        return Slip(place.gap, "this scan does not name what one turn sees", help=f"write {sample}")
    if found.type == "NAME" and word == "repeat":
        return Slip(found.span, "`repeat` takes a number, and `as` a counter", help=f"write {sample}")
    return None
