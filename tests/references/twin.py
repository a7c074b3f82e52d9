"""What PyTorch needs to know to train what a .net file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor, optim

Tensors = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Twin:
    """shapes: every parameter by name. schedule is made of the optimizer; clip: the largest norm."""

    shapes: Shapes
    loss: Callable[[Tensors, Tensors], Tensor]
    optimizer: Callable[[Iterable[Tensor]], optim.Optimizer]
    schedule: Callable[[optim.Optimizer], optim.lr_scheduler.LRScheduler] | None = None
    clip: float | None = None


def cosine(optimizer: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    return optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)


def inverse(optimizer: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    """Caffe's policy "inv" with gamma 0.0001 and power 0.75."""
    return optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + 0.0001 * step) ** -0.75)
