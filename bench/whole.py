"""Times whole trainings: `netc train` against a notebook's loop in PyTorch, two epochs of CIFAR-10.

    python bench/whole.py --data FOLDER --peers PYTHON      # PYTHON has torch and numpy

From the start of a process to its end, in turns: netc with empty caches, netc again, PyTorch. The table has
the medians of the seconds and of the peak memory, and the accuracy on the test images, which netc takes after
each epoch and PyTorch once. FOLDER holds cifar-10-batches-bin.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from problem import BENCH, SHIPPED
from rich.console import Console
from rich.table import Table

EPOCHS = 2
# Python keeps its modules compiled, unless it is told not to: nobody runs an installed program that way.
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Run:
    """One process. peak: its largest resident set, in bytes."""

    seconds: float
    peak: int
    accuracy: float


def netc(name: str, data: Path, cache: Path) -> Run:
    """Train a shipped example in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / f"{name}.net"
        spec.write_bytes((SHIPPED / spec.name).read_bytes())
        (Path(folder) / "data").symlink_to(data)
        settings = [f"train.epochs={EPOCHS}", "--device", "cpu", "--json"]
        command = [sys.executable, "-m", "netc", "train", spec.name, *settings]
        seconds, peak, output = run(command, Path(folder), {"NETC_CACHE": str(cache)})
    epochs = [event for event in map(json.loads, output.splitlines()) if event["event"] == "epoch"]
    return Run(seconds, peak, epochs[-1]["test.accuracy"])


def pytorch(name: str, data: Path, python: str) -> Run:
    """Train the same network as a notebook does."""
    command = [python, "-m", "peers.notebook", name, str(data / "cifar-10-batches-bin"), str(EPOCHS)]
    seconds, peak, output = run(command, BENCH, {})
    return Run(seconds, peak, float(output))


def run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> tuple[float, int, str]:
    """Run a process to its end: its seconds, its peak memory in bytes, what it printed."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=INSTALLED | environment, stdout=output, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if status:
            sys.exit(f"whole: {' '.join(command)} failed\n{errors.read()}")
        return seconds, usage.ru_maxrss * 1024, output.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="Python of the peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("names", nargs="*", metavar="NETWORK", default=["course_mlp", "course_cnn"])
    given = parser.parse_args()
    data = given.data.resolve()
    table = Table("network", "netc, cold", "netc, warm", "PyTorch", "PyTorch / warm", show_lines=True)
    for name in given.names:
        runs: dict[str, list[Run]] = {"cold": [], "warm": [], "PyTorch": []}
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory() as cache:
                runs["cold"].append(netc(name, data, Path(cache)))
                runs["warm"].append(netc(name, data, Path(cache)))
            runs["PyTorch"].append(pytorch(name, data, given.peers))
        ratios = [f(runs["PyTorch"]) / f(runs["warm"]) for f in (seconds, peak)]
        table.add_row(name, *map(cell, runs.values()), "{:.1f} ×\n{:.1f} ×".format(*ratios))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def cell(runs: Sequence[Run]) -> str:
    accuracy = median(run.accuracy for run in runs)
    return f"{seconds(runs):.2f} s\n{peak(runs) / 1e6:.0f} MB\n{accuracy:.2%}"


def seconds(runs: Sequence[Run]) -> float:
    return median(run.seconds for run in runs)


def peak(runs: Sequence[Run]) -> float:
    return median(run.peak for run in runs)


if __name__ == "__main__":
    main()
