"""One small network under each optimizer and schedule of PyTorch."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, optim

from .twin import Tensors, Twin


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
    "schedule_ramp": Twin(
        SMALL,
        small,
        partial(sgd, lr=1e-4),
        lambda o: optim.lr_scheduler.ExponentialLR(o, 2000 ** (1 / 99)),
    ),
    "schedule_step": Twin(
        SMALL, small, partial(adam, lr=0.02), lambda o: optim.lr_scheduler.StepLR(o, 30, 0.5)
    ),
}
