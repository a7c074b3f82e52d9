"""The layers of tests/parity/layers.py from PyTorch and scikit-learn: (x, t, y, p) -> z."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from sklearn import metrics  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.func import functional_call

Tensors = dict[str, Tensor]
Layer = Callable[[Tensor, Tensor, Tensor, Tensors], Tensor]


def _attention(heads: int, ahead: bool = True) -> Layer:
    def attend(x: Tensor, t: Tensor, y: Tensor, p: Tensors) -> Tensor:
        module = nn.MultiheadAttention(6, heads, bias=False, batch_first=True).double()
        weights = {
            "in_proj_weight": torch.cat([p["z.Wq"].T, p["z.Wk"].T, p["z.Wv"].T]),
            "out_proj.weight": p["z.Wo"].T,
        }
        mask = None if ahead else nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64)
        return functional_call(module, weights, (x, x, x), {"attn_mask": mask})[0]

    return attend


def _recurrent(module: nn.Module, gates: str, hidden_bias: bool = False) -> Layer:
    """gates: the letters of torch's order, as in `z.Wi`; empty for a cell without gates."""

    def run(x: Tensor, t: Tensor, y: Tensor, p: Tensors) -> Tensor:
        def stacked(letter: str) -> Tensor:
            return torch.cat([p[f"z.{letter}{gate}"] for gate in gates or [""]], dim=-1)

        bias = stacked("b")
        width = bias.shape[0] // max(len(gates), 1)
        inner = torch.zeros_like(bias[:-width])
        weights = {
            "weight_ih_l0": stacked("W").T,
            "weight_hh_l0": stacked("U").T,
            "bias_ih_l0": bias,
            "bias_hh_l0": torch.cat([inner, p["z.cn"]]) if hidden_bias else torch.zeros_like(bias),
        }
        return functional_call(module.double(), weights, (x,))[0]

    return run


def _scored(score: Callable[..., float], by_class: bool = True, **how: int) -> Layer:
    """A metric of scikit-learn: of the chosen classes, or of the numbers themselves."""

    def run(x: Tensor, t: Tensor, y: Tensor, p: Tensors) -> Tensor:
        if by_class:
            return torch.tensor(
                float(score(y.numpy(), x.detach().argmax(-1).numpy(), **how)), dtype=torch.float64
            )
        return torch.tensor(float(score(t.detach().numpy(), x.detach().numpy(), **how)), dtype=torch.float64)

    return run


def _norm(p: Tensors, norm: Callable[..., Tensor], *arguments: object, **how: object) -> Tensor:
    return norm(*arguments, weight=p["z.gain"], bias=p["z.bias"], **how)


LAYERS: dict[str, Layer] = {
    "causal": lambda x, t, y, p: (x + torch.full((3, 4), -torch.inf).triu(1)).softmax(-1),
    "attention": _attention(1),
    "attention heads": _attention(3),
    "attention behind": _attention(2, ahead=False),
    "split_heads": lambda x, t, y, p: x.unflatten(2, (2, 3)).transpose(1, 2),
    "mean": lambda x, t, y, p: x.mean(1),
    "mean keep": lambda x, t, y, p: x.mean((0, 2), keepdim=True),
    "var": lambda x, t, y, p: x.var((1, 2), correction=0),
    "std": lambda x, t, y, p: x.std(2, correction=0, keepdim=True),
    "norm": lambda x, t, y, p: torch.linalg.vector_norm(x, dim=-1),
    "clip": lambda x, t, y, p: x.clamp(-0.5, 0.25),
    "leaky_relu": lambda x, t, y, p: F.leaky_relu(x),
    "leaky_relu slope": lambda x, t, y, p: F.leaky_relu(x, 0.3),
    "elu": lambda x, t, y, p: F.elu(x),
    "elu alpha": lambda x, t, y, p: F.elu(x, 0.7),
    "selu": lambda x, t, y, p: F.selu(x),
    "gelu": lambda x, t, y, p: F.gelu(x),
    "gelu approximate": lambda x, t, y, p: F.gelu(x, approximate="tanh"),
    "silu": lambda x, t, y, p: F.silu(x),
    "softsign": lambda x, t, y, p: F.softsign(x),
    "hardtanh": lambda x, t, y, p: F.hardtanh(x),
    "dot": lambda x, t, y, p: torch.linalg.vecdot(x, t),
    "outer": lambda x, t, y, p: torch.einsum("ni,nj->nij", x, t),
    "globalmean": lambda x, t, y, p: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "globalmax": lambda x, t, y, p: F.adaptive_max_pool2d(x, 1).flatten(1),
    "dense": lambda x, t, y, p: F.linear(x, p["z.W"].T, p["z.b"]),
    "dense sequence": lambda x, t, y, p: F.linear(x, p["z.W"].T),
    "conv": lambda x, t, y, p: F.conv2d(x, p["z.W"], p["z.b"]),
    "conv strided": lambda x, t, y, p: F.conv2d(x, p["z.W"], stride=2, padding=1, groups=2),
    "conv dilated": lambda x, t, y, p: F.conv2d(x, p["z.W"], p["z.b"], padding=2, dilation=2),
    "conv_transpose": lambda x, t, y, p: F.conv_transpose2d(x, p["z.W"], p["z.b"], stride=2, padding=1),
    "conv_sequence": lambda x, t, y, p: F.conv1d(x, p["z.W"], p["z.b"], stride=2, padding=1),
    "embedding": lambda x, t, y, p: F.embedding(y, p["z.embedding1.E"]) * x,
    "embedding sequence": lambda x, t, y, p: F.embedding(y, p["z.embedding1.E"]) * x,
    "dropout": lambda x, t, y, p: F.dropout(x, 0.0),
    "cross_entropy": lambda x, t, y, p: F.cross_entropy(x, y, reduction="none"),
    "cross_entropy sequence": lambda x, t, y, p: F.cross_entropy(x.transpose(1, 2), y, reduction="none"),
    "binary_cross_entropy": lambda x, t, y, p: F.binary_cross_entropy_with_logits(
        x, y.double(), reduction="none"
    ),
    "mse": lambda x, t, y, p: F.mse_loss(x, t, reduction="none"),
    "mae": lambda x, t, y, p: F.l1_loss(x, t, reduction="none"),
    "huber": lambda x, t, y, p: F.huber_loss(3 * x, t, reduction="none"),
    "huber delta": lambda x, t, y, p: F.huber_loss(3 * x, t, reduction="none", delta=0.5),
    # torch divides by the number of classes, Crammer & Singer do not.
    "hinge": lambda x, t, y, p: 4 * F.multi_margin_loss(x, y, reduction="none"),
    "hinge margin": lambda x, t, y, p: 4 * F.multi_margin_loss(x, y, margin=0.5, reduction="none"),
    "l1": lambda x, t, y, p: torch.linalg.vector_norm(x, 1),
    "l2": lambda x, t, y, p: torch.linalg.vector_norm(x) ** 2,
    "accuracy": lambda x, t, y, p: (x.argmax(-1) == y).double(),
    "accuracy sequence": lambda x, t, y, p: (x.argmax(-1) == y).double(),
    "top_k": lambda x, t, y, p: (x.topk(2).indices == y[:, None]).any(-1).double(),
    "r2": _scored(metrics.r2_score, by_class=False),
    "precision": _scored(metrics.precision_score),
    "recall": _scored(metrics.recall_score),
    "f1": _scored(metrics.f1_score, pos_label=0),
    "batchnorm": lambda x, t, y, p: _norm(p, F.batch_norm, x, None, None, training=True),
    "batchnorm vector": lambda x, t, y, p: _norm(p, F.batch_norm, x, None, None, training=True, eps=0.1),
    "layernorm": lambda x, t, y, p: _norm(p, F.layer_norm, x, (4,)),
    "layernorm eps": lambda x, t, y, p: _norm(p, F.layer_norm, x, (4,), eps=0.1),
    "groupnorm": lambda x, t, y, p: _norm(p, F.group_norm, x, 2),
    "rnn": _recurrent(nn.RNN(2, 4, batch_first=True), ""),
    "gru": _recurrent(nn.GRU(2, 4, batch_first=True), "rzn", hidden_bias=True),
    "lstm": _recurrent(nn.LSTM(2, 4, batch_first=True), "ifgo"),
}

_GRU = {f"W{g}": (2, 4) for g in "rzn"} | {f"U{g}": (4, 4) for g in "rzn"} | {f"b{g}": (4,) for g in "rzn"}
_LSTM = (
    {f"W{g}": (2, 4) for g in "ifgo"} | {f"U{g}": (4, 4) for g in "ifgo"} | {f"b{g}": (4,) for g in "ifgo"}
)
_HEADS = {f"W{which}": (6, 6) for which in "qkvo"}

# The parameters of each layer, without "z.".
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "attention": _HEADS,
    "attention heads": _HEADS,
    "attention behind": _HEADS,
    "dense": {"W": (3, 4), "b": (4,)},
    "dense sequence": {"W": (3, 4)},
    "conv": {"W": (4, 2, 3, 3), "b": (4,)},
    "conv strided": {"W": (6, 2, 3, 3)},
    "conv dilated": {"W": (3, 2, 2, 2), "b": (3,)},
    "conv_transpose": {"W": (2, 3, 3, 3), "b": (3,)},
    "conv_sequence": {"W": (4, 2, 3), "b": (4,)},
    "embedding": {"embedding1.E": (7, 3)},
    "embedding sequence": {"embedding1.E": (7, 3)},
    "batchnorm": {"gain": (3,), "bias": (3,)},
    "batchnorm vector": {"gain": (3,), "bias": (3,)},
    "layernorm": {"gain": (4,), "bias": (4,)},
    "layernorm eps": {"gain": (4,), "bias": (4,)},
    "groupnorm": {"gain": (6,), "bias": (6,)},
    "rnn": {"W": (2, 4), "U": (4, 4), "b": (4,)},
    "gru": {**_GRU, "cn": (4,)},
    "lstm": _LSTM,
}
