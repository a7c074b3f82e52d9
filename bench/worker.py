"""One side of the comparison, in a process of its own: python worker.py SIDE PROBLEM [RESULT]

Trains the problem in every way that the side knows, prints the name of the fastest, and writes to RESULT what
its first steps came to. Then each line of standard input says how many seconds to train for, and is answered
with the seconds of one step.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from problem import Array, Problem, Trainer

CHECKED = 5  # steps, after which the sides are compared
TRIAL = 1.0  # seconds for each way

Ways = Mapping[str, Callable[[], Trainer]]


def ways(side: str, problem: Problem) -> Ways:
    """The ways by which a side can train the problem, by name; only its own framework is imported."""
    match side:
        case "netc":
            from peers.in_netc import Stepping

            return {"step": lambda: Stepping(problem)}
        case "netc fit":
            from peers.in_netc import Fitting

            return {"fit": lambda: Fitting(problem)}
        case "PyTorch":
            from peers.in_torch import eager

            return eager(problem)
        case "torch.compile":
            from peers.in_torch import compiled

            return compiled(problem)
        case "JAX":
            from peers.in_jax import Jitted

            return {"jit": lambda: Jitted(problem)}
        case _:
            sys.exit(f"worker: there is no side called {side}")


def checked(trainer: Trainer) -> list[Array]:
    """Train the first steps, which also warm up: the losses, and the parameters after them."""
    losses: list[float] = []
    for _ in range(CHECKED):
        trainer.train(1)
        losses.append(trainer.loss())
    return [np.array(losses), *(parameter.copy() for parameter in trainer.parameters())]


def step_seconds(trainer: Trainer, seconds: float) -> float:
    """The time of a step, from about so many seconds of training; a fifth of them first, to warm up again."""
    began, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds / 5 or not steps:
        steps += trainer.train(1)
    count = max(1, round(seconds * steps / elapsed))
    began = time.perf_counter()
    steps = trainer.train(count)
    return (time.perf_counter() - began) / steps


def fastest(ways: Ways, result: Path | None) -> tuple[str, Trainer]:
    """The way with the shortest step, and its result in the file."""
    best: tuple[float, str, Trainer] | None = None
    for name, make in ways.items():
        trainer = make()
        tried = checked(trainer) if result else []
        seconds = step_seconds(trainer, TRIAL)
        if best is None or seconds < best[0]:
            best = seconds, name, trainer
            if result:
                np.savez(result, *tried)
    assert best is not None
    return best[1:]


def main() -> None:
    side, path, *result = sys.argv[1:]
    problem = Problem.load(Path(path))
    name, trainer = fastest(ways(side, problem), Path(result[0]) if result else None)
    print(json.dumps(name), flush=True)
    for line in sys.stdin:
        print(json.dumps(step_seconds(trainer, float(line))), flush=True)


if __name__ == "__main__":
    main()
