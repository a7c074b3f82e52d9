"""Layers over named parameters, for the twins, and the shapes of those parameters."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .twin import Shapes, Tensors


def dense(p: Tensors, name: str, x: Tensor) -> Tensor:
    return F.linear(x, p[f"{name}.W"].T, p[f"{name}.b"])


def convolved(p: Tensors, name: str, x: Tensor, **how: int) -> Tensor:
    return F.conv2d(x, p[f"{name}.W"], p[f"{name}.b"], **how)


def batch_norm(p: Tensors, name: str, x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, p[f"{name}.gain"], p[f"{name}.bias"], training=True)


def layer_norm(p: Tensors, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.gain"], p[f"{name}.bias"])


def copies(p: Tensors, prefix: str) -> list[int]:
    """The numbers of a layer's copies."""
    rests = {key.removeprefix(prefix).split(".")[0] for key in p if key.startswith(prefix)}
    return sorted(int(rest) for rest in rests)


def weights(name: str, before: int, width: int) -> Shapes:
    return {f"{name}.W": (before, width), f"{name}.b": (width,)}


def filters(name: str, before: int, channels: int, size: int) -> Shapes:
    return {f"{name}.W": (channels, before, size, size), f"{name}.b": (channels,)}


def norm(name: str, channels: int) -> Shapes:
    return {f"{name}.gain": (channels,), f"{name}.bias": (channels,)}
