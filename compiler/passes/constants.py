"""Arithmetic with known numbers, done while compiling."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from ..build import Value
from .rewrite import Rules, Term

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "square": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "reciprocal": np.reciprocal,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "relu": lambda x: np.maximum(x, 0),
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "cast": lambda x: x,
    "where": np.where,
}


def _folded(term: Term) -> Value | None:
    """In the operands' dtypes, as the program would. What is not finite stays, for the program to show."""
    numbers = [term.of(i).number for i in range(len(term.operands))]
    if any(number is None for number in numbers):
        return None
    arrays = [np.asarray(n, v.dtype) for n, v in zip(numbers, term.operands, strict=True)]
    with np.errstate(all="ignore"):
        result = np.asarray(_FUNCTIONS[term.op](*arrays)).astype(term.type.dtype)
    # The shortest text of a float32, so that 0.1 is read as 0.1 where it is printed.
    number = float(str(result)) if term.type.is_float else result.item()
    if not isfinite(number):
        return None
    return term.build.constant(number, term.type.dtype).broadcast(term.type.shape)


def _known_size(term: Term) -> Value | None:
    dim = term.attr("dim")
    return term.build.constant(dim, term.type.dtype) if isinstance(dim, int) else None


RULES: Rules = {**dict.fromkeys(_FUNCTIONS, (_folded,)), "size": (_known_size,)}
