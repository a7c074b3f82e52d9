"""The other shipped networks in PyTorch, from the mathematics by hand: (parameters, batch) -> loss.

Shapes are those of the small dims in tests/parity/cases.py; the formulas serve all dims.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, optim

from .layers_of_twins import copies, dense, layer_norm, norm, weights
from .twin import Shapes, Tensors, Twin, cosine


def digits(p: Tensors, b: Tensors) -> Tensor:
    return F.cross_entropy(dense(p, "logits", F.relu(dense(p, "h.dense1", b["x"]))), b["y"])


def lion_digits(p: Tensors, b: Tensors) -> Tensor:
    h = F.relu(dense(p, "logits.dense1", b["x"]))
    return F.cross_entropy(dense(p, "logits.dense2", h), b["y"])


class Lion(optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        super().__init__(parameters, {"lr": 0.0003, "beta1": 0.9, "beta2": 0.99, "decay": 0.1})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                assert p.grad is not None
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                way = m.mul(group["beta1"]).add(p.grad, alpha=1 - group["beta1"]).sign()
                p.sub_(way.add(p, alpha=group["decay"]), alpha=group["lr"])
                m.mul_(group["beta2"]).add_(p.grad, alpha=1 - group["beta2"])


def penalty(p: Tensors, b: Tensors) -> Tensor:
    x = b["x"].requires_grad_()
    h = torch.tanh(dense(p, "score.dense2", torch.tanh(dense(p, "score.dense1", x))))
    score = dense(p, "score.dense3", h).squeeze(1)
    (slope,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    loss = F.binary_cross_entropy_with_logits(score, b["y"].to(score.dtype))
    return loss + 0.05 * slope.square().sum(1).mean()


def recurrent(p: Tensors, b: Tensors) -> Tensor:
    h = torch.zeros_like(p["logits.reader1.b"])
    for line in b["x"].unbind(1):
        h = torch.tanh(line @ p["logits.reader1.W"] + h @ p["logits.reader1.U"] + p["logits.reader1.b"])
    return F.cross_entropy(dense(p, "logits.dense1", h), b["y"])


def regression(p: Tensors, b: Tensors) -> Tensor:
    guess = dense(p, "guess.dense1", torch.tanh(dense(p, "h.dense1", b["x"]))).squeeze(1)
    return F.mse_loss(guess, b["width"])


def spirals(p: Tensors, b: Tensors) -> Tensor:
    h = F.relu(dense(p, "h.dense2", F.relu(dense(p, "h.dense1", b["x"]))))
    return F.cross_entropy(dense(p, "logits", dense(p, "place", h)), b["y"])


def chars(p: Tensors, b: Tensors) -> Tensor:
    h = F.embedding(b["t"], p["E"]) + p["P"]
    for name in (f"h.block{i}" for i in copies(p, "h.block")):
        n = layer_norm(p, f"{name}.z.layernorm1", h)
        q, k, v = (n @ p[f"{name}.z.selfattention1.W{which}"] for which in "qkv")
        h = h + F.scaled_dot_product_attention(q, k, v, is_causal=True)
        n = layer_norm(p, f"{name}.layernorm1", h)
        h = h + dense(p, f"{name}.dense2", F.relu(dense(p, f"{name}.dense1", n)))
    logits = layer_norm(p, "h.layernorm1", h) @ p["E"].T
    return F.cross_entropy(logits.flatten(0, 1), b["next"].flatten())


def _chars_shapes(t: int, d: int) -> Shapes:
    found: Shapes = {"E": (96, d), "P": (t, d), **norm("h.layernorm1", d)}
    for name in (f"h.block{i}" for i in range(1, 5)):
        found |= norm(f"{name}.z.layernorm1", d) | norm(f"{name}.layernorm1", d)
        found |= {f"{name}.z.selfattention1.W{which}": (d, d) for which in "qkv"}
        found |= weights(f"{name}.dense1", d, 4 * d) | weights(f"{name}.dense2", 4 * d, d)
    return found


DIGITS = weights("h.dense1", 64, 128) | weights("logits", 128, 10)
LION = weights("logits.dense1", 64, 128) | weights("logits.dense2", 128, 10)
PENALTY = {
    **weights("score.dense1", 2, 64),
    **weights("score.dense2", 64, 64),
    **weights("score.dense3", 64, 1),
}
RECURRENT = {
    **weights("logits.reader1", 8, 64),
    "logits.reader1.U": (64, 64),
    **weights("logits.dense1", 64, 10),
}
REGRESSION = weights("h.dense1", 3, 16) | weights("guess.dense1", 16, 1)
SPIRALS = {
    **weights("h.dense1", 2, 32),
    **weights("h.dense2", 32, 32),
    **weights("place", 32, 2),
    **weights("logits", 2, 3),
}

EXAMPLES = {
    "digits": Twin(DIGITS, digits, partial(optim.Adam, lr=0.002), cosine),
    "lion": Twin(LION, lion_digits, Lion, cosine),
    "penalty": Twin(PENALTY, penalty, partial(optim.Adam, lr=0.005)),
    "recurrent": Twin(RECURRENT, recurrent, partial(optim.Adam, lr=0.003), cosine, clip=1.0),
    "regression": Twin(REGRESSION, regression, partial(optim.Adam, lr=0.01)),
    "spirals": Twin(SPIRALS, spirals, partial(optim.Adam, lr=0.01), cosine),
    "chars": Twin(_chars_shapes(6, 16), chars, partial(optim.Adam, lr=3e-4)),
}
