"""The shipped examples in PyTorch, from the mathematics by hand: (parameters, batch) -> loss.

Shapes are those of the small dims in tests/parity/cases.py; the formulas serve all dims.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, optim

from .twin import Shapes, Tensors, Twin

sgd, adam = optim.SGD, optim.Adam


def mlp(p: Tensors, b: Tensors) -> Tensor:
    return F.cross_entropy(torch.tanh(b["x"] @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], b["y"])


def _dense(p: Tensors, name: str, x: Tensor) -> Tensor:
    return x @ p[f"{name}.W"] + p[f"{name}.b"]


def _convolved(p: Tensors, name: str, x: Tensor, **how: int) -> Tensor:
    return F.conv2d(x, p[f"{name}.W"], p[f"{name}.b"], **how)


def _normalised(p: Tensors, name: str, x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, p[f"{name}.gain"], p[f"{name}.bias"], training=True)


def _numbers(p: Tensors, prefix: str) -> list[int]:
    """The numbers of a layer's copies."""
    rests = {key.removeprefix(prefix).split(".")[0] for key in p if key.startswith(prefix)}
    return sorted(int(rest) for rest in rests)


def _residual_block(p: Tensors, name: str, x: Tensor) -> Tensor:
    z = F.relu(_normalised(p, f"{name}.z.batchnorm1", _convolved(p, f"{name}.z.conv1", x, padding=1)))
    z = _normalised(p, f"{name}.z.batchnorm2", _convolved(p, f"{name}.z.conv2", z, padding=1))
    return F.relu(x + z)


def residual(p: Tensors, b: Tensors) -> Tensor:
    x = b["x"]
    for name, stride in (("a", 1), ("b", 2)):
        x = _convolved(p, f"{name}.conv1", x, padding=1, stride=stride)
        for i in _numbers(p, f"{name}.block"):
            x = _residual_block(p, f"{name}.block{i}", x)
    logits = _dense(p, "logits.dense1", x.mean((2, 3)))
    return F.cross_entropy(logits, b["y"]) + 1e-4 * sum((t * t).sum() for t in p.values())


def digits(p: Tensors, b: Tensors) -> Tensor:
    h = F.relu(_convolved(p, "h.conv1", b["x"], padding=1))
    h = F.max_pool2d(F.relu(_convolved(p, "h.conv2", h, padding=1)), 2)
    return F.cross_entropy(
        _dense(p, "logits.dense2", F.relu(_dense(p, "logits.dense1", h.flatten(1)))), b["y"]
    )


def _weights(name: str, before: int, width: int) -> Shapes:
    return {f"{name}.W": (before, width), f"{name}.b": (width,)}


def _filters(name: str, channels: int, before: int, size: int) -> Shapes:
    return {f"{name}.W": (channels, before, size, size), f"{name}.b": (channels,)}


def _block_shapes(name: str, c: int) -> Shapes:
    found: Shapes = {}
    for i in (1, 2):
        found |= _filters(f"{name}.z.conv{i}", c, c, 3)
        found |= {f"{name}.z.batchnorm{i}.{part}": (c,) for part in ("gain", "bias")}
    return found


RESIDUAL = {
    **_filters("a.conv1", 2, 3, 3), **_block_shapes("a.block1", 2),
    **_filters("b.conv1", 4, 2, 3), **_block_shapes("b.block1", 4),
    **_weights("logits.dense1", 4, 10),
}  # fmt: skip


def _layer_norm(p: Tensors, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.gain"], p[f"{name}.bias"])


def chars(p: Tensors, b: Tensors) -> Tensor:
    h = F.embedding(b["t"], p["E"]) + p["P"]
    for i in _numbers(p, "h.block"):
        n = _layer_norm(p, f"h.block{i}.z.layernorm1", h)
        q, k, v = (n @ p[f"h.block{i}.z.selfattention1.W{which}"] for which in "qkv")
        h = h + F.scaled_dot_product_attention(q, k, v, is_causal=True)
        n = _layer_norm(p, f"h.block{i}.layernorm1", h)
        h = h + _dense(p, f"h.block{i}.dense2", F.relu(_dense(p, f"h.block{i}.dense1", n)))
    logits = _layer_norm(p, "h.layernorm1", h) @ p["E"].T
    return F.cross_entropy(logits.flatten(0, 1), b["next"].flatten())


def _chars_shapes(t: int, d: int) -> Shapes:
    found: Shapes = {"E": (96, d), "P": (t, d)}
    found |= {"h.layernorm1.gain": (d,), "h.layernorm1.bias": (d,)}
    for i in range(1, 5):
        for norm in ("z.layernorm1", "layernorm1"):
            found |= {f"h.block{i}.{norm}.gain": (d,), f"h.block{i}.{norm}.bias": (d,)}
        found |= {f"h.block{i}.z.selfattention1.W{which}": (d, d) for which in "qkv"}
        found |= _weights(f"h.block{i}.dense1", d, 4 * d) | _weights(f"h.block{i}.dense2", 4 * d, d)
    return found


def _cosine(o: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    return optim.lr_scheduler.CosineAnnealingLR(o, 100)


DIGITS = {
    **_filters("h.conv1", 16, 1, 3), **_filters("h.conv2", 32, 16, 3),
    **_weights("logits.dense1", 512, 64), **_weights("logits.dense2", 64, 10),
}  # fmt: skip

EXAMPLES = {
    "digits": Twin(DIGITS, digits, partial(adam, lr=2e-3), _cosine),
    "mlp": Twin({"W1": (3072, 16), "W2": (16, 10), "b1": (16,), "b2": (10,)}, mlp, partial(sgd, lr=0.1)),
    "residual": Twin(RESIDUAL, residual, partial(sgd, lr=0.1, momentum=0.9), _cosine),
    "chars": Twin(_chars_shapes(6, 16), chars, partial(adam, lr=3e-4)),
}  # fmt: skip
