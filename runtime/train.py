"""The seven steps of training. All arithmetic is in the compiled programs; here batches go in and figures
come out.

1 initialise (the model has), 2 take a batch and predict, 3 loss, 4 gradients, 5 step: one call of the
program; 6 repeat; 7 stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..compiler.diagnostics import Diagnostic, SpecError
from ..compiler.ir import size_at
from ..compiler.network import Patience, Training
from .data.batches import Batches
from .data.errors import DataError
from .data.lazy import held
from .data.source import Dataset, Split
from .data.statistics import channel_statistics
from .interrupt import Interrupts
from .model import Model
from .opening import located, open_data
from .place import EpochDone, History, Place, is_better
from .start import Started, start
from .steps import steps
from .threads import threads_for
from .trace import first_not_finite

PROGRESS_SECONDS = 0.2
EVALUATION_BATCH = 500  # many a test set is a multiple: a smaller last batch needs a program of its own


@dataclass(frozen=True, slots=True)
class Began:
    """The data are open and the programs compiled."""

    samples: int
    batches: int
    epochs: int
    steps: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A few times a second. loss: the mean over the epoch so far; epochs and batches count from 1."""

    epoch: int
    batch: int
    batches: int
    step: int
    loss: float
    samples_per_second: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why the training ended before its time."""

    reason: str


Event = Started | Began | Progress | EpochDone | Stopped
Listener = Callable[[Event], None]


def fit(
    model: Model,
    epochs: int | None = None,
    listener: Listener | None = None,
    data: Dataset | None = None,
    place: Place | None = None,
) -> History:
    """Train a model in place, evaluating after each epoch.

    epochs: how many more, instead of all of the train block's epochs or steps. place: where to begin, which
    moves along as the training goes on; without it, behind the steps that the model has made. Raises
    SpecError where data or train block are missing or the loss is not finite. On Interrupted (Ctrl-C,
    SIGTERM) the model is as the last whole step left it.
    """
    tell: Listener = listener or (lambda event: None)
    network = model.compiled.network
    train = network.train
    if train is None:
        help = "write, for example: train sgd(lr = 0.1) { epochs = 10 }"
        raise SpecError(Diagnostic("train", f"{network.name} has no train block", None, "", (), help))
    data = _held(data or open_data(network, model.base, model.seed))
    if train.stop is not None:
        _check_stop(train.stop, data)
    if place is None or (place.epoch, place.batch) == (1, 0):
        prepare(model, data)
    if train.start is not None and model.step_number == 0:
        tell(start(model, train.start))
    graph = model.compiled.graph("train")
    names = [node.name for node in graph if node.op == "column"]
    batches = _batches(model, data.train, train.batch, names, shuffle=True)
    if place is None:
        done, batch = divmod(model.step_number, len(batches))
        place = Place(done + 1, batch)
    last = _last_epoch(train, epochs, len(batches), place.epoch)
    model.total_steps = train.steps if train.steps and epochs is None else last * len(batches)
    tell(Began(batches.samples, len(batches), last, model.total_steps))
    with Interrupts() as interrupts, threads_for(graph, train.batch):
        while place.epoch <= last:
            if train.stop is not None and _exhausted(place.history, train.stop):
                tell(Stopped(f"{train.stop.on} has not improved for {train.stop.epochs} epochs"))
                break
            began = time.perf_counter() - place.seconds
            _epoch(model, batches, place, train, tell, interrupts)
            values = {f"train.{name}": sum / max(place.samples, 1) for name, sum in place.sums.items()}
            for split in ("valid", "test"):
                if getattr(data, split) is not None:
                    figures = evaluate(model, split, data, interrupts)
                    values |= {f"{split}.{name}": value for name, value in figures.items()}
            place.seconds = time.perf_counter() - began
            tell(place.end_epoch(values, model.step_number))
    return place.history


def evaluate(
    model: Model, split: str = "test", data: Dataset | None = None, interrupts: Interrupts | None = None
) -> dict[str, float]:
    """Loss and metrics over a whole split. interrupts: looked at between batches."""
    network = model.compiled.network
    data = data or open_data(network, model.base, model.seed)
    arrays = {"train": data.train, "valid": data.valid, "test": data.test}.get(split)
    if arrays is None:
        known = [s for s in ("train", "valid", "test") if getattr(data, s) is not None]
        raise SpecError(
            Diagnostic("data", f"the data have no split called {split}; there are {', '.join(known)}",
                       network.data.span if network.data else None)
        )  # fmt: skip
    return measure(model, arrays, interrupts)


def measure(model: Model, arrays: Split, interrupts: Interrupts | None = None) -> dict[str, float]:
    """Loss and metrics over arrays [n, …] by column (by input, without a data block), exactly, whatever the
    size of the last batch.
    """
    graph = model.compiled.graph("evaluate")
    names = [node.name for node in graph if node.op in ("column", "input")]
    totals: dict[str, Any] = {}
    for batch in _batches(model, arrays, EVALUATION_BATCH, names, shuffle=False):
        if interrupts is not None:
            interrupts.check()
        program = model.program("evaluate", batch.size)
        for result, value in program.run(batch.columns, 0, 1, model.seed, 0, batch.rows, copy=False).items():
            known = totals.get(result.name, 0.0)
            totals[result.name] = known + np.asarray(model.device.numpy(value), np.float64)
    finish = model.compiled.graph("finish")
    feeds = {
        node.name: model.device.array(np.asarray(totals[node.name]).astype(node.type.dtype))
        for node in finish
        if node.op == "input"
    }
    results = model.program("finish", 1).run(feeds, 0, 1, model.seed)
    return {r.name: float(model.device.numpy(v)) for r, v in results.items()}


def prepare(model: Model, data: Dataset) -> None:
    """Fill the states that hold statistics of the training split."""
    for variable in model.compiled.network.variables.values():
        if variable.initial[0] != "statistic":
            continue
        column, what = str(variable.initial[1]), str(variable.initial[2])
        mean, std = channel_statistics(data.train[column])
        shape = tuple(size_at(d, 1) for d in variable.type.shape)
        value = (mean if what == "mean" else std).astype(variable.type.dtype).reshape(shape)
        model.memory[variable.name][...] = model.device.array(value)


def _held(data: Dataset) -> Dataset:
    """The data, with as much in memory as may be: what is split off may fit where the whole did not."""
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    return replace(data, **held({split: arrays for split, arrays in splits.items() if arrays is not None}))


def _batches(model: Model, arrays: Mapping[str, Any], size: int, names: list[str], shuffle: bool) -> Batches:
    try:
        return Batches(arrays, size, model.seed, shuffle=shuffle, names=names)
    except DataError as error:
        spec = model.compiled.network.data
        assert spec is not None
        raise located(error, spec) from None


def _last_epoch(train: Training, epochs: int | None, batches: int, first: int) -> int:
    if epochs is not None:
        return first - 1 + epochs
    if train.steps is not None:
        return math.ceil(train.steps / batches)
    return train.epochs or 0


def _epoch(
    model: Model, batches: Batches, place: Place, train: Training, tell: Listener, interrupts: Interrupts
) -> None:
    """One pass over the training split, or what is left of it; adds up loss and metrics over its samples."""
    told = time.perf_counter()
    began = told - place.seconds
    interrupts.check()
    for made in steps(model, batches, place):
        model.step_number += made.steps
        place.batch += made.steps
        place.samples += made.steps * made.size
        for name, values in made.results.items():
            # One after the other, so that the sum is the same however many steps come at a time.
            known = place.sums.get(name, 0.0)
            place.sums[name] = float(np.cumsum([known, *(values * made.size)])[-1])
        if not math.isfinite(place.sums["loss"]):
            _not_finite(model, batches, place.epoch, place.batch)
        now = time.perf_counter()
        if now - told > PROGRESS_SECONDS:
            told, place.seconds = now, now - began
            rate = place.samples / place.seconds
            loss = place.sums["loss"] / place.samples
            tell(Progress(place.epoch, place.batch, len(batches), model.step_number, loss, rate))
        interrupts.check()


def _not_finite(model: Model, batches: Batches, epoch: int, batch: int) -> None:
    train = model.compiled.network.train
    blown = first_not_finite(model, batches, epoch, batch)
    span = (blown.span if blown else None) or (train.span if train else None)
    label = f"here the first tensor was no longer finite: {blown.what}" if blown else ""
    title = (
        f"the loss is no longer a finite number at step {model.step_number} (epoch {epoch}, batch {batch})"
    )
    help = "try a smaller learning rate, or clip = 1.0 in the train block"
    raise SpecError(Diagnostic("train", title, span, label, (), help))


def _check_stop(stop: Patience, data: Dataset) -> None:
    """Raises SpecError where the data have no such split, before an epoch is trained in vain."""
    split = stop.on.partition(".")[0]
    if getattr(data, split) is None:
        title = f"there is no {stop.on} to stop on: the data have no {split} split"
        help = "split some of the training samples off: valid = 10% in the data block"
        raise SpecError(Diagnostic("train", title, stop.span, "", (), help if split == "valid" else ""))


def _exhausted(history: History, stop: Patience) -> bool:
    values = history.column(stop.on)
    if not values:
        return False
    best = 0
    for i, value in enumerate(values):
        best = i if is_better(stop.on, value, values[best]) else best
    return len(values) - 1 - best >= stop.epochs
