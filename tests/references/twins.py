"""The training runs of tests/parity/cases.py once more, in plain PyTorch, from the mathematics by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, optim

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Twin:
    """shapes: every parameter by name. schedule is made of the optimizer; clip: the largest norm."""

    shapes: dict[str, tuple[int, ...]]
    loss: Callable[[Tensors, Tensors], Tensor]
    optimizer: Callable[[Iterable[Tensor]], optim.Optimizer]
    schedule: Callable[[optim.Optimizer], optim.lr_scheduler.LRScheduler] | None = None
    clip: float | None = None


def small(p: Tensors, b: Tensors) -> Tensor:
    return F.cross_entropy(torch.tanh(b["x"] @ p["W"] + p["b"]) @ p["V"] + p["c"], b["y"])


SMALL = {"W": (6, 5), "V": (5, 4), "b": (5,), "c": (4,)}
sgd, adam, adamw, rmsprop, adagrad = optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad


def _warm_cosine(o: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    up = optim.lr_scheduler.LinearLR(o, 1 / 11, 1.0, 10)
    return optim.lr_scheduler.SequentialLR(o, [up, optim.lr_scheduler.CosineAnnealingLR(o, 90)], [10])


OPTIMIZERS = {
    "sgd": Twin(SMALL, small, partial(sgd, lr=0.1)),
    "sgd_momentum": Twin(SMALL, small, partial(sgd, lr=0.05, momentum=0.9)),
    "sgd_nesterov": Twin(SMALL, small, partial(sgd, lr=0.05, momentum=0.9, nesterov=True)),
    "sgd_decay": Twin(SMALL, small, partial(sgd, lr=0.05, momentum=0.9, weight_decay=0.01)),
    "adam": Twin(SMALL, small, partial(adam, lr=0.01)),
    "adam_decay": Twin(SMALL, small, partial(adam, lr=0.01, betas=(0.8, 0.99), weight_decay=0.02)),
    "adamw": Twin(SMALL, small, partial(adamw, lr=0.01, weight_decay=0.1)),
    "rmsprop": Twin(SMALL, small, partial(rmsprop, lr=0.005)),
    "rmsprop_momentum": Twin(
        SMALL, small, partial(rmsprop, lr=0.002, alpha=0.9, momentum=0.9, weight_decay=0.01)
    ),
    "adagrad": Twin(SMALL, small, partial(adagrad, lr=0.1)),
    "adagrad_decay": Twin(SMALL, small, partial(adagrad, lr=0.1, weight_decay=0.01)),
    "clip": Twin(SMALL, small, partial(sgd, lr=0.1, momentum=0.9), clip=0.5),
    "schedule_constant": Twin(SMALL, small, partial(sgd, lr=0.2)),
    "schedule_cosine": Twin(
        SMALL, small, partial(sgd, lr=0.2), lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 100)
    ),
    "schedule_cosine_warmup": Twin(SMALL, small, partial(sgd, lr=0.2), _warm_cosine),
    "schedule_linear": Twin(
        SMALL, small, partial(sgd, lr=0.2), lambda o: optim.lr_scheduler.LinearLR(o, 1.0, 0.0, 100)
    ),
    "schedule_step": Twin(
        SMALL, small, partial(adam, lr=0.02), lambda o: optim.lr_scheduler.StepLR(o, 30, 0.5)
    ),
}


def mlp(p: Tensors, b: Tensors) -> Tensor:
    return F.cross_entropy(torch.tanh(b["x"] @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], b["y"])


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
    logits = x.mean((2, 3)) @ p["logits.dense1.W"] + p["logits.dense1.b"]
    return F.cross_entropy(logits, b["y"]) + 1e-4 * sum((t * t).sum() for t in p.values())


def _filters(name: str, channels: int, before: int, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.W": (channels, before, size, size), f"{name}.b": (channels,)}


def _block_shapes(name: str, c: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for i in (1, 2):
        found |= _filters(f"{name}.z.conv{i}", c, c, 3)
        found |= {f"{name}.z.batchnorm{i}.{part}": (c,) for part in ("gain", "bias")}
    return found


RESIDUAL = {
    **_filters("a.conv1", 2, 3, 3), **_block_shapes("a.block1", 2),
    **_filters("b.conv1", 4, 2, 3), **_block_shapes("b.block1", 4),
    "logits.dense1.W": (4, 10), "logits.dense1.b": (10,),
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
        n = F.relu(n @ p[f"h.block{i}.dense1.W"] + p[f"h.block{i}.dense1.b"])
        h = h + n @ p[f"h.block{i}.dense2.W"] + p[f"h.block{i}.dense2.b"]
    logits = _layer_norm(p, "h.layernorm1", h) @ p["E"].T
    return F.cross_entropy(logits.flatten(0, 1), b["next"].flatten())


def _chars_shapes(t: int, d: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"E": (96, d), "P": (t, d)}
    found |= {"h.layernorm1.gain": (d,), "h.layernorm1.bias": (d,)}
    for i in range(1, 5):
        for norm in ("z.layernorm1", "layernorm1"):
            found |= {f"h.block{i}.{norm}.gain": (d,), f"h.block{i}.{norm}.bias": (d,)}
        found |= {f"h.block{i}.z.selfattention1.W{which}": (d, d) for which in "qkv"}
        found |= {f"h.block{i}.dense1.W": (d, 4 * d), f"h.block{i}.dense1.b": (4 * d,)}
        found |= {f"h.block{i}.dense2.W": (4 * d, d), f"h.block{i}.dense2.b": (d,)}
    return found


EXAMPLES = {
    "mlp": Twin({"W1": (3072, 16), "W2": (16, 10), "b1": (16,), "b2": (10,)}, mlp, partial(sgd, lr=0.1)),
    "residual": Twin(
        RESIDUAL, residual, partial(sgd, lr=0.1, momentum=0.9),
        lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 100),
    ),
    "chars": Twin(_chars_shapes(6, 16), chars, partial(adam, lr=3e-4)),
}  # fmt: skip

TWINS = OPTIMIZERS | EXAMPLES
