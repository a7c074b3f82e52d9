"""From the lexer's tokens to the grammar's: where statements begin and end, and which words begin them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from lark import Token

from ..diagnostics import Source, Span
from .brackets import RESERVED, STATEMENT_WORDS, Brackets


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token of the grammar. `statement` is the position of its statement's first lexeme, -1 between two."""

    type: str
    span: Span
    statement: int

    @property
    def text(self) -> str:
        return self.span.text


def arrange(
    source: Source, tokens: Sequence[Token], brackets: Brackets, words: frozenset[str] = STATEMENT_WORDS
) -> list[Lexeme]:
    """The tokens as the grammar wants them, ending with $END.

    A newline ends a statement, except within ( ) and [ ], before `->`, `else` and `{`, and where no statement
    would stand; a comma does between settings. Statement `words` are keywords at the start of a statement
    alone. A bracket that is never closed gives an UNCLOSED lexeme, which bears the span of the opener, where
    its statement ends; a closer of nothing gives a STRAY_CLOSER.
    """
    layout = _Layout(source, tokens, brackets, words)
    for i, token in enumerate(tokens):
        layout.close(i)
        layout.token(i, token)
    layout.close(len(tokens))
    layout.end()
    return layout.out


class _Layout:
    def __init__(
        self, source: Source, tokens: Sequence[Token], brackets: Brackets, words: frozenset[str]
    ) -> None:
        self.source = source
        self.tokens = tokens
        self.brackets = brackets
        self.words = words
        self.out: list[Lexeme] = []
        self.open: list[tuple[str, int]] = []  # the type of an opener and the statement that it stands in
        self.statement = -1  # -1: the next lexeme begins one
        self.ended = -1  # the statement before

    def token(self, i: int, token: Token) -> None:
        start, end = _offsets(token)
        type = token.type
        inside = self.open[-1][0] if self.open else ""
        if type == "NEWLINE":
            if inside not in ("LPAR", "LSQB"):
                self.end_statement(start, end)
            return
        if type == "COMMA" and inside == "LSET" and not self.follows(",", "{"):
            self.end_statement(start, end)
            return
        if i in self.brackets.stray:
            type = "STRAY_CLOSER"
        elif type == "RBRACE":
            self.drop_newline()
            self.statement = self.open.pop()[1]
        elif type in ("RPAR", "RSQB"):
            self.open.pop()
        elif type in ("ARROW", "LBRACE") or (type == "NAME" and token.value == "else"):
            self.resume()
        begins = self.statement < 0
        if begins:
            self.statement = len(self.out)
        if type == "NAME":
            type = self.word(i, token, inside != "LSET" and (begins or self.out[-1].type == "ELSE"))
        elif type == "LBRACE" and not begins and self.holds_settings(self.out[self.statement]):
            type = "LSET"
        self.add(type, start, end)
        if type in ("LPAR", "LSQB", "LBRACE", "LSET"):
            self.open.append((type, self.statement))
        if type in ("LBRACE", "LSET"):
            self.statement = -1

    def holds_settings(self, first: Lexeme) -> bool:
        """Whether a statement's block is that of data or train: their word may be misspelt, or missing."""
        misspelt = first.type == "NAME" and get_close_matches(first.text, ("data", "train"), 1, 0.6)
        missing = [x.type for x in self.out[first.statement :][:2]] == ["NAME", "LPAR"]
        return first.type in ("DATA", "TRAIN") or bool(misspelt) or missing

    def word(self, i: int, token: Token, begins: bool) -> str:
        text = str(token.value)
        if text in RESERVED:
            return RESERVED[text]
        following = self.tokens[i + 1].type if i + 1 < len(self.tokens) else ""
        return text.upper() if begins and text in self.words and following != "BECOMES" else "NAME"

    def close(self, i: int) -> None:
        """What is never closed ends here: a bracket with its statement, a brace in a statement of its own."""
        for opener in self.brackets.cuts.get(i, ()):
            start, end = _offsets(self.tokens[opener])
            if self.open[-1][0] in ("LBRACE", "LSET"):
                self.end_statement(end, end)
                self.statement = len(self.out)
                self.add("UNCLOSED", start, end)
                self.statement = self.open.pop()[1]
                self.add("RBRACE", end, end)
            else:
                self.add("UNCLOSED", start, end)
                self.open.pop()

    def end_statement(self, start: int, end: int) -> None:
        if self.statement >= 0:
            self.ended = self.statement
            self.statement = -1
            self.add("NL", start, end)

    def resume(self) -> None:
        """The statement before goes on after all."""
        if self.out and self.out[-1].type == "NL" and not self.follows(","):
            self.drop_newline()
            self.statement = self.ended

    def drop_newline(self) -> None:
        if self.out and self.out[-1].type == "NL":
            self.out.pop()

    def follows(self, *texts: str) -> bool:
        return bool(self.out) and self.out[-1].text in texts

    def end(self) -> None:
        self.drop_newline()
        self.statement = -1
        self.add("$END", len(self.source.text), len(self.source.text))

    def add(self, type: str, start: int, end: int) -> None:
        self.out.append(Lexeme(type, Span(self.source, start, end), self.statement))


def _offsets(token: Token) -> tuple[int, int]:
    start = token.start_pos or 0
    return start, start + len(token)
