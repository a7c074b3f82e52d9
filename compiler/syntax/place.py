"""The place where the grammar cannot go on, and what stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..diagnostics import Span
from .layout import Lexeme

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "LSET": "RBRACE"}
_ENDED = ("UNCLOSED", "STRAY_CLOSER")
ENDS = ("NL", "RBRACE", "$END")
OPERATORS = ("PLUS", "MINUS", "FACTOR", "POWER", "COMPARE", "AND", "OR", "NOT")


@dataclass(frozen=True, slots=True)
class Place:
    """Lexeme i does not fit into the statement that begins at `statement`; one of `expected` would."""

    lexemes: Sequence[Lexeme]
    i: int
    statement: int
    expected: frozenset[str]

    @property
    def found(self) -> Lexeme:
        return self.lexemes[self.i]

    @property
    def before(self) -> Lexeme:
        """The lexeme before; at the start of a statement, the first of it."""
        return self.lexemes[max(self.i - 1, self.statement)]

    @property
    def following(self) -> Lexeme:
        return self.lexemes[min(self.i + 1, len(self.lexemes) - 1)]

    @property
    def first(self) -> Lexeme:
        return self.lexemes[self.statement]

    @property
    def position(self) -> int:
        """How many lexemes of the statement stand before."""
        return self.i - self.statement

    @property
    def at_end(self) -> bool:
        return self.found.type in ENDS

    @property
    def end(self) -> int:
        """The position behind the statement's last lexeme on this level."""
        last = self.i
        while last < len(self.lexemes) and self.lexemes[last].statement == self.statement:
            last += 1
        return last

    @property
    def gap(self) -> Span:
        """Right behind the lexeme before."""
        end = self.before.span.end
        return Span(self.before.span.source, end, end)

    @property
    def ends_value(self) -> bool:
        """Whether a value may end with the lexeme before."""
        return self.position > 0 and self.before.type in ("NAME", "NUMBER", "STRING", "RPAR", "RSQB")

    @property
    def begins_value(self) -> bool:
        """Whether a value may begin with the lexeme found."""
        return self.found.type in ("NAME", "NUMBER", "STRING", "LPAR")

    @property
    def opener(self) -> int | None:
        """The innermost bracket of the statement that is open here."""
        return self._unmatched(self.i, self.statement)

    @property
    def block(self) -> Lexeme | None:
        """The brace of the block in which the statement stands."""
        found = self._unmatched(self.statement, 0)
        return None if found is None else self.lexemes[found]

    def rest(self, i: int) -> str:
        """The text of the statement from lexeme i on, as far as its line goes."""
        last = i
        while (
            self.lexemes[last + 1].statement == self.statement and self.lexemes[last + 1].type not in _ENDED
        ):
            last += 1
        return self.lexemes[i].span.to(self.lexemes[last].span).text.split("\n")[0].strip()

    def _unmatched(self, i: int, start: int) -> int | None:
        depth = 0
        for k in range(i - 1, start - 1, -1):
            type = self.lexemes[k].type
            if type in OPENERS:
                if depth == 0:
                    return k
                depth -= 1
            elif type in OPENERS.values():
                depth += 1
        return None
