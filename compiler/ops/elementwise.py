"""Operations on each number by itself. Operands broadcast as in NumPy; the caller sums gradients back.

Each text is right where {out} is an operand: a plan may write over an operand that nobody reads again.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from ..ir import DType, TensorType
from .op import Draw, Op, Promotion, Sample, Vjp, define
from .rules import broadcasted, bytes_of, same_type

if TYPE_CHECKING:
    from ..build import Value


def _unary(
    name: str,
    math: str,
    numpy: str,
    vjp: Vjp | None,
    low: float = -2.0,
    high: float = 2.0,
    promotion: Promotion = "float",
) -> None:
    sample = Sample((Draw((2, 3), low, high),))
    define(Op(name, "elementwise", same_type, math, numpy, vjp, (sample,), promotion))


_unary("neg", "-{0}", "np.negative({0}, out={out})", lambda g, y, x: (-g,), promotion="arithmetic")
_unary("exp", "exp({0})", "np.exp({0}, out={out})", lambda g, y, x: (g * y,))
_unary("log", "log({0})", "np.log({0}, out={out})", lambda g, y, x: (g / x,), low=0.1)
_unary("log1p", "log(1 + {0})", "np.log1p({0}, out={out})", lambda g, y, x: (g / (1 + x),), low=-0.9)
_unary("expm1", "exp({0}) - 1", "np.expm1({0}, out={out})", lambda g, y, x: (g * (y + 1),))
_unary("sqrt", "√{0}", "np.sqrt({0}, out={out})", lambda g, y, x: (g / (2 * y),), low=0.1)
_unary(
    "rsqrt",
    "1 / √{0}",
    "np.reciprocal(np.sqrt({0}, out={out}), out={out})",
    lambda g, y, x: (g * y / x * -0.5,),
    low=0.1,
)
_unary("square", "{0}²", "np.square({0}, out={out})", lambda g, y, x: (g * (2 * x),), promotion="arithmetic")
_unary("abs", "|{0}|", "np.abs({0}, out={out})", lambda g, y, x: (g * x.op("sign"),), promotion="arithmetic")
_unary("sign", "sign({0})", "np.sign({0}, out={out})", None, promotion="arithmetic")
_unary("reciprocal", "1 / {0}", "np.reciprocal({0}, out={out})", lambda g, y, x: (-(g * (y * y)),), low=0.1)
_unary("sin", "sin({0})", "np.sin({0}, out={out})", lambda g, y, x: (g * x.op("cos"),))
_unary("cos", "cos({0})", "np.cos({0}, out={out})", lambda g, y, x: (-(g * x.op("sin")),))
_unary("tan", "tan({0})", "np.tan({0}, out={out})", lambda g, y, x: (g * (1 + y * y),), low=-1.0, high=1.0)
_unary(
    "asin", "asin({0})", "np.arcsin({0}, out={out})", lambda g, y, x: (g / (1 - x * x).op("sqrt"),), -0.9, 0.9
)
_unary(
    "acos",
    "acos({0})",
    "np.arccos({0}, out={out})",
    lambda g, y, x: (-(g / (1 - x * x).op("sqrt")),),
    -0.9,
    0.9,
)
_unary("atan", "atan({0})", "np.arctan({0}, out={out})", lambda g, y, x: (g / (1 + x * x),))
_unary("sinh", "sinh({0})", "np.sinh({0}, out={out})", lambda g, y, x: (g * x.op("cosh"),))
_unary("cosh", "cosh({0})", "np.cosh({0}, out={out})", lambda g, y, x: (g * x.op("sinh"),))
_unary("tanh", "tanh({0})", "np.tanh({0}, out={out})", lambda g, y, x: (g * (1 - y * y),))
_unary("floor", "⌊{0}⌋", "np.floor({0}, out={out})", None)
_unary("ceil", "⌈{0}⌉", "np.ceil({0}, out={out})", None)
_unary("round", "round({0})", "np.rint({0}, out={out})", None)
_unary("sigmoid", "sigmoid({0})", "sigmoid({0}, out={out})", lambda g, y, x: (g * (y * (1 - y)),), -8.0, 8.0)
_unary(
    "softplus", "log(1 + exp({0}))", "np.logaddexp({0}, 0, out={out})", lambda g, y, x: (g * x.op("sigmoid"),)
)
# From y rather than x, which need not be kept for the backward pass then; relu'(0) = 0.
_unary(
    "relu",
    "max(0, {0})",
    "np.maximum({0}, 0, out={out})",
    lambda g, y, x: (y.op("gt", 0).op("where", g, 0),),
    promotion="arithmetic",
)

erf = define(
    Op(
        "erf",
        "elementwise",
        infer=same_type,
        vjp=lambda g, y, x: (g * (2 / sqrt(pi) * (-(x * x)).op("exp")),),
        math="erf({0})",
        numpy="erf({0}, out={out}, work={work})",
        workspace=lambda x: 3 * bytes_of(x.dtype, x.shape),
        promotion="float",
        samples=(Sample((Draw((2, 3)),)), Sample((Draw((7, 11), -7.0, 7.0),))),
    )
)


def _cast_type(x: TensorType, *, dtype: DType) -> TensorType:
    return x.with_dtype(dtype)


cast = define(
    Op(
        "cast",
        "elementwise",
        infer=_cast_type,
        vjp=lambda g, y, x, dtype: (g.cast(x.dtype) if x.type.is_float else None,),
        math="{dtype}({0})",
        numpy='np.copyto({out}, {0}, casting="unsafe")',
        samples=(
            Sample((Draw((2, 3), dtype="float32"),), {"dtype": "float64"}),
            Sample((Draw((2, 3)),), {"dtype": "int64"}),
            Sample((Draw((2, 3), 0, 256, "uint8"),), {"dtype": "float32"}),
            Sample((Draw((2, 3), 0, 2, "bool"),), {"dtype": "float64"}),
        ),
    )
)
not_ = define(
    Op(
        "not",
        "elementwise",
        infer=same_type,
        math="¬{0}",
        numpy="np.logical_not({0}, out={out})",
        promotion="logical",
        samples=(Sample((Draw((2, 3), 0, 2, "bool"),)),),
    )
)


def _binary(
    name: str,
    verb: str,
    math: str,
    numpy: str,
    vjp: Vjp | None = None,
    low: float = -2.0,
    promotion: Promotion = "arithmetic",
) -> None:
    dtype: DType = "bool" if promotion == "logical" else "float64"
    result: DType | None = None if promotion in ("arithmetic", "float") else "bool"
    shapes = (((2, 3), (2, 3)), ((4, 2, 3), (2, 1)), ((3,), (5, 1)), ((2, 3), ()))
    samples = tuple(Sample((Draw(a, low, 2, dtype), Draw(b, low, 2, dtype))) for a, b in shapes)
    infer = broadcasted(verb, result)
    define(
        Op(name, "elementwise", infer, math, f"{numpy}({{0}}, {{1}}, out={{out}})", vjp, samples, promotion)
    )


def _div_vjp(g: Value, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    share = g / b
    return share, -(share * y)


def _pow_vjp(g: Value, y: Value, x: Value, p: Value) -> tuple[Value | None, Value | None]:
    """g p x^(p−1) and g y log(x); 0 for the first where p is 0, for the second where x is not positive.

    The choices stand inside the power and the logarithm, so that x = 0 makes no infinity that a 0 would meet.
    """
    node = p.builder.graph[p.id]
    if node.op == "constant":
        exponent = float(str(node.attr("value")))
        if exponent == 0:
            return None, None
        return g * (exponent * (x if exponent == 2 else x ** (exponent - 1))), None
    power = x ** p.op("eq", 0).op("where", 0, p - 1)
    return g * (p * power), g * (y * x.op("gt", 0).op("where", x, 1).op("log"))


def _share(g: Value, wins: Value, ties: Value) -> tuple[Value, Value]:
    """All of g where the first operand wins, half of it at a tie, and the rest for the second."""
    first = g * ((wins.cast(g.dtype) + ties.cast(g.dtype)) * 0.5)
    return first, g - first


_binary("add", "add {0} and {1}", "{0} + {1}", "np.add", lambda g, y, a, b: (g, g))
_binary("sub", "subtract {1} from {0}", "{0} - {1}", "np.subtract", lambda g, y, a, b: (g, -g))
_binary("mul", "multiply {0} by {1}", "{0} · {1}", "np.multiply", lambda g, y, a, b: (g * b, g * a))
_binary("div", "divide {0} by {1}", "{0} / {1}", "np.divide", _div_vjp, 0.5, "float")
_binary("pow", "raise {0} to the power {1}", "{0}^{1}", "np.power", _pow_vjp, 0.5, "float")
_binary(
    "maximum",
    "take the maximum of {0} and {1}",
    "max({0}, {1})",
    "np.maximum",
    lambda g, y, a, b: _share(g, a.op("gt", b), a.op("ge", b)),
)
_binary(
    "minimum",
    "take the minimum of {0} and {1}",
    "min({0}, {1})",
    "np.minimum",
    lambda g, y, a, b: _share(g, a.op("lt", b), a.op("le", b)),
)
_binary("eq", "compare {0} with {1}", "{0} = {1}", "np.equal", promotion="compare")
_binary("ne", "compare {0} with {1}", "{0} ≠ {1}", "np.not_equal", promotion="compare")
_binary("lt", "compare {0} with {1}", "{0} < {1}", "np.less", promotion="compare")
_binary("le", "compare {0} with {1}", "{0} ≤ {1}", "np.less_equal", promotion="compare")
_binary("gt", "compare {0} with {1}", "{0} > {1}", "np.greater", promotion="compare")
_binary("ge", "compare {0} with {1}", "{0} ≥ {1}", "np.greater_equal", promotion="compare")
_binary("and", "combine {0} and {1}", "{0} ∧ {1}", "np.logical_and", low=0, promotion="logical")
_binary("or", "combine {0} and {1}", "{0} ∨ {1}", "np.logical_or", low=0, promotion="logical")

where = define(
    Op(
        "where",
        "elementwise",
        infer=broadcasted("choose between {1} and {2} by {0}"),
        vjp=lambda g, y, c, a, b: (None, c.op("where", g, 0), c.op("where", 0, g)),
        math="{1} where {0}, else {2}",
        numpy="where({0}, {1}, {2}, out={out}, work={work})",
        workspace=lambda c, a, b: bytes_of(c.dtype, c.shape),
        promotion="choice",
        samples=(
            Sample((Draw((2, 3), 0, 2, "bool"), Draw((2, 3)), Draw((2, 3)))),
            Sample((Draw((2, 3), 0, 2, "bool"), Draw((4, 1, 3)), Draw(()))),
            Sample((Draw((4, 2, 1), 0, 2, "bool"), Draw((3,)), Draw((2, 3)))),
        ),
    )
)
