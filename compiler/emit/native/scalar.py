"""Every elementwise primitive as instructions on one number, or on one number a lane."""

from __future__ import annotations

from collections.abc import Callable

from ...ir import DType, Node
from . import math
from .nest import ELEMENTS
from .text import Function, Value, number

UNSIGNED: tuple[DType, ...] = ("bool", "uint8", "uint16")
_CONDITIONS = {
    "eq": "oeq eq",
    "ne": "une ne",
    "lt": "olt slt",
    "le": "ole sle",
    "gt": "ogt sgt",
    "ge": "oge sge",
}
_ARITHMETIC = {"add": "fadd add", "sub": "fsub sub", "mul": "fmul mul"}


def compute(fn: Function, node: Node, operands: list[Value], dtypes: list[DType]) -> Value:
    """The value of an elementwise node. A KeyError names an operation that is not one."""
    op, x = node.op, operands[0]
    if op in _ARITHMETIC:
        if x.element == "i1":
            return fn.binary("or" if op == "add" else "and" if op == "mul" else "xor", *operands)
        return fn.binary(_ARITHMETIC[op].split()[not x.is_float], *operands)
    if op in _CONDITIONS:
        condition = _CONDITIONS[op].split()[not x.is_float]
        if not x.is_float and dtypes[0] in UNSIGNED:
            condition = condition.replace("s", "u", 1)
        return fn.compare(condition, *operands)
    match op:
        case "div":
            return fn.binary("fdiv", *operands)
        case "pow":
            return _power(fn, node, *operands)
        case "maximum" | "minimum":
            return extremum(fn, op, *operands, unsigned=dtypes[0] in UNSIGNED)
        case "and" | "or":
            return fn.binary(op, *operands)
        case "not":
            return fn.binary("xor", x, number(1, "i1", x.lanes))
        case "where":
            return fn.select(*operands)
        case "cast":
            return cast(fn, x, dtypes[0], node.type.dtype)
        case _:
            return UNARY[op](fn, x)


def extremum(fn: Function, op: str, a: Value, b: Value, unsigned: bool = False) -> Value:
    """The larger or smaller number; a NaN wins, as in NumPy."""
    if a.is_float:
        return fn.intrinsic(op, a, b)
    return fn.intrinsic(f"{'u' if unsigned else 's'}{op[:3]}", a, b)


def cast(fn: Function, x: Value, dtype: DType, to: DType) -> Value:
    """The number as another dtype, as NumPy's unsafe cast gives it for numbers that fit."""
    source, target = ELEMENTS[dtype], ELEMENTS[to]
    if source == target:
        return x
    if target == "i1":
        return fn.compare("une" if x.is_float else "ne", x, number(0, source, x.lanes))
    if x.is_float:
        if target in ("float", "double"):
            return fn.cast("fpext" if target == "double" else "fptrunc", x, target)
        return fn.cast("fptoui" if to in UNSIGNED else "fptosi", x, target)
    if target in ("float", "double"):
        return fn.cast("uitofp" if dtype in UNSIGNED else "sitofp", x, target)
    sizes = ("i1", "i8", "i16", "i32", "i64")
    if sizes.index(target) < sizes.index(source):
        return fn.cast("trunc", x, target)
    return fn.cast("zext" if dtype in UNSIGNED else "sext", x, target)


def _power(fn: Function, node: Node, x: Value, p: Value) -> Value:
    if not x.is_float:
        raise KeyError("pow of integers")
    return math.library(fn, "pow", x, p)


def _one_over(fn: Function, x: Value) -> Value:
    return fn.binary("fdiv", number(1, x.element, x.lanes), x)


def _sign(fn: Function, x: Value) -> Value:
    zero = number(0, x.element, x.lanes)
    if not x.is_float:
        positive = fn.cast("zext", fn.compare("sgt", x, zero), x.element)
        return fn.binary("sub", positive, fn.cast("zext", fn.compare("slt", x, zero), x.element))
    one = fn.intrinsic("copysign", number(1, x.element, x.lanes), x)
    return fn.select(fn.compare("one", x, zero), one, fn.binary("fadd", x, zero))  # a NaN stays one


def _abs(fn: Function, x: Value) -> Value:
    if x.is_float:
        return fn.intrinsic("fabs", x)
    return fn.intrinsic("smax", x, math.negative(fn, x))


UNARY: dict[str, Callable[[Function, Value], Value]] = {
    "neg": math.negative,
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sqrt": lambda fn, x: fn.intrinsic("sqrt", x),
    "rsqrt": lambda fn, x: _one_over(fn, fn.intrinsic("sqrt", x)),
    "square": lambda fn, x: fn.binary("fmul" if x.is_float else "mul", x, x),
    "abs": _abs,
    "sign": _sign,
    "reciprocal": _one_over,
    "tanh": math.tanh,
    "sigmoid": math.sigmoid,
    "softplus": math.softplus,
    "relu": math.relu,
    "floor": lambda fn, x: fn.intrinsic("floor", x),
    "ceil": lambda fn, x: fn.intrinsic("ceil", x),
    "round": lambda fn, x: fn.intrinsic("roundeven", x),
    **{n: math.called(n) for n in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "erf")},
}
