"""A use of every standard layer, function, loss and metric, with unequal sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

BATCH = 5


@dataclass(frozen=True, slots=True)
class Use:
    """call: an expression of x, of t (another tensor of x's shape) and y.

    x: its shape without the batch axis. classes, y: what the integers y[N, *y] stay below (0: none).
    """

    call: str
    x: tuple[int, ...]
    classes: int = 0
    y: tuple[int, ...] = ()


# A name with a second word is another use of the same layer.
USES: Mapping[str, Use] = {
    "causal": Use("softmax(causal(x))", (3, 4)),
    "attention": Use("attention(x)", (4, 6)),
    "attention heads": Use("attention(x, 3)", (4, 6)),
    "attention behind": Use("attention(x, 2, ahead = false)", (4, 6)),
    "split_heads": Use("split_heads(x, 2)", (3, 6)),
    "mean": Use("mean(x, axis = 1)", (3, 4)),
    "mean keep": Use("mean(x, axis = [0, 2], keep = true)", (3, 4)),
    "var": Use("var(x, axis = [1, 2])", (3, 4)),
    "std": Use("std(x, axis = 2, keep = true)", (3, 4)),
    "norm": Use("norm(x, axis = -1)", (3, 4)),
    "clip": Use("clip(x, -0.5, 0.25)", (3, 4)),
    "leaky_relu": Use("leaky_relu(x)", (3, 4)),
    "leaky_relu slope": Use("leaky_relu(x, slope = 0.3)", (3, 4)),
    "elu": Use("elu(x)", (3, 4)),
    "elu alpha": Use("elu(x, alpha = 0.7)", (3, 4)),
    "selu": Use("selu(x)", (3, 4)),
    "gelu": Use("gelu(x)", (3, 4)),
    "gelu approximate": Use("gelu(x, approximate = true)", (3, 4)),
    "silu": Use("silu(x)", (3, 4)),
    "softsign": Use("softsign(x)", (3, 4)),
    "hardtanh": Use("hardtanh(x)", (3, 4)),
    "dot": Use("dot(x, t)", (3, 4)),
    "outer": Use("outer(x, t)", (4,)),
    "globalmean": Use("globalmean(x)", (2, 3, 4)),
    "globalmax": Use("globalmax(x)", (2, 3, 4)),
    "dense": Use("dense(x, 4)", (3,)),
    "dense sequence": Use("dense(x, 4, bias = false)", (2, 3)),
    "conv": Use("conv(x, 4, 3)", (2, 6, 5)),
    "conv strided": Use("conv(x, 6, 3, stride = 2, pad = 1, groups = 2, bias = false)", (4, 6, 5)),
    "conv dilated": Use("conv(x, 3, 2, pad = 2, dilation = 2)", (2, 5, 4)),
    "conv_transpose": Use("conv_transpose(x, 3, 3, stride = 2, pad = 1)", (2, 4, 3)),
    "conv_sequence": Use("conv_sequence(x, 4, 3, stride = 2, pad = 1)", (2, 7)),
    "embedding": Use("embedding(y, 7, 3) * x", (3,), 7),
    "embedding sequence": Use("embedding(y, 7, 3) * x", (4, 3), 7, (4,)),
    "dropout": Use("dropout(x, 0)", (3, 4)),
    "cross_entropy": Use("cross_entropy(x, y)", (4,), 4),
    "cross_entropy sequence": Use("cross_entropy(x, y)", (3, 4), 4, (3,)),
    "binary_cross_entropy": Use("binary_cross_entropy(x, y)", (), 2),
    "mse": Use("mse(x, t)", (3,)),
    "mae": Use("mae(x, t)", (3,)),
    "huber": Use("huber(3 * x, t)", (4,)),
    "huber delta": Use("huber(3 * x, t, delta = 0.5)", (4,)),
    "hinge": Use("hinge(x, y)", (4,), 4),
    "hinge margin": Use("hinge(x, y, margin = 0.5)", (4,), 4),
    "l1": Use("l1(x)", (3, 4)),
    "l2": Use("l2(x)", (3, 4)),
    "accuracy": Use("accuracy(x, y)", (3,), 3),
    "accuracy sequence": Use("accuracy(x, y)", (4, 3), 3, (4,)),
    "top_k": Use("top_k(x, y, best = 2)", (6,), 6),
    "r2": Use("r2(x, t)", ()),
    "precision": Use("precision(x, y)", (2,), 2),
    "recall": Use("recall(x, y)", (2,), 2),
    "f1": Use("f1(x, y, class = 0)", (2,), 2),
    "batchnorm": Use("batchnorm(x)", (3, 2, 2)),
    "batchnorm vector": Use("batchnorm(x, eps = 0.1)", (3,)),
    "layernorm": Use("layernorm(x)", (3, 4)),
    "layernorm eps": Use("layernorm(x, eps = 0.1)", (4,)),
    "groupnorm": Use("groupnorm(x, 2)", (6, 2, 3)),
    "rnn": Use("rnn(x, 4)", (3, 2)),
    "gru": Use("gru(x, 4)", (3, 2)),
    "lstm": Use("lstm(x, 4)", (3, 2)),
}

# What they do depends on chance: test_chance.py looks at them.
BY_CHANCE = frozenset({"flip", "crop", "noise"})


def spec(use: Use, z: Sequence[int], second: bool) -> str:
    """A network whose gradients are the layer's value and all its gradients. z: the shape of its value.

    x and t are rows of parameters X and T, chosen by an input that holds the unit matrix, so that the network
    has a batch axis and yet a gradient for every sample. The loss is Σ z u: its gradient by U is z itself.
    With `second`, it is a projection of the first gradient by X.
    """

    def rows(name: str, shape: Sequence[int]) -> str:
        return (
            f"param {name.upper()}[{BATCH}, {prod(shape)}] ~ zeros\n"
            f"{name} = reshape(unit @ {name.upper()}, [N{''.join(f', {d}' for d in shape)}])\n"
        )

    each = bool(z) and z[0] == BATCH
    return (
        f"input unit[N, {BATCH}]\n"
        + (f"input y[N{''.join(f', {d}' for d in use.y)}] : class({use.classes})\n" if use.classes else "")
        + rows("x", use.x)
        + (rows("t", use.x) if "t)" in use.call or "t," in use.call else "")
        + f"z = {use.call}\n"
        + (rows("u", z[1:]) if each else f"param U[{', '.join(map(str, z))}] ~ zeros\nu = U\n")
        + (
            f"param V[{BATCH}, {prod(use.x)}] ~ zeros\nloss sum(grad(sum(z * u), X) * V)\n"
            if second
            else "loss sum(z * u)\n"
        )
    )
