"""The search for a learning rate: one short run, in which it grows at every step (Smith 2017, § 3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..compiler.ir import Result
from .data.batches import Batches
from .data.source import Dataset
from .model import Model
from .start import start
from .train import prepare

STEPS = 200
LOW, HIGH = 1e-6, 10.0
MEMORY = 0.9  # of the running mean of the loss
DIVERGED = 4.0  # times the lowest loss


@dataclass(frozen=True, slots=True)
class Rates:
    """losses: running means, at these learning rates. steepest: where the loss falls fastest. lowest: where
    it is lowest.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    steepest: float
    lowest: float


def search(model: Model, data: Dataset) -> Rates:
    """Train a model of lr = 1 and the schedule ramp(LOW, HIGH), until it diverges or has made STEPS steps."""
    network = model.compiled.network
    assert network.train is not None
    prepare(model, data)
    if network.train.start is not None:
        start(model, network.train.start)
    names = [node.name for node in model.compiled.graph("train") if node.op == "column"]
    batches = Batches(data.train, network.train.batch, model.seed, names=names)
    model.total_steps = STEPS
    losses: list[float] = []
    mean, epoch = 0.0, 0
    while len(losses) < STEPS:
        epoch += 1
        for batch in batches.epoch(epoch):
            program = model.program("train", batch.size)
            step = len(losses)
            results = program.run(batch.columns, step, STEPS, model.seed, epoch, batch.rows, copy=False)
            mean = MEMORY * mean + (1 - MEMORY) * float(results[Result("loss", "loss")])
            loss = mean / (1 - MEMORY ** (step + 1))
            if not math.isfinite(loss) or (losses and loss > DIVERGED * abs(min(losses))):
                return _read(losses)
            losses.append(loss)
            if len(losses) == STEPS:
                break
    return _read(losses)


def _read(losses: list[float]) -> Rates:
    rates = LOW * (HIGH / LOW) ** (np.arange(len(losses)) / (STEPS - 1))
    if len(losses) < 3:
        low = float(rates[0]) if len(losses) else LOW
        return Rates(tuple(rates.tolist()), tuple(losses), low, low)
    lowest = int(np.argmin(losses))
    # The first steps are noise: the running mean has not settled.
    begin = min(10, max(0, lowest - 1))
    slopes = np.gradient(np.asarray(losses))[begin : max(lowest, begin + 1)]
    steepest = begin + int(np.argmin(slopes))
    return Rates(tuple(rates.tolist()), tuple(losses), float(rates[steepest]), float(rates[lowest]))
