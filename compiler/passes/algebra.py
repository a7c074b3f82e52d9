"""Equations of elementwise operations, and of two tensors that broadcast."""

from __future__ import annotations

from ..build import Value
from ..ir import DType
from ..ops.op import REGISTRY
from .pattern import equations
from .rewrite import Rules, Term, united

# Exact but for rounding, and but for x * 0, x - x and 0 / x where the result would not be finite.
_EQUATIONS = equations(
    ("x + 0", "x"),
    ("x - 0", "x"),
    ("0 - x", "-x"),
    ("x - x", "0"),
    ("x + x", "2 * x"),
    ("x * 1", "x"),
    ("x * 0", "0"),
    ("x * -1", "-x"),
    ("x * x", "square(x)"),
    ("x / 1", "x"),
    ("x / -1", "-x"),
    ("0 / x", "0"),
    # Signs go outwards, until they meet a sum.
    ("-(-x)", "x"),
    ("-(x - y)", "y - x"),
    ("-(c * x)", "(-c) * x"),
    ("-(c / x)", "(-c) / x"),
    ("-((x - y) * z)", "(y - x) * z"),
    ("-((x - y) / z)", "(y - x) / z"),
    ("x + -y", "x - y"),
    ("x - -y", "x + y"),
    ("-x - y", "-(x + y)"),
    ("-x * y", "-(x * y)"),
    ("x * -y", "-(x * y)"),
    ("-x / y", "-(x / y)"),
    ("x / -y", "-(x / y)"),
    ("square(-x)", "square(x)"),
    ("abs(-x)", "abs(x)"),
    # Known numbers come together.
    ("(x + c) + d", "x + (c + d)"),
    ("(x - c) + d", "x + (d - c)"),
    ("(x + c) - d", "x + (c - d)"),
    ("(x - c) - d", "x - (c + d)"),
    ("c - (d - x)", "x + (c - d)"),
    ("c - (d + x)", "(c - d) - x"),
    ("(x * c) * d", "(c * d) * x"),
    # c / x before x / n: otherwise two numbers would change places for ever.
    ("(c / x) * d", "(c * d) / x"),
    ("(c / x) / d", "(c / d) / x"),
    ("(x * c) / n", "x * (c / n)"),
    ("(x / n) * c", "x * (c / n)"),
    ("x * (1 / y)", "x / y"),
    ("x * (-1 / y)", "-(x / y)"),
    ("x * reciprocal(y)", "x / y"),
    ("(x / n) / c", "x / (c * n)"),
    ("n / n", "1"),
    ("(x * n) / n", "x"),
    ("(x / n) * n", "x"),
    # Scalars are multiplied once.
    ("x * s + y * s", "(x + y) * s"),
    ("x * s - y * s", "(x - y) * s"),
    ("x / s + y / s", "(x + y) / s"),
    ("x / s - y / s", "(x - y) / s"),
    # Powers.
    ("x ** 1", "x"),
    ("x ** 2", "square(x)"),
    ("x ** 0", "1"),
    ("x ** 0.5", "sqrt(x)"),
    ("x ** -0.5", "rsqrt(x)"),
    ("x ** -1", "reciprocal(x)"),
    ("square(abs(x))", "square(x)"),
    ("abs(abs(x))", "abs(x)"),
    ("abs(square(x))", "square(x)"),
    ("relu(relu(x))", "relu(x)"),
    # Choices.
    ("maximum(x, x)", "x"),
    ("minimum(x, x)", "x"),
    ("where(b, x, x)", "x"),
    ("where(1, x, y)", "x"),
    ("where(not_(b), x, y)", "where(b, y, x)"),
    ("where(0, x, y)", "y"),
    ("and_(x, x)", "x"),
    ("or_(x, x)", "x"),
    ("not_(not_(x))", "x"),
)


def _before_broadcasting(term: Term) -> Value | None:
    """Elementwise operations broadcast by themselves, and are best done before numbers are repeated."""
    sources = [_source(term.of(i), value) for i, value in enumerate(term.operands)]
    if all(a.id == b.id for a, b in zip(sources, term.operands, strict=True)):
        return None
    type = REGISTRY[term.op].infer(*[v.type for v in sources], **dict(term.attrs))
    return term.build.add(term.op, sources, type, term.attrs).broadcast(term.type.shape)


def _source(term: Term, value: Value) -> Value:
    """What gives the same when it is broadcast."""
    if term.op == "broadcast" or (term.op == "reshape" and adds_leading_axes(term)):
        return term.operands[0]
    return value


def adds_leading_axes(term: Term) -> bool:
    """Whether a reshape or broadcast only puts axes of size 1 before the others."""
    before, after = term.operands[0].shape, term.type.shape
    added = len(after) - len(before)
    return added >= 0 and after == (1,) * added + before


def mapped(term: Term) -> int | None:
    """Which operand an elementwise operation changes number by number, where the others are scalars."""
    if REGISTRY[term.op].kind != "elementwise":
        return None
    arrays = [i for i, value in enumerate(term.operands) if value.shape]
    return arrays[0] if len(arrays) == 1 else None


def with_operand(term: Term, position: int, value: Value) -> Value:
    """The elementwise operation, done to another array."""
    operands = [value if i == position else v for i, v in enumerate(term.operands)]
    return term.build.add(term.op, operands, term.type.with_shape(value.shape), term.attrs)


def _small_first(term: Term) -> Value | None:
    """small * (other * large) is (small * other) * large, where the other is small too."""
    for position in (0, 1):
        small, inner = term.operands[1 - position], term.of(position)
        if inner.op != "mul" or small.shape == term.type.shape or not term.alone_reads(position):
            continue
        for other, large in (inner.operands, inner.operands[::-1]):
            if large.shape == term.type.shape and other.shape != term.type.shape:
                product = small * other
                return product * large if product.shape != term.type.shape else None
    return None


_LOSSLESS: tuple[tuple[DType, ...], ...] = (
    ("bool", "uint8", "uint16", "int32", "int64"),
    ("bool", "uint8", "uint16", "float32", "float64"),
    ("int32", "float64"),
)


def _cast(term: Term) -> Value | None:
    """No cast at all, or one instead of two where the first keeps every number."""
    x = term.operands[0]
    if x.dtype == term.type.dtype:
        return x
    inner = term.of(0)
    if inner.op == "cast" and _is_lossless(inner.operands[0].dtype, x.dtype):
        return inner.operands[0].cast(term.type.dtype)
    return None


def _is_lossless(a: DType, b: DType) -> bool:
    return any(a in order and b in order[order.index(a) :] for order in _LOSSLESS)


RULES: Rules = united(
    {op.name: (_before_broadcasting,) for op in REGISTRY.values() if op.kind == "elementwise"},
    {"cast": (_cast,)},
    _EQUATIONS,
    {"mul": (_small_first,)},
)
