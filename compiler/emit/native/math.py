"""Functions of numbers, lane by lane.

In float32 the common ones are polynomials on whole vectors, good to two units in the last place. Everything
else calls the C library for each lane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .text import Function, Value, number

_LIBRARY = {
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "log1p", "expm1",
    "erf", "pow",
}  # fmt: skip


def _like(x: Value, value: float) -> Value:
    return number(value, x.element, x.lanes)


def _polynomial(fn: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule, the highest power first."""
    total = _like(x, coefficients[0])
    for c in coefficients[1:]:
        total = fn.fma(total, x, _like(x, c))
    return total


def library(fn: Function, name: str, *operands: Value) -> Value:
    """A function of the C library, called for each lane.

    It looks at the bits of numbers: those that count as 0 must be 0 (see `sync`).
    """
    operands = tuple(fn.intrinsic("canonicalize", o) if o.is_float else o for o in operands)
    first = operands[0]
    symbol = f"{name}f" if first.element == "float" else name
    result = Value("", first.element)
    if not first.lanes:
        return fn.call(symbol, operands, result)
    lanes = [[fn.extract(o, lane) for o in operands] for lane in range(first.lanes)]
    return fn.gathered([fn.call(symbol, scalars, result) for scalars in lanes])


def _int(fn: Function, x: Value) -> Value:
    return fn.cast("fptosi", x, "i32")


def _scaled(fn: Function, x: Value, power: Value) -> Value:
    """x · 2^power for an i32 power, in two factors so that neither overflows before the product does."""
    half = fn.binary("ashr", power, number(1, "i32", x.lanes))
    for part in (half, fn.binary("sub", power, half)):
        bits = fn.binary(
            "shl", fn.binary("add", part, number(127, "i32", x.lanes)), number(23, "i32", x.lanes)
        )
        x = fn.binary("fmul", x, fn.cast("bitcast", bits, "float"))
    return x


# e^r for |r| <= log(2)/2, the Taylor series; its first term that is left out is below 2^-25.
_EXP = (1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0)
_LOG2_HIGH, _LOG2_LOW = 0.693359375, -2.12194440e-4  # log(2) in two parts: Cody & Waite 1980


def _reduced(fn: Function, x: Value) -> tuple[Value, Value]:
    """r and n with x = n·log(2) + r."""
    clipped = fn.intrinsic("minnum", fn.intrinsic("maxnum", x, _like(x, -105.0)), _like(x, 90.0))
    n = fn.intrinsic("roundeven", fn.binary("fmul", clipped, _like(x, 1.4426950408889634)))
    r = fn.fma(n, _like(x, -_LOG2_HIGH), clipped)
    return fn.fma(n, _like(x, -_LOG2_LOW), r), n


def exp(fn: Function, x: Value) -> Value:
    if x.element != "float":
        return library(fn, "exp", x)
    r, n = _reduced(fn, x)
    found = _scaled(fn, _polynomial(fn, r, _EXP), _int(fn, n))
    return fn.select(fn.compare("uno", x, x), x, found)


def expm1(fn: Function, x: Value) -> Value:
    """exp(x) - 1; near 0 by the series, where the difference would cancel."""
    if x.element != "float":
        return library(fn, "expm1", x)
    series = fn.binary("fmul", _polynomial(fn, x, (1 / 40320, *_EXP[:-1])), x)
    small = fn.compare("olt", fn.intrinsic("fabs", x), _like(x, 0.5))
    return fn.select(small, series, fn.binary("fsub", exp(fn, x), _like(x, 1.0)))


# log((1 + z) / (1 - z)) / z = 2 (1 + z²/3 + z⁴/5 + …) for z² <= 0.0295
_LOG = tuple(2 / k for k in (13, 11, 9, 7, 5, 3, 1))


def _log_parts(fn: Function, x: Value) -> tuple[Value, Value]:
    """m and e with x = m·2^e and m in √½ … √2, for a positive normal x."""
    bits = fn.cast("bitcast", x, "i32")
    offset = number(0x3F3504F3, "i32", x.lanes)  # √½
    shifted = fn.binary("sub", bits, offset)
    e = fn.binary("ashr", shifted, number(23, "i32", x.lanes))
    mantissa = fn.binary("sub", bits, fn.binary("shl", e, number(23, "i32", x.lanes)))
    return fn.cast("bitcast", mantissa, "float"), fn.cast("sitofp", e, "float")


def _log_of(fn: Function, m: Value, e: Value) -> Value:
    z = fn.binary("fdiv", fn.binary("fsub", m, _like(m, 1.0)), fn.binary("fadd", m, _like(m, 1.0)))
    series = fn.binary("fmul", z, _polynomial(fn, fn.binary("fmul", z, z), _LOG))
    low = fn.fma(e, _like(m, _LOG2_LOW), series)
    return fn.fma(e, _like(m, _LOG2_HIGH), low)


def log(fn: Function, x: Value) -> Value:
    if x.element != "float":
        return library(fn, "log", x)
    # Numbers below the normal ones are scaled up first.
    tiny = fn.compare("olt", x, _like(x, 2.0**-126))
    m, e = _log_parts(fn, fn.select(tiny, fn.binary("fmul", x, _like(x, 2.0**24)), x))
    e = fn.select(tiny, fn.binary("fsub", e, _like(x, 24.0)), e)
    found = _log_of(fn, m, e)
    infinite = fn.compare("oeq", x, _like(x, float("inf")))
    found = fn.select(infinite, x, found)
    found = fn.select(fn.compare("oeq", x, _like(x, 0.0)), _like(x, float("-inf")), found)
    return fn.select(fn.compare("ult", x, _like(x, 0.0)), _like(x, float("nan")), found)


def log1p(fn: Function, x: Value) -> Value:
    """log(1 + x), with what is lost in rounding 1 + x put back. Source: Goldberg 1991, theorem 4."""
    if x.element != "float":
        return library(fn, "log1p", x)
    one = _like(x, 1.0)
    u = fn.binary("fadd", x, one)
    d = fn.binary("fsub", u, one)
    corrected = fn.binary("fmul", log(fn, u), fn.binary("fdiv", x, d))
    same = fn.compare("oeq", d, _like(x, 0.0))
    large = fn.compare("oeq", u, _like(x, float("inf")))
    return fn.select(same, x, fn.select(large, u, corrected))


def tanh(fn: Function, x: Value) -> Value:
    """(1 - q) / (1 + q) with q = exp(-2|x|), written with expm1 so that it is exact near 0."""
    if x.element != "float":
        return library(fn, "tanh", x)
    q = expm1(fn, fn.binary("fmul", fn.intrinsic("fabs", x), _like(x, -2.0)))
    found = fn.binary(
        "fdiv", fn.instruction(f"fneg {q}", q.element, q.lanes), fn.binary("fadd", q, _like(x, 2.0))
    )
    return fn.intrinsic("copysign", found, x)


def sigmoid(fn: Function, x: Value) -> Value:
    """1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows."""
    e = exp(fn, negative(fn, fn.intrinsic("fabs", x)))
    share = fn.binary("fdiv", _like(x, 1.0), fn.binary("fadd", _like(x, 1.0), e))
    return fn.select(fn.compare("olt", x, _like(x, 0.0)), fn.binary("fmul", e, share), share)


def softplus(fn: Function, x: Value) -> Value:
    """max(x, 0) + log1p(exp(-|x|))."""
    rest = log1p(fn, exp(fn, negative(fn, fn.intrinsic("fabs", x))))
    return fn.binary("fadd", relu(fn, x), rest)


def relu(fn: Function, x: Value) -> Value:
    zero = _like(x, 0)
    condition = "olt" if x.is_float else "slt"
    return fn.select(fn.compare(condition, x, zero), zero, x)  # a NaN stays one


def negative(fn: Function, x: Value) -> Value:
    if x.is_float:
        return fn.instruction(f"fneg {x}", x.element, x.lanes)
    return fn.binary("sub", _like(x, 0), x)


Unary = Callable[[Function, Value], Value]


def called(name: str) -> Unary:
    """The C library's function of that name."""
    if name not in _LIBRARY:
        raise KeyError(name)
    return lambda fn, x: library(fn, name, x)
