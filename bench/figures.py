"""Trains shipped examples on real data and compares what they reach with figures that others published.

    python bench/figures.py --data FOLDER [--seed 1] [--only lenet,nielsen]

FOLDER holds mnist/ (the four IDX files) and cifar-10-batches-bin/ (or cifar10/ around it), as they are
published. Every training is an ordinary `netc train`; its log is kept in --out.
Exit status 1 if a figure is not reached.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

Epochs = Sequence[dict[str, Any]]


def last(epochs: Epochs) -> float:
    return epochs[-1]["test.accuracy"]


def best(epochs: Epochs) -> float:
    return max(epoch["test.accuracy"] for epoch in epochs)


@dataclass(frozen=True, slots=True)
class Figure:
    """A test accuracy that others found. high: the upper end of what was found."""

    spec: str
    overrides: tuple[str, ...]
    which: Callable[[Epochs], float]
    low: float
    high: float
    source: str


TWO_EPOCHS = ("train.momentum=0.9", "train.epochs=2")

FIGURES: dict[str, Figure] = {
    "digits": Figure("digits", (), last, 0.97, 1.0, "scikit-learn on the same digits"),
    "course_mlp": Figure("course_mlp", TWO_EPOCHS, last, 0.40, 0.415, "measured by the course, two epochs"),
    "tutorial_cnn": Figure(
        "tutorial_cnn", (), last, 0.53, 0.55, "PyTorch, Training a Classifier, two epochs"
    ),
    "lenet": Figure("lenet", (), last, 0.989, 1.0, "Caffe, Training LeNet on MNIST, 10 000 steps"),
    "nielsen": Figure("nielsen", (), best, 0.945, 1.0, "Nielsen, chapter 1, the best of 30 epochs"),
}

# Where in the folder a source's files are looked for.
PLACES = {
    "mnist": ("mnist", "MNIST/raw", "."),
    "cifar10": ("cifar10", "cifar-10-batches-bin", "."),
}
SIGNS = {"mnist": "train-images-idx3-ubyte*", "cifar10": "**/data_batch_1.bin"}


def text_with_data(spec: str, data: Path) -> str:
    """A shipped example whose data block reads from `data`."""
    text = (files("netc.specs") / f"{spec}.net").read_text(encoding="utf-8")
    for source in PLACES:
        pattern = rf'\b{source}\("[^"]*"'
        if re.search(pattern, text):
            text = re.sub(pattern, f'{source}("{_place(source, data)}"', text)
    return text


def _place(source: str, data: Path) -> Path:
    for place in PLACES[source]:
        if any((data / place).glob(SIGNS[source])):
            return (data / place).resolve()
    sys.exit(f"figures: {data} holds no {source}: looked for {SIGNS[source]} in {', '.join(PLACES[source])}")


def train(figure: Figure, data: Path, seed: int, log: Path) -> list[dict[str, Any]]:
    """The epochs of one `netc train`, as it prints them with --json."""
    command = [sys.executable, "-m", "netc", "train", "-", *figure.overrides, f"train.seed={seed}"]
    with tempfile.TemporaryDirectory() as run:
        done = subprocess.run(
            [*command, "--json", "--device", "cpu", "--out", f"{run}/run"],
            input=text_with_data(figure.spec, data),
            capture_output=True,
            text=True,
            check=False,
        )
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        sys.exit(f"figures: netc train {figure.spec} failed, see {log}\n{done.stderr}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [event for event in events if event["event"] == "epoch"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(FIGURES), help="some of the figures, with commas between")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="the folder for the logs")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    missed = False
    print(f"{'':12} {'found':>8}  {'published':17} {'epochs':>6} {'seconds':>8}  source")
    for name in given.only.split(","):
        figure = FIGURES[name]
        started = time.perf_counter()
        epochs = train(figure, given.data, given.seed, given.out / f"{name}-{given.seed}.jsonl")
        seconds = time.perf_counter() - started
        found = figure.which(epochs)
        published = (
            f"{figure.low:.1%} to {figure.high:.1%}" if figure.high < 1 else f"at least {figure.low:.1%}"
        )
        verdict = "" if found >= figure.low else "  NOT REACHED"
        missed = missed or found < figure.low
        print(
            f"{name:12} {found:8.2%}  {published:17} {len(epochs):6} {seconds:8.1f}  "
            f"{figure.source}{verdict}",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
