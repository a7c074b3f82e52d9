"""netc's side, by its public interface."""

from __future__ import annotations

import math
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from problem import STEPS, Array, Problem, Step

import netc
from netc.runtime.opening import open_data


def model(step: Step, data: Path | None = None) -> netc.Model:
    """The model that is measured. data: an .npz file, to take the place of the spec's own data.

    A constant learning rate, because a training without an end knows no other schedule.
    """
    text = step.spec.read_text(encoding="utf-8")
    if data is not None:
        columns = ", ".join(f"{name} = {name}" for name in step.inputs)
        text = re.sub(r"(?m)^data .*$", f'data npz("{data}") {{ {columns} }}', text)
    return netc.compile(text=text, train={"schedule": "constant"}, device="cpu")


def problem(name: str) -> Problem:
    """A random batch for a step, and the parameters that its spec starts from."""
    step = STEPS[name]
    return Problem(name, step.draw(step.batch, np.random.default_rng(0)), dict(model(step).parameters))


class Stepping:
    """model.step, which takes arrays and returns each loss."""

    def __init__(self, problem: Problem) -> None:
        self._model = model(STEPS[problem.step])
        self._model.parameters.update(problem.parameters)
        self._inputs: dict[str, Any] = dict(problem.inputs)
        self._loss = float("nan")

    def train(self, steps: int) -> int:
        for _ in range(steps):
            self._loss = self._model.step(**self._inputs)
        return steps

    def loss(self) -> float:
        return self._loss

    def parameters(self) -> list[Array]:
        return list(self._model.parameters.values())


class Fitting:
    """model.fit, which also shuffles, gathers batches, and adds up loss and metrics."""

    def __init__(self, problem: Problem) -> None:
        self._step = STEPS[problem.step]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.npz"
            samples = self._step.draw(self._step.epoch * self._step.batch, np.random.default_rng(1))
            np.savez(path, allow_pickle=False, **samples)
            self._model = model(self._step, path)
            self._data = open_data(self._model.compiled.network, self._model.base, self._model.seed)
        self._model.parameters.update(problem.parameters)
        self._loss = float("nan")

    def train(self, steps: int) -> int:
        epochs = math.ceil(steps / self._step.epoch)
        self._loss = self._model.fit(epochs=epochs, data=self._data).column("train.loss")[-1]
        return epochs * self._step.epoch

    def loss(self) -> float:
        """The mean over the last epoch: its samples are others than the problem's."""
        return self._loss

    def parameters(self) -> list[Array]:
        return list(self._model.parameters.values())
