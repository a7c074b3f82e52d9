"""Which brackets of a file match, and where the ones that are never closed should have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lark import Token

from ..limits import most

MAX_REWINDS = 20

TOP_WORDS = frozenset({"layer", "optimizer", "input", "output", "loss", "metric", "data", "train", "include"})
STATEMENT_WORDS = TOP_WORDS | {"dim", "param", "state", "shared", "repeat", "if", "scan", "carry", "return"}
RESERVED = {"and": "AND", "or": "OR", "not": "NOT", "as": "AS", "else": "ELSE"}
_OPENER = {"RPAR": "LPAR", "RSQB": "LSQB"}


@dataclass(slots=True)
class Brackets:
    """Positions in the list of tokens: what to close before which token, innermost first; closers of nothing;
    and the first opener that is nested too deeply."""

    cuts: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    stray: set[int] = field(default_factory=set[int])
    too_deep: int | None = None


def match(tokens: Sequence[Token]) -> Brackets:
    """Match brackets and braces.

    A bracket is unclosed when a brace, the end of the file or what can only be a new statement comes first;
    it is then taken to end where the next line begins that reads like a statement. An unclosed brace is taken
    to end before the first line within it that belongs to the top of a file.
    """
    matching = _Matching(tokens)
    i: int | None = 0
    while i is not None and matching.found.too_deep is None:
        i = matching.step(i)
    return matching.found


class _Matching:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.found = Brackets()
        self.braces: list[int] = []
        self.brackets: list[int] = []  # those open within the current statement
        self.margin = 1  # the column where the line of the current statement begins
        self.ends: dict[int, int] = {}  # brace -> the first line within it that belongs to the top of a file
        self.rewinds = 0
        self.deepest = most("nesting")

    def step(self, i: int) -> int | None:
        """Take token i; the position to go on from, which may be an earlier one, or None at the end."""
        type = self.tokens[i].type if i < len(self.tokens) else "$END"
        if self.brackets and self.ends_statement(type, i):
            lines = (k for k in range(self.brackets[-1], i) if self.tokens[k].type == "NEWLINE")
            end = next((k for k in lines if _reads_like_statement(self.tokens, k + 1)), i)
            unclosed, self.brackets = self.brackets, []
            return self.cut(unclosed, end, i)
        if type == "$END":
            if not self.braces:
                return None
            brace = self.braces.pop()
            return self.cut([brace], self.ends.get(brace, i), i)
        if type == "NEWLINE" and not self.brackets:
            self.begin_line(i)
        elif type in ("LPAR", "LSQB", "LBRACE"):
            (self.braces if type == "LBRACE" else self.brackets).append(i)
            if len(self.braces) + len(self.brackets) > self.deepest:
                self.found.too_deep = i
        elif type == "RBRACE" and self.braces:
            self.braces.pop()
        elif type == "RBRACE":
            self.found.stray.add(i)
        elif type in _OPENER:
            self.close(i, _OPENER[type])
        return i + 1

    def ends_statement(self, type: str, i: int) -> bool:
        """Whether the open brackets cannot go on behind token i."""
        if type != "NEWLINE":
            return type in ("LBRACE", "$END") or (type == "RBRACE" and bool(self.braces))
        if _must_begin_statement(self.tokens, i + 1):
            return True
        complete = self.tokens[i - 1].type in ("NAME", "NUMBER", "STRING", "RPAR", "RSQB")
        return complete and _reads_like_statement(self.tokens, i + 1) and self.column(i + 1) <= self.margin

    def begin_line(self, newline: int) -> None:
        self.margin = self.column(newline + 1)
        if self.braces and _must_begin_statement(self.tokens, newline + 1, TOP_WORDS):
            self.ends.setdefault(self.braces[-1], newline)

    def close(self, i: int, opener: str) -> None:
        """Close the innermost bracket of a kind, and cut those within it."""
        for k in reversed(range(len(self.brackets))):
            if self.tokens[self.brackets[k]].type == opener:
                if unclosed := self.brackets[k + 1 :]:
                    self.found.cuts[i] = tuple(reversed(unclosed))
                del self.brackets[k:]
                return
        self.found.stray.add(i)

    def cut(self, unclosed: Sequence[int], end: int, i: int) -> int:
        """End brackets or a brace before token `end`, and match again what seemed to be their inside."""
        if end < i:
            self.rewinds += 1
            if self.rewinds > MAX_REWINDS:
                end = i
            cuts = self.found.cuts
            for k in [k for k in cuts if k > end]:
                del cuts[k]
            self.found.stray = {k for k in self.found.stray if k <= end}
        self.found.cuts[end] = (*self.found.cuts.get(end, ()), *reversed(unclosed))
        return end

    def column(self, i: int) -> int:
        return (self.tokens[i].column or 1) if i < len(self.tokens) else 1


def _must_begin_statement(tokens: Sequence[Token], i: int, words: frozenset[str] = STATEMENT_WORDS) -> bool:
    """A statement word with another word behind it occurs nowhere else; nor does `name <-`."""
    update = words is STATEMENT_WORDS and [t.type for t in tokens[i : i + 2]] == ["NAME", "BECOMES"]
    return update or (_side_by_side(tokens, i) and tokens[i].value in words)


def _reads_like_statement(tokens: Sequence[Token], i: int) -> bool:
    if _side_by_side(tokens, i):
        return True
    if i >= len(tokens) or tokens[i].type != "NAME":
        return False
    types = [t.type for t in tokens[i + 1 : i + 20]]
    if types[:1] == ["LSQB"] and "RSQB" in types:
        del types[: types.index("RSQB") + 1]
    return types[:1] in (["EQUALS"], ["BECOMES"])


def _side_by_side(tokens: Sequence[Token], i: int) -> bool:
    """Whether a name has another value right behind it, as no expression has."""
    if i + 1 >= len(tokens) or tokens[i].type != "NAME" or tokens[i].value in RESERVED:
        return False
    following = tokens[i + 1]
    return following.type in ("NAME", "NUMBER", "STRING") and following.value not in RESERVED
