"""The surface of the language: net.lark, and the parser that is made of it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from lark import Lark, Transformer


@cache
def parser(tree: Transformer[object, object]) -> Lark:
    """The LALR parser of .net files, which hands every finished rule to `tree`. Built once in a process.

    Start symbols: `module` for a file, `expression` for one expression.
    """
    return Lark(
        files(__name__).joinpath("net.lark").read_text("utf-8"),
        parser="lalr",
        lexer="basic",
        start=["module", "expression", "mistake"],
        transformer=tree,
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
