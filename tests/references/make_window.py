"""Writes window.npz: convolution and pooling with their gradients, as PyTorch 2.13 computes them in float64.

python tests/references/make_window.py, where torch is installed. `conv/1/attrs` is a JSON text; the arrays of
a case are x, w (convolution), y, g, and the gradients of Σ y · g: gx, gw.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

# x, w, stride, padding, dilation, groups
CONVOLUTIONS: list[tuple[Any, ...]] = [
    ((2, 3, 9), (4, 3, 4), (1,), (0,), (1,), 1),
    ((3, 4, 11), (6, 2, 3), (2,), (2,), (2,), 2),
    ((2, 3, 7, 6), (4, 3, 3, 2), (1, 1), (0, 0), (1, 1), 1),
    ((3, 2, 6, 5), (5, 2, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 4, 8, 7), (6, 2, 3, 2), (2, 3), (1, 0), (1, 2), 2),
    ((2, 3, 5, 6), (6, 1, 3, 3), (1, 2), (2, 1), (2, 1), 3),
    ((2, 3, 4, 5), (2, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1),
]
# kind, x, kernel, stride, padding
POOLS: list[tuple[Any, ...]] = [
    ("max", (2, 3, 6, 8), (2, 2), (2, 2), (0, 0)),
    ("max", (2, 3, 7, 6), (3, 2), (2, 1), (1, 1)),
    ("max", (2, 3, 9), (3,), (2,), (1,)),
    ("ties", (2, 2, 7, 6), (3, 2), (2, 2), (1, 0)),
    ("avg", (2, 3, 6, 9), (2, 3), (2, 3), (0, 0)),
    ("avg", (2, 3, 7, 6), (3, 2), (2, 1), (1, 1)),
    ("avg", (2, 3, 9), (3,), (2,), (1,)),
]


def main() -> None:
    torch.manual_seed(1)
    arrays: dict[str, Any] = {}

    def save(case: str, attrs: dict[str, Any], **tensors: torch.Tensor) -> None:
        arrays[f"{case}/attrs"] = json.dumps(attrs)
        arrays.update((f"{case}/{name}", tensor.detach().numpy()) for name, tensor in tensors.items())

    for i, (shape, kernel, stride, pad, dilation, groups) in enumerate(CONVOLUTIONS):
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        w = torch.randn(kernel, dtype=torch.float64, requires_grad=True)
        conv = F.conv1d if len(pad) == 1 else F.conv2d
        y = conv(x, w, stride=stride, padding=pad, dilation=dilation, groups=groups)
        g = torch.randn_like(y)
        gx, gw = torch.autograd.grad(y, (x, w), g)
        attrs = {"stride": stride, "pad": [(p, p) for p in pad], "dilation": dilation, "groups": groups}
        save(f"conv/{i}", attrs, x=x, w=w, y=y, g=g, gx=gx, gw=gw)
    for i, (kind, shape, kernel, stride, pad) in enumerate(POOLS):
        x = torch.randn(shape, dtype=torch.float64)
        x = (x.round() if kind == "ties" else x).requires_grad_()
        rank = len(kernel)
        if kind == "avg":
            y = (F.avg_pool1d if rank == 1 else F.avg_pool2d)(x, kernel, stride, pad)
        else:
            y = (F.max_pool1d if rank == 1 else F.max_pool2d)(x, kernel, stride, pad)
        g = torch.randn_like(y)
        (gx,) = torch.autograd.grad(y, x, g)
        attrs = {"kernel": kernel, "stride": stride, "pad": [(p, p) for p in pad]}
        save(f"{'avgpool' if kind == 'avg' else 'maxpool'}/{i}", attrs, x=x, y=y, g=g, gx=gx)
    np.savez_compressed(Path(__file__).with_name("window.npz"), **arrays)


if __name__ == "__main__":
    main()
