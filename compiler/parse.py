"""Text to syntax tree, with all of its mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import cast

from lark import Token, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from ..grammar import parser
from . import ast
from .diagnostics import Diagnostic, Source, Span, SpecError
from .limits import most, raising
from .syntax.brackets import STATEMENT_WORDS, match
from .syntax.errors import describe
from .syntax.layout import Lexeme, arrange
from .syntax.place import OPERATORS
from .syntax.slips import Slip
from .syntax.tree import TreeBuilder

MAX_ERRORS = 20

_TREE = TreeBuilder()


def parse(source: Source) -> ast.Module:
    """The syntax tree of a file. Raises SpecError with every syntax error in it, 20 at most."""
    items = cast(tuple[ast.Item, ...], _Parsing(source, "module").run())
    return ast.Module(Span(source, 0, len(source.text)), items)


def parse_expression(source: Source) -> ast.Expr:
    """The syntax tree of one expression, as in `H=2*16` on the command line. Raises SpecError."""
    return cast(ast.Expr, _Parsing(source, "expression").run())


class _Parsing:
    """One run of the parser over one text.

    A mistake costs its statement: the parser's stack is taken back to where the statement began, an ERROR
    stands for it, and parsing goes on with its block or behind it. Of a statement only the first mistake is
    reported.
    """

    def __init__(self, source: Source, start: str) -> None:
        self.source = source
        self.start = start
        self.errors: dict[int, Diagnostic] = {}  # by statement
        self.lost_block = False  # a layer without braces leaves its `return` behind
        self.heights: dict[int, int] = {}  # of the parser's stack where a statement begins

    def run(self) -> object:
        _check_text(self.source)
        parsing = parser(_TREE).parse_interactive(self.source.text, self.start)
        tokens = list(parsing.lexer_thread.lex(parsing.parser_state))
        brackets = match(tokens)
        if brackets.too_deep is not None:
            start = tokens[brackets.too_deep].start_pos or 0
            raise SpecError(_too_deep(Span(self.source, start, start + 1)))
        words = STATEMENT_WORDS if self.start == "module" else frozenset[str]()
        lexemes = arrange(self.source, tokens, brackets, words)
        result = self.feed(parsing, lexemes)
        if self.errors:
            raise SpecError(*self.errors.values())
        _check_depth(result)
        return result

    def feed(self, parsing: InteractiveParser, lexemes: Sequence[Lexeme]) -> object:
        result: object = None
        i = 0
        while i < len(lexemes) and len(self.errors) < MAX_ERRORS:
            if lexemes[i].statement == i:
                self.heights.setdefault(i, len(parsing.parser_state.state_stack))
            try:
                result = parsing.feed_token(cast(Token, lexemes[i]))
                i += 1
            except (UnexpectedToken, Slip) as mistake:
                statement = _statement(lexemes, i)
                orphan = self.lost_block and lexemes[statement].type == "RETURN"
                if statement not in self.errors and not orphan:
                    self.errors[statement] = describe(mistake, lexemes, i, statement)
                if self.start == "expression":
                    break
                i = self.recover(parsing, lexemes, i, statement)
        return result

    def recover(self, parsing: InteractiveParser, lexemes: Sequence[Lexeme], i: int, statement: int) -> int:
        """Put an ERROR in the statement's place; the position to go on from."""
        state = parsing.parser_state
        height = self.heights[statement]
        del state.state_stack[height:], state.value_stack[height - 1 :]
        parsing.feed_token(cast(Token, Lexeme("ERROR", lexemes[i].span, statement)))
        while lexemes[i].statement == statement >= 0 and lexemes[i].type not in ("LBRACE", "LSET"):
            i += 1
        last = lexemes[i - 1].type
        if lexemes[i].type == "NL" and _lacks_block(lexemes, statement, i):
            self.lost_block = True
            i = _behind_indented(lexemes, i, lexemes[statement].span.column)
        elif lexemes[i].type == "NL" and last in (*OPERATORS, "COMMA", "ARROW", "EQUALS"):
            i = _behind_indented(lexemes, i, lexemes[statement].span.column)
        return i


def _statement(lexemes: Sequence[Lexeme], i: int) -> int:
    """The statement to which a mistake at lexeme i belongs."""
    ended = i > 0 and lexemes[i].type in ("NL", "RBRACE", "$END")
    return max(lexemes[i - 1 if ended else i].statement, 0)


def _lacks_block(lexemes: Sequence[Lexeme], statement: int, end: int) -> bool:
    """Whether a statement that wants a block has none."""
    words = [x.type for x in lexemes[statement:end]]
    wants = words[0] in ("LAYER", "OPTIMIZER", "REPEAT", "IF", "SCAN") or words[-1] == "COLON"
    return wants and "LBRACE" not in words


def _behind_indented(lexemes: Sequence[Lexeme], newline: int, column: int) -> int:
    """The end of the last of the following statements that are indented deeper than `column`."""
    i = newline
    while lexemes[i].type == "NL" and lexemes[i + 1].span.column > column:
        i += 1
        depth = 0
        while depth or lexemes[i].type not in ("NL", "RBRACE", "$END"):
            depth += (lexemes[i].type in ("LBRACE", "LSET")) - (lexemes[i].type == "RBRACE")
            i += 1
    return i


def _check_text(source: Source) -> None:
    text = source.text
    nul = text.find("\0")
    lone = re.search(r"\r(?!\n)", text)
    if nul >= 0:
        title = "this is not a text file: it holds a NUL character"
        raise SpecError(Diagnostic("syntax", title, Span(source, nul, nul + 1), help="save it as UTF-8 text"))
    if len(text) > most("characters"):
        title = f"this file is too large: {len(text):,} characters, where {most('characters'):,} are allowed"
        beginning = Source(source.name, text[:1000])  # whose lines are soon counted
        raise SpecError(Diagnostic("limit", title, Span(beginning, 0, 0), help=raising("characters")))
    if lone:
        title = "a line ends in a carriage return alone"
        help = "save the file with the line ends of Unix (LF) or Windows (CRLF)"
        raise SpecError(Diagnostic("syntax", title, Span(source, lone.start(), lone.end()), help=help))


def _check_depth(tree: object) -> None:
    """Later stages walk the tree by recursion, so that its depth has a limit; `1 + 1 + …` too is deep."""
    deepest = most("nesting")
    pending: list[tuple[object, int]] = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, tuple):
            pending += [(n, depth) for n in cast(tuple[object, ...], node)]
        elif is_dataclass(node) and not isinstance(node, Span):
            if depth > deepest:
                raise SpecError(_too_deep(cast(ast.Expr, node).span))
            pending += [(getattr(node, name), depth + 1) for name in type(node).__dataclass_fields__]


def _too_deep(span: Span) -> Diagnostic:
    title = f"this is nested more than {most('nesting')} deep"
    help = f"give parts of it names of their own; {raising('nesting')}"
    return Diagnostic("limit", title, span, help=help)
