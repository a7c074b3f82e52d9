"""What PyTorch needs to know to train what a .net file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
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

    def training(self, p: Tensors, batches: Iterable[Tensors]) -> Iterator[float]:
        """Train the parameters in place; the loss of each batch, after its step."""
        for tensor in p.values():
            tensor.requires_grad_()
        optimizer = self.optimizer(p.values())
        schedule = self.schedule(optimizer) if self.schedule else None
        for b in batches:
            optimizer.zero_grad()
            loss = self.loss(p, b)
            loss.backward()
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(p.values(), self.clip)
            optimizer.step()
            if schedule is not None:
                schedule.step()
            yield loss.item()


def cosine(optimizer: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    return optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)


def inverse(optimizer: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    """Caffe's policy "inv" with gamma 0.0001 and power 0.75."""
    return optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + 0.0001 * step) ** -0.75)
