"""Where trainings are kept: a folder for each, with its parameters and its history."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .compiler.network import Network
from .runtime.checkpoint import replace, save
from .runtime.data import Columns
from .runtime.model import Model
from .runtime.train import EpochDone

LAST, BEST, INTERRUPTED = "last.safetensors", "best.safetensors", "interrupted.safetensors"
HISTORY = "history.csv"
SMALLER_IS_BETTER = ("loss", "mse", "mae")


class RunError(Exception):
    """A run's folder is missing or not free; the help says what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def watched(network: Network) -> str:
    """The figure that tells the best epoch: what the training stops on, else the accuracy, else the loss."""
    stop = network.train.stop if network.train else None
    if stop is not None and stop.on.startswith("valid."):
        return stop.on
    return "valid.accuracy" if "accuracy" in network.evaluating.of_kind("metric") else "valid.loss"


def home(name: str, saves: str | None) -> Path:
    """Where the runs of a network are, if not told otherwise: this folder, then this-2, this-3 and so on."""
    return Path(saves) if saves else Path("runs") / name


def new_folder(given: Path | None, home: Path) -> Path:
    """The folder for a new run: the given one, which must not hold a run, or the next that is free."""
    if given is None:
        numbered = (home if n == 1 else home.with_name(f"{home.name}-{n}") for n in count(1))
        return next(folder for folder in numbered if not folder.exists())
    if given.exists() and not given.is_dir():
        raise RunError(f"{given} is a file, where a folder for the run is needed")
    if _is_run(given):
        raise RunError(f"{given} holds a run already", "go on with it by --resume, or name another folder")
    return given


def resumed_folder(given: Path | None, home: Path) -> Path:
    """The folder of the run to go on with: the given one, or the newest."""
    folder = given or newest(home)
    if folder is None or not _is_run(folder):
        raise RunError(f"there is no run in {folder or home} to go on with", "leave --resume out")
    if not (folder / LAST).exists():
        raise RunError(f"no epoch of the run in {folder} was finished", "leave --resume out")
    return folder


def newest(home: Path) -> Path | None:
    """The folder of the newest run that has parameters."""
    pattern = re.compile(re.escape(home.name) + r"(-\d+)?")
    folders = [f for f in home.parent.glob(f"{home.name}*") if pattern.fullmatch(f.name)]
    files = [file for folder in folders if (file := parameters_in(folder)) is not None]
    return max(files, key=lambda file: file.stat().st_mtime).parent if files else None


def parameters_in(folder: Path) -> Path | None:
    """The file of a run to be used: the best epoch's, else the last one's, else what an interruption left."""
    return next((folder / n for n in (BEST, LAST, INTERRUPTED) if (folder / n).exists()), None)


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in (LAST, BEST, INTERRUPTED, HISTORY))


@dataclass(slots=True)
class Run:
    """A training that is being kept. watched: the figure that tells the best epoch, if there is one."""

    folder: Path
    model: Model
    columns: Columns
    watched: str
    rows: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    epoch: int = 0
    best: EpochDone | None = None
    last: EpochDone | None = None

    def begin(self) -> None:
        """Make the folder. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def keep(self, done: EpochDone) -> None:
        """Write the parameters and the history after an epoch. Raises OSError."""
        self.epoch, self.last = done.epoch, done
        if self.watched in done.values and self._is_better(done):
            self.best = done
            self._save(BEST)
        self._save(LAST)
        figures = {name: repr(value) for name, value in done.values.items()}
        self.rows.append(
            {"epoch": str(done.epoch), "step": str(done.step), "seconds": f"{done.seconds:.3f}", **figures}
        )
        replace(self.folder / HISTORY, _table(self.rows).encode())

    def interrupt(self) -> Path:
        """Write the parameters as they are within an epoch; returns the file."""
        self.begin()
        return self._save(INTERRUPTED)

    def read_history(self) -> None:
        """What the run holds from before it was interrupted."""
        path = self.folder / HISTORY
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["epoch"]) <= self.epoch]
        for row in self.rows:
            if row.get(self.watched):
                value = float(row[self.watched])
                done = EpochDone(int(row["epoch"]), int(row["step"]), 0.0, {self.watched: value})
                self.best = done if self._is_better(done) else self.best

    def _is_better(self, done: EpochDone) -> bool:
        if self.best is None:
            return True
        new, old = done.values[self.watched], self.best.values[self.watched]
        return new < old if self.watched.rpartition(".")[2] in SMALLER_IS_BETTER else new > old

    def _save(self, name: str) -> Path:
        path = self.folder / name
        save(self.model, path, self.epoch, self.columns)
        return path


def _table(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
