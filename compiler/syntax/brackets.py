"""Which brackets of a file match, and where the ones that are never closed should have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lark import Token

MAX_DEPTH = 200
MAX_UNCLOSED = 20

TOP_WORDS = frozenset("layer optimizer input output loss metric data train include".split())
STATEMENT_WORDS = TOP_WORDS | frozenset("dim param state shared repeat if scan carry return".split())
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

    A bracket is unclosed when a brace, the end of the file or what can only be a new statement comes first; it is
    then taken to end where the next line begins that reads like a statement. An unclosed brace is taken to
    end before the first line within it that belongs to the top of a file.
    """
    found = Brackets()
    braces: list[int] = []
    brackets: list[int] = []  # those open within the current statement
    ends: dict[int, int] = {}  # brace -> the line within it that belongs to the top of a file
    rewinds = 0
    i = 0
    while i < len(tokens) or brackets or braces:
        type = tokens[i].type if i < len(tokens) else "$END"
        if brackets and (
            type in ("LBRACE", "$END")
            or (type == "RBRACE" and braces)
            or (type == "NEWLINE" and _must_begin_statement(tokens, i + 1))
        ):
            last = brackets[-1]
            lines = (
                k
                for k in range(last, i)
                if tokens[k].type == "NEWLINE" and _reads_like_statement(tokens, k + 1)
            )
            end = next(lines, i) if rewinds < MAX_UNCLOSED else i
            _rewind(found, end)
            found.cuts[end] = (*found.cuts.get(end, ()), *reversed(brackets))
            brackets.clear()
            rewinds += 1
            i = end
            continue
        if type == "$END":
            opener = braces.pop()
            end = ends.get(opener, i) if rewinds < MAX_UNCLOSED else i
            _rewind(found, end)
            found.cuts[end] = (*found.cuts.get(end, ()), opener)
            rewinds += 1
            i = end
            continue
        if type == "NEWLINE" and braces and not brackets and _must_begin_statement(tokens, i + 1, TOP_WORDS):
            ends.setdefault(braces[-1], i)
        elif type in ("LPAR", "LSQB", "LBRACE"):
            (braces if type == "LBRACE" else brackets).append(i)
            if len(braces) + len(brackets) > MAX_DEPTH:
                found.too_deep = i
                return found
        elif type == "RBRACE":
            if braces:
                braces.pop()
            else:
                found.stray.add(i)
        elif type in _OPENER:
            inner = _innermost(tokens, brackets, _OPENER[type])
            if inner is None:
                found.stray.add(i)
            else:
                if unclosed := brackets[inner + 1 :]:
                    found.cuts[i] = tuple(reversed(unclosed))
                del brackets[inner:]
        i += 1
    return found


def _rewind(found: Brackets, end: int) -> None:
    for i in [i for i in found.cuts if i > end]:
        del found.cuts[i]
    found.stray = {i for i in found.stray if i <= end}


def _innermost(tokens: Sequence[Token], brackets: Sequence[int], type: str) -> int | None:
    return next((k for k in reversed(range(len(brackets))) if tokens[brackets[k]].type == type), None)


def _must_begin_statement(tokens: Sequence[Token], i: int, words: frozenset[str] = STATEMENT_WORDS) -> bool:
    """A statement word and another word side by side occur nowhere else; nor does `name <-`."""
    if i + 1 >= len(tokens) or tokens[i].type != "NAME":
        return False
    following = tokens[i + 1]
    if following.type == "BECOMES":
        return words is STATEMENT_WORDS
    return tokens[i].value in words and (
        following.type in ("NUMBER", "STRING")
        or (following.type == "NAME" and following.value not in RESERVED)
    )


def _reads_like_statement(tokens: Sequence[Token], i: int) -> bool:
    if _must_begin_statement(tokens, i):
        return True
    if i >= len(tokens) or tokens[i].type != "NAME":
        return False
    types = [t.type for t in tokens[i + 1 : i + 20]]
    if types[:1] == ["LSQB"] and "RSQB" in types:
        del types[: types.index("RSQB") + 1]
    return types[:1] in (["EQUALS"], ["BECOMES"])
