"""How long commands take as whole processes, in turn, each many times: medians of wall and processor time.

    python bench/start.py [--rounds 15] [--against PYTHON]

PYTHON is that of another environment with netc in it, whose processes take turns with those of this one. On a
machine that is busy the processor's time is the one to go by. The first lines are a floor: Python alone, and
with the libraries that compiling needs.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

LIBRARIES = "import click, lark, networkx, numpy"
COMMANDS = (
    ("-c", "pass"),
    ("-c", LIBRARIES),
    ("-c", "import netc"),
    ("-m", "netc", "--help"),
    ("-m", "netc", "show", "dense"),
    ("-m", "netc", "fmt", "--check", "mlp"),
    ("-m", "netc", "check", "mlp"),
    ("-m", "netc", "check", "course_cnn"),
    ("-m", "netc", "check", "residual"),
    ("-m", "netc", "check", "chars"),
    ("-m", "netc", "train", "digits", "train.epochs=1", "--no-report"),
    ("-m", "netc", "train", "digits", "train.epochs=1"),
)


def run(python: str, command: tuple[str, ...]) -> tuple[float, float]:
    """Wall and processor seconds of one process, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        ran = subprocess.run([python, *command], cwd=folder, capture_output=True, text=True)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        sys.exit(f"{' '.join(command)}: {ran.stderr}")
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--against", metavar="PYTHON", help="another environment's interpreter")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process would compile the sources anew
    pythons = [sys.executable, *([given.against] if given.against else [])]
    for python in pythons:
        run(python, ("-m", "netc", "check", "mlp"))  # which leaves behind what is kept for later processes
    print(f"{'milliseconds':<50}" + "   ".join(f"{'wall':>6} {'cpu':>5}" for _ in pythons))
    for command in COMMANDS:
        figures: dict[str, list[tuple[float, float]]] = {python: [] for python in pythons}
        for _ in range(given.rounds):
            for python in pythons:
                figures[python].append(run(python, command))
        medians = [
            [1e3 * statistics.median(column) for column in zip(*figures[p], strict=True)] for p in pythons
        ]
        shown = "   ".join(f"{wall:6.0f} {cpu:5.0f}" for wall, cpu in medians)
        print(f"{' '.join(command[1:]):<50}{shown}", flush=True)


if __name__ == "__main__":
    main()
