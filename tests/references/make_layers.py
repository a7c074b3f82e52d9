"""Writes layers.npz: values, first and second gradients of the standard layers by PyTorch, in float64.

python tests/references/make_layers.py        # needs torch, numpy and scikit-learn
"""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.parity.draws import integers, normal, start
from tests.parity.layers import BATCH, USES, Use
from tests.references.layers_in_torch import LAYERS, SHAPES


def figures(name: str, use: Use) -> dict[str, NDArray[np.float64]]:
    """z, its gradients by X, T, U and the parameters, and those of a projection of the gradient by X."""
    leaves = {f"z.{key}": torch.tensor(start(f"z.{key}", s)) for key, s in SHAPES.get(name, {}).items()}
    leaves |= {key: torch.tensor(normal(key, (BATCH, prod(use.x)))) for key in "XT"}
    for leaf in leaves.values():
        leaf.requires_grad_()
    y = torch.tensor(integers("y", (BATCH, *use.y), use.classes or 1))
    x, t = (leaves[key].reshape(BATCH, *use.x) for key in "XT")
    z = LAYERS[name](x, t, y, leaves)
    held = {"z": z.detach().double()}
    if z.requires_grad:
        each = z.dim() > 0 and z.shape[0] == BATCH
        shape = (BATCH, prod(z.shape[1:])) if each else tuple(z.shape)
        leaves["U"] = torch.tensor(normal("U", shape), requires_grad=True)
        total = (z * leaves["U"].reshape(z.shape)).sum()
        held |= {f"first {key}": g for key, g in _gradients(total, leaves).items()}
        if name.startswith("hinge"):
            return _named(name, held)  # PyTorch lacks its second derivative
        (by_x,) = torch.autograd.grad(total, [leaves["X"]], create_graph=True)
        leaves["V"] = torch.tensor(normal("V", (BATCH, prod(use.x))), requires_grad=True)
        held |= {f"second {key}": g for key, g in _gradients((by_x * leaves["V"]).sum(), leaves).items()}
    return _named(name, held)


def _named(name: str, held: dict[str, Tensor]) -> dict[str, NDArray[np.float64]]:
    return {f"{name}/{key}": value.numpy(force=True) for key, value in held.items()}


def _gradients(total: Tensor, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
    grads = torch.autograd.grad(total, list(leaves.values()), retain_graph=True, allow_unused=True)
    return {
        key: torch.zeros_like(leaf) if g is None else g.detach()
        for (key, leaf), g in zip(leaves.items(), grads, strict=True)
    }


def running() -> dict[str, NDArray[np.float64]]:
    """Batch norm's running statistics after three batches, and what it then gives when not training."""
    module = torch.nn.BatchNorm2d(3, dtype=torch.float64)
    for i in range(3):
        module(torch.tensor(normal(f"running {i}", (BATCH, 3, 2, 4))))
    mean, var = module.running_mean, module.running_var
    assert mean is not None and var is not None
    z = module.eval()(torch.tensor(normal("running", (BATCH, 3, 2, 4))))
    return _named("running", {"mean": mean, "var": var, "z": z})


def main() -> None:
    held: dict[str, NDArray[np.float64]] = {}
    for name, use in USES.items():
        held |= figures(name, use)
    held |= running()
    path = Path(__file__).with_name("layers.npz")
    np.savez_compressed(path, **held)  # type: ignore[arg-type]
    print(f"{len(USES)} uses, {path.stat().st_size} B")


if __name__ == "__main__":
    main()
