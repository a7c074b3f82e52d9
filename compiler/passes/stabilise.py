"""Formulas that overflow or cancel, replaced by those that do not."""

from __future__ import annotations

from ..build import Builder, Value
from ..ir import DType, Graph
from .pattern import equations
from .rewrite import Rewriter, Rules, Term, rewrite, united


def stabilise(graph: Graph) -> Graph:
    """Equal in exact arithmetic, finite and precise where the numbers are large, or close to each other.

    To be run before differentiation, so that the gradient is the gradient of the stable formula (that of
    log(softmax(x)) would divide by a softmax of 0), and after it, for what the gradient rules have brought
    together. `stop_gradient` stays where it is.
    """
    return rewrite(graph, RULES)[0]


def stable_builder(graph: Graph, precision: DType = "float32") -> Builder:
    """A builder that adds the stable formulas at once, for graphs differentiated while they are built."""
    return Rewriter(graph, precision, rules=RULES)


# Each side is asked bottom-up: what stands inside has been rewritten before.
_EQUATIONS = equations(
    # Softmax, logarithms of it and of sums of exponentials: Blanchard, Higham & Higham 2021.
    ("exp(x) / sum(exp(x), axis=(a,), keep=True)", "softmax(x, axis=a)"),
    ("log(softmax(x, axis=a))", "log_softmax(x, axis=a)"),
    ("log(sum(exp(x), axis=(a,), keep=k))", "logsumexp(x, axis=a, keep=k)"),
    ("x - logsumexp(x, axis=a, keep=True)", "log_softmax(x, axis=a)"),
    ("exp(log_softmax(x, axis=a))", "softmax(x, axis=a)"),
    # The logistic function: Mächler 2012, log1mexp.
    ("1 / (1 + exp(-x))", "sigmoid(x)"),
    ("reciprocal(1 + exp(-x))", "sigmoid(x)"),
    ("exp(x) / (1 + exp(x))", "sigmoid(x)"),
    ("log(sigmoid(x))", "-softplus(-x)"),
    ("log(1 - sigmoid(x))", "-softplus(x)"),
    ("log1p(-sigmoid(x))", "-softplus(x)"),
    ("log1p(exp(x))", "softplus(x)"),
    ("log(1 + exp(x))", "softplus(x)"),
    ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)"),
    # Numbers close to 1.
    ("log(1 + x)", "log1p(x)"),
    ("log(1 - x)", "log1p(-x)"),
    ("exp(x) - 1", "expm1(x)"),
    # Inverses.
    ("log(exp(x))", "x"),
    ("sqrt(square(x))", "abs(x)"),
)

# What only moves numbers: the logarithm can be taken before it.
_MOVES = ("reshape", "transpose", "slice", "flip", "broadcast", "take", "take_along")
_MOST_MOVES = 8


def _log_of_moved(term: Term) -> Value | None:
    """log(softmax(x)[i]) is log(softmax(x))[i]."""
    below = term.of(0)
    moves: list[Term] = []
    while below.op in _MOVES and len(moves) < _MOST_MOVES:
        moves.append(below)
        below = below.of(0)
    if not moves or below.op not in ("softmax", "sigmoid"):
        return None
    value = moves[-1].operands[0].op("log")
    for move in reversed(moves):
        value = term.build.add(move.op, (value, *move.operands[1:]), move.type, move.attrs)
    return value


RULES: Rules = united(_EQUATIONS, {"log": (_log_of_moved,)})
