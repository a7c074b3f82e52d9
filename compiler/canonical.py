"""The canonical layout of a file: spaces and indentation alone change, no line break, word or comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import cast

from .ast import Number
from .diagnostics import InternalError, Source, Span
from .parse import parse
from .syntax.brackets import RESERVED, STATEMENT_WORDS

INDENT = 4
_TOKEN = re.compile(
    r"""(?P<newline>\n)|(?P<comment>\#[^\n]*)|(?P<string>"[^"\n]*")
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?%?(?![\w.]))
    |(?P<name>[^\W\d][\w\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]*)
    |(?P<sign>->|<-|\.\.\.|[=!<>]=|[-+*/@^=~,:.<>()\[\]{}])|(?P<space>[^\S\n]+|\ufeff)""",
    re.VERBOSE,
)
_OPENERS, _CLOSERS = ("(", "[", "{"), (")", "]", "}")
_PREFIXED = (*"-+*/@^=~,:([{<>", "->", "<-", "==", "!=", "<=", ">=")


@dataclass(slots=True)
class _Word:
    """A token: its text, the column where it was written, the spaces that belong before it, and its place."""

    text: str
    written: int
    before: int
    after_gap: bool  # more than one space stood before it
    column: int = 0


@dataclass(slots=True)
class _Line:
    indent: int
    words: list[_Word]

    def place(self) -> None:
        column = self.indent
        for word in self.words:
            column += word.before
            word.column = column
            column += len(word.text)


def canonical(source: Source) -> str:
    """The text of a file in its canonical layout. Raises SpecError where the file is wrong.

    What the author has aligned in neighbouring lines stays aligned.
    """
    before = _meaning(parse(source).items)
    text = _arranged(source.text)
    for _ in range(8):  # aligned columns may move others into line
        again = _arranged(text)
        if again == text:
            break
        text = again
    if _meaning(parse(Source(source.name, text)).items) != before:
        raise InternalError("fmt: the layout would change what the file means")
    return text


def _meaning(tree: object) -> object:
    """A syntax tree without its places."""
    if isinstance(tree, tuple):
        return tuple(_meaning(part) for part in cast(tuple[object, ...], tree))
    if isinstance(tree, Number):
        return (tree.value, tree.percent)
    if is_dataclass(tree) and not isinstance(tree, type):
        kept = [getattr(tree, f.name) for f in fields(tree) if f.name not in ("span", "op_span")]
        return (type(tree).__name__, *(_meaning(part) for part in kept))
    return None if isinstance(tree, Span) else tree


def _arranged(text: str) -> str:
    lines = list(_lines(text))
    for line in lines:
        line.place()
    _align(lines)
    out: list[str] = []
    for line in lines:
        shown = ""
        for word in line.words:
            shown = shown.ljust(word.column) + word.text
        if shown or (out and out[-1]):
            out.append(shown)
    return "\n".join(out).strip("\n") + "\n"


def _lines(text: str) -> Iterator[_Line]:
    """The lines with each word's spacing and each line's indentation."""
    open: list[str] = []
    arrow = 0  # where the first arrow of the statement stands
    for written in text.replace("\r\n", "\n").split("\n"):
        words = _words(written, open)
        first = words[0].text if words else ""
        blocks, brackets = open.count("{"), len(open) - open.count("{")
        if brackets:
            indent = INDENT * (len(open) - (first in _CLOSERS))
        elif first == "->":
            indent = arrow or INDENT * (blocks + 1)
        else:
            indent = INDENT * (blocks - (first == "}"))
        line = _Line(max(indent, 0), words)
        line.place()
        if not brackets and first not in ("->", "") and not first.startswith("#"):
            arrow = _first_arrow(words)
        for word in words:
            if word.text in _OPENERS:
                open.append(word.text)
            elif word.text in _CLOSERS and open:
                open.pop()
        yield line


def _first_arrow(words: Sequence[_Word]) -> int:
    depth = 0
    for word in words:
        depth += (word.text in ("(", "[")) - (word.text in (")", "]"))
        if word.text == "->" and depth == 0:
            return word.column
    return 0


def _words(line: str, around: Sequence[str]) -> list[_Word]:
    words: list[_Word] = []
    open = list(around)
    tokens = [t for t in _TOKEN.finditer(line) if t.lastgroup not in ("space", "newline")]
    for i, found in enumerate(tokens):
        token = found[0].rstrip()
        gap = found.start() - len(line[: found.start()].rstrip())
        before = _spaces(words, token, open)
        if open[-1:] == ["["] and before == 0 and ":" in (token, words[-1].text if words else ""):
            before = int(_is_wide([t[0] for t in tokens], i - (token != ":")))
        words.append(_Word(token, found.start(), before, gap > 1))
        if token in _OPENERS:
            open.append(token)
        elif token in _CLOSERS and open:
            open.pop()
    return words


def _spaces(words: Sequence[_Word], token: str, open: Sequence[str]) -> int:
    """How many spaces belong before a token, behind the words of its line."""
    if not words:
        return 0
    before = words[-1].text
    if token.startswith("#"):
        return 2
    inside = open[-1] if open else ""
    if before == ",":
        return 1
    if before in ("(", "[") or token in (")", "]", ",") or "." in (before, token):
        return 0
    if token == ":" or before == ":":
        return int(inside not in ("[",))
    if before == "-" and _is_sign(words):
        return 0
    if token in ("(", "["):
        closes = before in (")", "]") or before[-1].isalnum() or before[-1] == "_" or _is_name(before)
        return int(not closes or before in RESERVED or (_begins(words) and before in STATEMENT_WORDS))
    return 1


def _is_wide(tokens: Sequence[str], colon: int) -> bool:
    """Whether a slice's colon has spaces: between two parts, of which one is a sum or a product."""
    wide = False
    for step in (-1, 1):
        depth, i = 0, colon + step
        while 0 <= i < len(tokens) and (depth or tokens[i] not in (",", "[", "]")):
            depth += ((tokens[i] in _OPENERS) - (tokens[i] in _CLOSERS)) * step
            wide = wide or (tokens[i] in ("+", "-", "*", "/") and i > 0 and tokens[i - 1] not in _PREFIXED)
            i += step
        if i == colon + step:
            return False  # nothing on this side
    return wide


def _is_name(text: str) -> bool:
    return text[0].isalpha() or text[0] == "_"


def _is_sign(words: Sequence[_Word]) -> bool:
    """Whether the last word, a minus, belongs to one value alone."""
    if len(words) == 1:
        return True
    before = words[-2].text
    return before in _PREFIXED or before in RESERVED or (_begins(words[:-1]) and before in STATEMENT_WORDS)


def _begins(words: Sequence[_Word]) -> bool:
    """Whether the last word begins a statement."""
    return len(words) == 1 or words[-2].text in ("{", "}")


def _align(lines: Sequence[_Line]) -> None:
    """Put words that stood under one another, one of them behind a gap, under one another again."""
    columns = _columns(lines)
    for members in sorted(columns, key=lambda m: (m[0][1].written, m[0][0])):
        target = max(word.column for _, word in members)
        for number, word in members:
            shift = target - word.column
            words = lines[number].words
            for later in words[words.index(word) :] if shift else ():
                later.column += shift


def _columns(lines: Sequence[_Line]) -> list[list[tuple[int, _Word]]]:
    """Words that are aligned over neighbouring lines, with the numbers of their lines."""
    done: list[list[tuple[int, _Word]]] = []
    open: dict[int, list[tuple[int, _Word]]] = {}
    for number, line in enumerate(lines):
        here: dict[int, list[tuple[int, _Word]]] = {}
        for word in line.words[1:]:
            column = open.get(word.written)
            if column is not None and _alike(column[-1][1].text, word.text):
                column.append((number, word))
                here[word.written] = column
            else:
                here[word.written] = [(number, word)]
                done.append(here[word.written])
        open = here
    return [m for m in done if len(m) > 1 and any(word.after_gap for _, word in m)]


def _alike(one: str, other: str) -> bool:
    """Whether two words are of one kind, so that one under the other is no chance."""
    return _kind(one) == _kind(other)


def _kind(text: str) -> str:
    if text in ("=", "<-"):
        return "="
    if text in ("(", "[", "-", "...") or _is_name(text) or text[0] in '."0123456789':
        return "value"
    return text[0]
