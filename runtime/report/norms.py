"""Norms of parameters and of their gradients, epoch by epoch, as norms.csv holds them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...compiler.extract import compose, select
from ...compiler.passes import optimise
from ..data.batches import Batches
from ..data.source import Dataset
from ..model import Model

FILE = "norms.csv"
POINTS = 100  # of a curve, about


@dataclass(frozen=True, slots=True)
class Norm:
    """Of one parameter after an epoch; gradient: that of the loss of the first training batch."""

    epoch: int
    parameter: str
    value: float
    gradient: float


@dataclass(slots=True)
class Norms:
    """Measures a model as it trains. epochs: how many are to come, of which about POINTS are measured."""

    model: Model
    data: Dataset
    epochs: int = 0
    rows: list[Norm] = field(default_factory=list[Norm])

    def measure(self, epoch: int) -> None:
        """Take down the norms, if this epoch is one of those."""
        if epoch % math.ceil(max(self.epochs, 1) / POINTS):
            return
        model, network = self.model, self.model.compiled.network
        assert network.train is not None
        graph = compose(network.training_data, select(network.training, lambda r: r.kind == "gradient"))
        names = [node.name for node in graph if node.op == "column"]
        batches = Batches(self.data.train, network.train.batch, shuffle=False, names=names)
        batch = next(iter(batches))
        program = model.executable("gradients from columns", optimise(graph), batch.size)
        found = program.run(batch.columns, model.step_number, model.steps, model.seed, copy=False)
        gradients = {r.name: _norm(model.device.numpy(value)) for r, value in found.items()}
        for name in model.parameters:
            value = _norm(model.device.numpy(model.memory[name]))
            self.rows.append(Norm(epoch, name, value, gradients.get(name, 0.0)))


def table(rows: Sequence[Norm]) -> str:
    """norms.csv: a line for each parameter and epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "parameter", "norm", "gradient"])
    writer.writerows([[n.epoch, n.parameter, f"{n.value:.6g}", f"{n.gradient:.6g}"] for n in rows])
    return text.getvalue()


def read(folder: Path, last: int) -> list[Norm]:
    """The norms that a run has kept, up to its last epoch; none where there is no such file."""
    path = folder / FILE
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            Norm(int(r["epoch"]), r["parameter"], float(r["norm"]), float(r["gradient"]))
            for r in csv.DictReader(file)
        ]
    return [row for row in rows if row.epoch <= last]


def _norm(array: np.ndarray) -> float:
    return float(np.sqrt(np.square(array, dtype=np.float64).sum()))
