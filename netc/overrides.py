"""Overrides of a spec's dims and training, as expressions of the language."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .compiler.diagnostics import Source

if TYPE_CHECKING:
    from .compiler import ast


def expressions(values: Mapping[str, float | str] | None) -> dict[str, ast.Expr]:
    """Overrides that a program gives: numbers, or texts of expressions. Raises SpecError, ValueError."""
    return {
        name: expression(_text(name, value), f"override of {name}") for name, value in (values or {}).items()
    }


def expression(text: str, place: str) -> ast.Expr:
    """An expression; place is what errors call its text. Raises SpecError."""
    from .compiler.parse import parse_expression

    return parse_expression(Source(place, text))


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(operator.index(value))
    except TypeError:
        pass
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        raise ValueError(f"{name} should be a number or a text, not {value!r}") from None
