"""The steps of an epoch: one at a time, or many in one native call."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .data.batches import Batches
from .data.look_ahead import Stretch
from .model import Model
from .place import Place

if TYPE_CHECKING:
    from .native.executable import NativeExecutable

CALL_SECONDS = 0.1  # of one native call: Ctrl-C and the progress display wait no longer


class Made(NamedTuple):
    """Some steps that were made, on batches of `size`, and the results of each, by name: float64[steps]."""

    steps: int
    size: int
    results: dict[str, np.ndarray]


def steps(model: Model, batches: Batches, place: Place) -> Iterator[Made]:
    """Make the steps of an epoch from a place on, until the training's last one.

    The caller moves the model's step number and the place along before it asks for more.
    """
    full = batches.samples // batches.size  # batches without the smaller one at the end
    if place.batch < full and (native := model.program("train", batches.size).repeating):
        count = 1
        for stretch in batches.stretches(place.epoch, place.batch):
            if model.step_number >= model.total_steps:
                return
            count = yield from _in_calls(model, native, stretch, place, count)
    for batch in batches.epoch(place.epoch, place.batch):
        if model.step_number >= model.total_steps:
            return
        program = model.program("train", batch.size)
        counters = (model.step_number, model.steps, model.seed, place.epoch, batch.rows)
        results = program.run(batch.columns, *counters, copy=False)
        yield Made(1, batch.size, {r.name: np.asarray([float(value)]) for r, value in results.items()})


def _in_calls(
    model: Model, program: NativeExecutable, stretch: Stretch, place: Place, wanted: int
) -> Generator[Made, None, int]:
    """The full batches of a stretch, as many in a call as fit into its time.

    wanted: so many in the first; gives the same for the next stretch.
    """
    size = program.program.n
    names = [result.name for result in program.program.results]
    at, end = 0, len(stretch.rows) // size
    while at < end and model.step_number < model.total_steps:
        count = min(wanted, end - at, model.total_steps - model.step_number)
        some = slice(at * size, (at + count) * size)
        counters = {"step": model.step_number, "steps": model.steps, "seed": model.seed, "epoch": place.epoch}
        begun = time.perf_counter()
        log = program.epoch(stretch.columns, stretch.places[some], stretch.rows[some], count, counters)
        taken = time.perf_counter() - begun
        yield Made(len(log), size, dict(zip(names, log.T, strict=True)))
        at += len(log)
        wanted = max(1, int(len(log) * min(CALL_SECONDS / max(taken, 1e-9), 10)))
    return wanted
