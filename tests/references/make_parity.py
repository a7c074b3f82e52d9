"""Writes parity_NAME.npz: how PyTorch trains the cases of tests/parity/cases.py, for tests/parity to compare.

    python tests/references/make_parity.py [NAME…]        # needs torch and numpy

Each file holds the 100 losses in float64, projections of every parameter after steps 1, 10 and 100 (draws.py
says which), and how far PyTorch's own float32 runs stray from them: the largest distance so far over
several runs that add in different orders (the batch's samples permuted; with and without oneDNN's blocking).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.parity.cases import CASES, MARKS, STEPS, Case, batch
from tests.parity.draws import generator, projections, start
from tests.references.twin import Twin
from tests.references.twins import TWINS

FLOAT32_RUNS = 6
Figures = tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]


def train(case: Case, twin: Twin, dtype: torch.dtype, order: int) -> Figures:
    """Losses, and projections of each parameter [marks, 9]. order 0 leaves the samples as they are."""
    p = {name: torch.tensor(start(name, shape), dtype=dtype) for name, shape in twin.shapes.items()}
    batches = (_tensors(case, step, dtype, order) for step in range(1, STEPS + 1))
    losses: list[float] = []
    marks: dict[str, list[NDArray[np.float64]]] = {name: [] for name in p}
    for step, loss in enumerate(twin.training(p, batches), start=1):
        losses.append(loss)
        if step in MARKS:
            for name, tensor in p.items():
                marks[name].append(projections(name, tensor.detach().double().numpy()))
    return np.array(losses), {name: np.stack(rows) for name, rows in marks.items()}


def _tensors(case: Case, step: int, dtype: torch.dtype, order: int) -> dict[str, Tensor]:
    arrays = batch(case, step)
    samples = np.arange(case.batch) if order == 0 else generator(f"order {order}").permutation(case.batch)
    found = {name: torch.tensor(array[samples]) for name, array in arrays.items()}
    return {name: t.to(dtype) if t.is_floating_point() else t for name, t in found.items()}


def strayed(case: Case, twin: Twin, exact: Figures) -> Figures:
    """How far float32 goes from the float64 run: each figure's largest distance, over the runs."""
    losses, marks = exact
    far = np.zeros_like(losses)
    far_marks = {name: np.zeros_like(value) for name, value in marks.items()}
    for order in range(FLOAT32_RUNS):
        with torch.backends.mkldnn.flags(enabled=order % 2 == 0):
            found, found_marks = train(case, twin, torch.float32, order)
        far = np.maximum(far, np.maximum.accumulate(np.abs(found - losses)))
        for name, value in marks.items():
            far_marks[name] = np.maximum(far_marks[name], np.abs(found_marks[name] - value))
    return far, far_marks


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or list(CASES):
        case, twin = CASES[name], TWINS[name]
        losses, marks = train(case, twin, torch.float64, 0)
        far, far_marks = strayed(case, twin, (losses, marks))
        held: dict[str, NDArray[np.float64] | NDArray[np.float32]] = {
            "losses": losses,
            "losses far": np.float32(far),
        }
        for key, value in marks.items():
            held[f"param {key}"] = value
            held[f"far {key}"] = np.float32(far_marks[key])
        path = Path(__file__).with_name(f"parity_{name}.npz")
        np.savez_compressed(path, **held)  # type: ignore[arg-type]
        size = path.stat().st_size
        print(f"{name:24} {losses[0]:.4f} -> {losses[-1]:.4f}, float32 strays {far[-1]:.1e}; {size} B")


if __name__ == "__main__":
    main(sys.argv[1:])
