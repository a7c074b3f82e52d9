"""Times the same training steps in netc, PyTorch, torch.compile and JAX.

    python bench/steps.py --peers PYTHON [STEP…]        # PYTHON has torch, jax and optax

Every side has a process of its own, and they take turns: each trains for a moment while the others sleep. The
table has the medians of a step's time over all rounds, and the best peer's time over that of netc's step. All
sides start from the same parameters and train on the same batch; they must agree
after five steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from peers.in_netc import problem
from problem import BENCH, STEPS, Array, Problem
from rich.console import Console
from rich.table import Table

OURS = ("netc", "netc fit")
PEERS = ("PyTorch", "torch.compile", "JAX")
PAUSE = 0.05  # seconds, until the threads of the side before have gone to sleep


class Side:
    """A worker's process, asleep but for its turns."""

    def __init__(self, name: str, python: str, folder: Path, problem: Path) -> None:
        self.name = name
        self.result = folder / f"{name}.npz" if name != "netc fit" else None  # it sees other batches
        self._log = folder / f"{name}.log"
        command = [python, str(BENCH / "worker.py"), name, str(problem)]
        command += [str(self.result)] if self.result else []
        pipe = subprocess.PIPE
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True)
        self.way = ""
        self.seconds: list[float] = []

    def prepare(self) -> None:
        """Wait until it has compiled, and found its fastest way."""
        self.way = self._answer()

    def turn(self, seconds: float) -> None:
        """Train for about so many seconds, and note the time of a step."""
        assert self._process.stdin is not None
        print(seconds, file=self._process.stdin, flush=True)
        self.seconds.append(self._answer())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"steps: {self.name} has ended:\n{self._log.read_text()}")
        return json.loads(line)


def measure(
    problem: Problem, pythons: Mapping[str, str], rounds: int, seconds: float
) -> tuple[list[Side], Apart | None]:
    """Every side's times, by turns, and how far their results come apart."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        problem.save(folder / "problem.npz")
        sides: list[Side] = []
        for name, python in pythons.items():  # one after the other: compilers take all cores
            sides.append(Side(name, python, folder, folder / "problem.npz"))
            stack.callback(sides[-1].close)
            sides[-1].prepare()
        apart = compare(problem, [side.result for side in sides if side.result])
        for _ in range(rounds):
            for side in sides:
                time.sleep(PAUSE)
                side.turn(seconds)
    return sides, apart


@dataclass(frozen=True, slots=True)
class Apart:
    """How far results come apart: the losses, relatively, and the way that the parameters have gone."""

    losses: float
    way: float

    @property
    def agree(self) -> bool:
        """Whether float32 explains it: Adam's first steps are as long where a gradient is next to nothing."""
        return self.losses < 1e-4 and self.way < 5e-2


def compare(problem: Problem, results: Sequence[Path]) -> Apart | None:
    """How far results come apart from the first of them, at most."""
    if len(results) < 2:
        return None
    start = list(problem.parameters.values())
    (losses, way), *others = (outcome(result, start) for result in results)
    return Apart(
        max(float(np.max(np.abs(other - losses) / np.abs(losses))) for other, _ in others),
        max(float(np.linalg.norm(other - way) / np.linalg.norm(way)) for _, other in others),
    )


def outcome(result: Path, start: Sequence[Array]) -> tuple[Array, Array]:
    """The losses, and the way of all parameters from where they started."""
    with np.load(result) as file:
        losses, *parameters = (file[name] for name in file.files)
    return losses, np.concatenate([(p - s).ravel() for p, s in zip(parameters, start, strict=True)])


def row(sides: Sequence[Side], apart: Apart | None) -> list[str]:
    """Each side's median, with the way that was its fastest; the ratio; whether the results agree."""
    medians = {side.name: median(side.seconds) for side in sides}
    ways = {side.name: side.way for side in sides}
    found = [f"{_time(medians[name])}\n{ways[name]}" if name in medians else "" for name in (*OURS, *PEERS)]
    peers = [medians[name] for name in PEERS if name in medians]
    ratio = f"{min(peers) / medians['netc']:.2f}" if peers and "netc" in medians else ""
    agreement = ""
    if apart is not None:
        verdict = "equal" if apart.agree else "[red]DIFFERENT[/]"
        agreement = f"{verdict}\n{apart.losses:.0e}, {apart.way:.0e}"
    return [*found, ratio, agreement]


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-2 else f"{seconds * 1e6:.0f} µs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", default=list(STEPS), help=", ".join(STEPS))
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="Python of the peers")
    parser.add_argument(
        "--sides", default=",".join((*OURS, *PEERS)), help="some of them, with commas between"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn")
    given = parser.parse_args()
    pythons = {name: sys.executable if name in OURS else given.peers for name in given.sides.split(",")}
    table = Table("step", *OURS, *PEERS, "best peer / netc", "results", show_lines=True)
    all_agree = True
    for step in given.steps:
        print(f"{step} …", file=sys.stderr, flush=True)
        sides, apart = measure(problem(step), pythons, given.rounds, given.seconds)
        all_agree &= apart is None or apart.agree
        table.add_row(step, *row(sides, apart))
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    return 0 if all_agree else 1


if __name__ == "__main__":
    sys.exit(main())
