"""What is trained on both sides: a network, its batches, and where its twin in PyTorch finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from .draws import Array, integers, normal, rounded

STEPS = 100
MARKS = (1, 10, 100)  # steps after which parameters are compared


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a batch: classes below `classes`, or normal numbers, shifted by the sample's class."""

    name: str
    shape: tuple[int, ...] = ()
    classes: int = 0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A training run. spec: a shipped example's name, or a text."""

    spec: str
    inputs: tuple[Input, ...]
    batch: int = 8
    dims: Mapping[str, float] = field(default_factory=dict[str, float])
    train: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def text(self) -> str:
        """The network's text."""
        if "\n" in self.spec:
            return self.spec
        return (Path(__file__).parents[2] / "specs" / f"{self.spec}.net").read_text(encoding="utf-8")


def batch(case: Case, step: int) -> dict[str, Any]:
    """The batch of one step: every class has a pattern of its own, so that there is something to learn."""
    found: dict[str, Any] = {}
    label: Any = None
    for given in sorted(case.inputs, key=lambda i: -i.classes):
        shape = (case.batch, *given.shape)
        key = f"{given.name} {step}"
        if given.classes:
            found[given.name] = integers(key, shape, given.classes)
            label = found[given.name] if not given.shape else label
        else:
            found[given.name] = normal(key, shape, given.scale)
            if label is not None:
                found[given.name] = rounded(found[given.name] + _patterns(given)[label].reshape(shape))
    return found


@cache
def _patterns(given: Input) -> Array:
    return normal(f"{given.name} patterns", (100, prod(given.shape)), given.scale)


def _small(optimizer: str, settings: str = "") -> Case:
    """A small network for the optimizers: matrices and vectors, deep enough for gradients of all sizes."""
    text = f"""
        input x[N, 6]
        input y[N] : class(4)
        param W[6, 5], V[5, 4] ~ glorot
        param b[5], c[4] ~ zeros
        logits = tanh(x @ W + b) @ V + c
        loss cross_entropy(logits, y)
        train {optimizer} {{ steps = {STEPS}, batch = 8{settings} }}
    """
    return Case(text, (Input("x", (6,)), Input("y", classes=4)))


OPTIMIZERS: Mapping[str, Case] = {
    "sgd": _small("sgd(lr = 0.1)"),
    "sgd_momentum": _small("sgd(lr = 0.05, momentum = 0.9)"),
    "sgd_nesterov": _small("sgd(lr = 0.05, momentum = 0.9, nesterov = true)"),
    "sgd_decay": _small("sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01)"),
    "adam": _small("adam(lr = 0.01)"),
    "adam_decay": _small("adam(lr = 0.01, beta1 = 0.8, beta2 = 0.99, weight_decay = 0.02)"),
    "adamw": _small("adamw(lr = 0.01, weight_decay = 0.1)"),
    "rmsprop": _small("rmsprop(lr = 0.005)"),
    "rmsprop_momentum": _small("rmsprop(lr = 0.002, alpha = 0.9, momentum = 0.9, weight_decay = 0.01)"),
    "adagrad": _small("adagrad(lr = 0.1)"),
    "adagrad_decay": _small("adagrad(lr = 0.1, weight_decay = 0.01)"),
    "clip": _small("sgd(lr = 0.1, momentum = 0.9)", ", clip = 0.5"),
    "schedule_constant": _small("sgd(lr = 0.2)", ", schedule = constant"),
    "schedule_cosine": _small("sgd(lr = 0.2)", ", schedule = cosine"),
    "schedule_cosine_warmup": _small("sgd(lr = 0.2)", ", schedule = cosine(warmup = 10)"),
    "schedule_linear": _small("sgd(lr = 0.2)", ", schedule = linear"),
    "schedule_ramp": _small("sgd(lr = 1)", ", schedule = ramp(low = 0.0001, high = 0.2)"),
    "schedule_step": _small("adam(lr = 0.02)", ", schedule = step(every = 30, factor = 0.5)"),
}

TEN = Input("y", classes=10)
IMAGE, DIGIT, LINES = Input("x", (3, 32, 32)), Input("x", (1, 28, 28), scale=0.2), Input("x", (8, 8))
MIDDLE, PIXELS, SMALL_DIGIT = Input("x", (3, 28, 28)), Input("x", (3072,)), Input("x", (64,))
PLANE = Input("x", (2,))
WHOLE = {"steps": STEPS}  # for what a schedule calls the whole training

EXAMPLES: Mapping[str, Case] = {
    "mlp": Case("mlp", (PIXELS, TEN), 16),
    "residual": Case("residual", (IMAGE, TEN), 2, {"C": 2, "L": 1}, WHOLE),
    "chars": Case("chars", (Input("t", (6,), 96), Input("next", (6,), 96)), 3, {"T": 6, "D": 16}),
    "course_mlp": Case("course_mlp", (PIXELS, TEN), 16),
    "course_cnn": Case("course_cnn", (MIDDLE, TEN), 4),
    "tutorial_cnn": Case("tutorial_cnn", (IMAGE, TEN), 4),
    "lenet": Case("lenet", (DIGIT, TEN), 2),
    "nielsen": Case("nielsen", (Input("x", (784,)), TEN), 10),
    "digits": Case("digits", (SMALL_DIGIT, TEN), 8, train=WHOLE),
    "lion": Case("lion", (SMALL_DIGIT, TEN), 8, train=WHOLE),
    "penalty": Case("penalty", (PLANE, Input("y", classes=2)), 8, {"strength": 0.05}),
    "recurrent": Case("recurrent", (LINES, TEN), 8, train=WHOLE),
    "regression": Case("regression", (Input("x", (3,)), Input("width")), 8),
    "spirals": Case("spirals", (PLANE, Input("y", classes=3)), 8, train=WHOLE),
}

CASES: Mapping[str, Case] = {**OPTIMIZERS, **EXAMPLES}

__all__ = ["CASES", "EXAMPLES", "MARKS", "OPTIMIZERS", "STEPS", "Array", "Case", "Input", "batch"]
