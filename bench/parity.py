"""Trains shipped examples at full size, here and in PyTorch, and says how far the two come apart.

    python bench/parity.py [NAME…] [--steps 100]        # needs torch beside netc

Both start from the same parameters and see the same batches (tests/parity says which; the PyTorch side stands
in tests/references/twins_of_examples.py). For each example: the largest relative difference of the losses and
of the parameters at the end (‖ours − theirs‖ / ‖theirs‖, over all of them). All are compared with PyTorch's
float64 run, its own float32 run too (torch32): that is how far summation in float32 alone strays.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
import netc
from tests.parity.cases import EXAMPLES, Case, Input, batch
from tests.parity.draws import start
from tests.references.twin import Twin
from tests.references.twins import TWINS

# At full size, where the tests take small dims: inputs and batch as the files have them.
FULL = {
    "residual": {"dims": {}, "batch": 32},
    "chars": {"dims": {}, "batch": 16, "inputs": (Input("t", (64,), 96), Input("next", (64,), 96))},
}

Run = tuple[np.ndarray, np.ndarray, float]  # losses, all parameters at the end, seconds


def ours(case: Case, precision: str, steps: int) -> tuple[Run, dict[str, tuple[int, ...]]]:
    settings = {**case.train, "precision": precision}
    model = netc.compile(text=case.text, dims=case.dims, train=settings, device="cpu")
    shapes = {name: value.shape for name, value in model.parameters.items()}
    for name, shape in shapes.items():
        model.parameters[name] = start(name, shape)
    batches = [batch(case, step) for step in range(1, steps + 1)]
    started = time.perf_counter()
    losses = np.array([model.step(**given) for given in batches])
    seconds = time.perf_counter() - started
    return (losses, _joined(model.parameters), seconds), shapes


def theirs(case: Case, twin: Twin, shapes: dict[str, Any], dtype: torch.dtype, steps: int) -> Run:
    p = {name: torch.tensor(start(name, shape), dtype=dtype) for name, shape in shapes.items()}
    batches = [_tensors(batch(case, step), dtype) for step in range(1, steps + 1)]
    started = time.perf_counter()
    losses = list(twin.training(p, batches))
    seconds = time.perf_counter() - started
    return np.array(losses), _joined({name: t.detach().numpy() for name, t in p.items()}), seconds


def _tensors(arrays: dict[str, Any], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    found = {name: torch.tensor(a) for name, a in arrays.items()}
    return {name: t.to(dtype) if t.is_floating_point() else t for name, t in found.items()}


def _joined(parameters: Any) -> np.ndarray:
    return np.concatenate([np.asarray(parameters[name], np.float64).ravel() for name in sorted(parameters)])


def apart(a: Run, b: Run) -> str:
    losses = np.abs(a[0] - b[0]).max() / np.abs(b[0]).min()
    parameters = np.linalg.norm(a[1] - b[1]) / np.linalg.norm(b[1])
    return f"{losses:10.1e} {parameters:10.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(EXAMPLES))
    parser.add_argument("--steps", type=int, default=100)
    given = parser.parse_args()
    head = f"{'loss':>10} {'parameters':>10}"
    print(f"{'':12} | {'float64: ours':^21} | {'float32: ours':^21} | {'float32: torch32':^21} | seconds")
    print(f"{'':12} | {head} | {head} | {head} | ours torch, float32")
    for name in given.names:
        case = replace(EXAMPLES[name], **FULL.get(name, {}))
        exact, shapes = ours(case, "float64", given.steps)
        single, _ = ours(case, "float32", given.steps)
        torch64 = theirs(case, TWINS[name], shapes, torch.float64, given.steps)
        torch32 = theirs(case, TWINS[name], shapes, torch.float32, given.steps)
        print(
            f"{name:12} | {apart(exact, torch64)} | {apart(single, torch64)} | {apart(torch32, torch64)} "
            f"| {single[2]:.1f} {torch32[2]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
