"""Where trainings are kept: a folder for each, with its parameters and its history."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from glob import escape
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from .compiler.network import Network
from .runtime.atomic import remove_temporary, replace
from .runtime.checkpoint import pack
from .runtime.data.fingerprint import fingerprint
from .runtime.data.source import Dataset
from .runtime.model import Model
from .runtime.report import kept, norms
from .runtime.report.norms import Norms
from .runtime.train import EpochDone, Place, is_better

LAST, PREVIOUS, BEST = "last.safetensors", "previous.safetensors", "best.safetensors"
HISTORY, LOCK = "history.csv", ".lock"
FILES = (LAST, PREVIOUS, BEST, HISTORY, norms.FILE, kept.FILE)  # that a run writes
OFTEN, SELDOM = 1.0, 30.0  # seconds between checkpoints: at ends of epochs, and within one


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
    return folder


def newest(home: Path) -> Path | None:
    """The folder of the newest run that has parameters."""
    pattern = re.compile(re.escape(home.name) + r"(-\d+)?")
    folders = [f for f in home.parent.glob(f"{escape(home.name)}*") if pattern.fullmatch(f.name)]
    files = [file for folder in folders if (file := parameters_in(folder)) is not None]
    return max(files, key=lambda file: file.stat().st_mtime).parent if files else None


def newest_numbered(home: Path) -> Path | None:
    """The folder with the highest number, if there is any."""
    pattern = re.compile(re.escape(home.name) + r"(?:-(\d+))?")
    found = {m: f for f in home.parent.glob(f"{escape(home.name)}*") if (m := pattern.fullmatch(f.name))}
    return found[max(found, key=lambda m: int(m[1] or 1))] if found else None


def parameters_in(folder: Path) -> Path | None:
    """The file of a run to be used: the best epoch's, else the last one."""
    return next((folder / n for n in (BEST, LAST, PREVIOUS) if (folder / n).exists()), None)


def locked(folder: Path) -> FileLock:
    """A lock on a run's folder, which ends with the process. Raises RunError where another holds it."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        help = "wait for its end, or keep this run in another folder, by --out"
        raise RunError(f"another process is training in {folder}", help) from None
    return lock


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in FILES)


def _claimed(home: Path) -> Path:
    """The next free folder, made at once: another process may look for one too."""
    while True:
        folder = new_folder(None, home)
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder


@dataclass(slots=True)
class Run:
    """A training that is being kept. watched: the figure that tells the best epoch, if there is one.

    home: for a new run that may be in any numbered folder, where these are. every: seconds from one
    checkpoint to the next within an epoch.

    last.safetensors is the newest checkpoint, previous.safetensors the one before it. They are written at the
    ends of epochs and within long ones, but not more often than the disk can bear; what is the best epoch's
    waits in memory for the same moment.
    """

    folder: Path
    model: Model
    data: Dataset
    watched: str
    place: Place = field(default_factory=Place)
    home: Path | None = None
    every: float = SELDOM
    lock: FileLock | None = None
    norms: Norms | None = None
    best: EpochDone | None = None
    last: EpochDone | None = None
    _fingerprint: str = ""
    _best: bytes | None = None
    _saved: float = 0.0

    def __post_init__(self) -> None:
        for done in self.place.history.epochs:
            self._compare(done)

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return self.place.epoch - 1

    def begin(self, epochs: int) -> None:
        """Take the folder into use, for so many epochs. Raises OSError, RunError, DataError."""
        self._fingerprint = fingerprint(self.data)
        if self.lock is None:
            if self.home is not None:
                self.folder = _claimed(self.home)
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = locked(self.folder)
            if _is_run(self.folder):
                raise RunError(f"{self.folder} holds a run already", "name another folder")
        if not os.access(self.folder, os.W_OK):  # better now than at the first checkpoint
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.folder))
        for name in FILES:
            remove_temporary(self.folder / name)
        if self.norms is not None:
            self.norms.epochs = epochs
            self.norms.rows = norms.read(self.folder, self.epoch)
        self._saved = time.monotonic()

    def close(self) -> None:
        """Let others train in the folder."""
        if self.lock is not None:
            self.lock.release()

    def keep(self, done: EpochDone) -> None:
        """Take note of a finished epoch, and write what there is if some time has passed. Raises OSError."""
        self.last = done
        if self.norms is not None:
            self.norms.measure(done.epoch)
        if self._compare(done):
            self._best = pack(self.model, self.place, self.data, self._fingerprint)
        self._save_after(min(OFTEN, self.every))

    def within(self) -> None:
        """Between two steps: write what there is if much time has passed. Raises OSError."""
        self._save_after(self.every)

    def save(self) -> None:
        """Write everything. Raises OSError; then what was written before is whole."""
        # The best first: if this is cut off, the epochs since the last checkpoint are done and found again.
        self._save_best()
        packed = pack(self.model, self.place, self.data, self._fingerprint)
        replace(self.folder / LAST, packed, self.folder / PREVIOUS)
        self._save_history()
        self._saved = time.monotonic()

    def save_epochs(self) -> None:
        """Write what is known of finished epochs, where the model is no longer worth keeping."""
        self._save_best()
        self._save_history()

    def _save_best(self) -> None:
        if self._best is not None:
            replace(self.folder / BEST, self._best)
            self._best = None

    def _save_history(self) -> None:
        replace(self.folder / HISTORY, table(self.place.history.epochs).encode())
        if self.norms is not None:
            replace(self.folder / norms.FILE, norms.table(self.norms.rows).encode())

    def _save_after(self, seconds: float) -> None:
        if time.monotonic() - self._saved >= seconds:
            self.save()

    def _compare(self, done: EpochDone) -> bool:
        """Whether this epoch is the best so far; it is remembered then."""
        if self.watched not in done.values:
            return False
        value = done.values[self.watched]
        if self.best is not None and not is_better(self.watched, value, self.best.values[self.watched]):
            return False
        self.best = done
        return True


def table(epochs: Sequence[EpochDone]) -> str:
    """history.csv: a line for each epoch, with every figure to its last digit."""
    rows: list[dict[str, str | int | float]] = [
        {"epoch": e.epoch, "step": e.step, "seconds": f"{e.seconds:.3f}", **e.values} for e in epochs
    ]
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["epoch", "step", "seconds"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
