"""The surface of the language: net.lark, and the parser that is made of it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO
from pickle import loads
from typing import Any

import lark
from lark import Lark, Transformer

from .store import Store

_OPTIONS: dict[str, Any] = {
    "parser": "lalr",
    "lexer": "basic",
    "start": ["module", "expression", "mistake"],
    "keep_all_tokens": True,
    "maybe_placeholders": False,
}


@cache
def parser(tree: Transformer[object, object]) -> Lark:
    """The LALR parser of .net files, which hands every finished rule to `tree`. Made once in a process.

    Start symbols: `module` for a file, `expression` for one expression. The tables, on which making it
    spends nearly all of its time, are kept for later processes.
    """
    text = files(__name__).joinpath("net.lark").read_text("utf-8")
    tables = Store("parser").kept(f"{lark.__version__} {_OPTIONS} {text}", lambda: _tables(text))
    return Lark._load_from_dict(**loads(tables), transformer=tree)  # Lark.load takes no transformer


def _tables(text: str) -> bytes:
    file = BytesIO()
    Lark(text, **_OPTIONS).save(file)
    return file.getvalue()
