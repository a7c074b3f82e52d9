"""Going on with a run: its newest whole checkpoint, and whether it is the same training still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from filelock import FileLock

from .compiler.ast_text import show
from .compiler.diagnostics import Source, SpecError
from .compiler.parse import parse
from .runs import BEST, LAST, PREVIOUS, RunError, locked
from .runtime.checkpoint import CheckpointError, Description, describe, restore, samples
from .runtime.data.fingerprint import fingerprint
from .runtime.data.source import Dataset
from .runtime.model import Model

NEW_RUN = "leave --resume out for a new run"


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that is to go on. remark: what people should know of it, or ''."""

    folder: Path
    path: Path
    description: Description
    lock: FileLock
    remark: str = ""

    def check(self, model: Model, data: Dataset) -> None:
        """Raise RunError where the model or the data are not those that the run was begun with.

        Of many data only a few are looked at. Raises DataError where they cannot be read.
        """
        before, network = self.description, model.compiled.network
        for name, size in network.dims.items():
            if before.dims.get(name) != size:
                raise self._error(f"{name} = {before.dims.get(name)}, and not {size}")
        now = {"seed": model.seed, "batch": network.train.batch if network.train else 0}
        for name, then in (("seed", before.seed), ("batch", before.batch)):
            if now[name] != then:
                raise self._error(f"{name} = {then}, and not {now[name]}")
        for name, column in data.columns.items():
            if name in before.columns and column.classes != (then := before.columns[name].classes):
                raise self._error(f"other classes of {name}{_first_other(then or (), column.classes or ())}")
        for split, count in samples(data).items():
            if before.samples.get(split, count) != count:
                raise self._error(f"{before.samples[split]:,} {split} samples, and now there are {count:,}")
        if before.data != fingerprint(data):
            raise self._error("other samples than the data hold now")

    def go_on(self, model: Model) -> None:
        """Restore the model. From now on this checkpoint is the newest: a damaged one shall not replace it.

        Raises CheckpointError, OSError; then nothing is changed.
        """
        restore(model, self.path)
        if self.path.name == PREVIOUS:
            self.path.replace(self.folder / LAST)

    def _error(self, what: str) -> RunError:
        return RunError(f"the run in {self.folder} was begun with {what}", NEW_RUN)


def reopen(spec: Source, folder: Path) -> Resumed:
    """The newest checkpoint of a run that is whole. Raises RunError, CheckpointError, OSError."""
    lock = locked(folder)
    path, description, remark = _newest(folder)
    if not _same(description.spec, spec):
        line = _first_difference(description.spec, spec.text)
        title = f"{spec.name} has changed since the run in {folder} was begun, first in line {line}"
        raise RunError(title, f'{NEW_RUN}; train.start="{folder}" begins it with this run\'s parameters')
    return Resumed(folder, path, description, lock, remark)


def _newest(folder: Path) -> tuple[Path, Description, str]:
    # A process that was killed between two renamings leaves no newest file, or the best one alone.
    paths = [path for name in (LAST, PREVIOUS, BEST) if (path := folder / name).exists()]
    damaged: list[CheckpointError] = []
    for path in paths:
        try:
            description = describe(path)
        except CheckpointError as error:
            damaged.append(error)
        else:
            return path, description, f"{damaged[0]}; going on from {path}" if damaged else ""
    if damaged:
        raise damaged[0]
    raise RunError(f"nothing of the run in {folder} was kept yet", NEW_RUN)


def _same(before: str, now: Source) -> bool:
    """Whether two specs mean the same: comments and layout may differ."""
    try:
        return before == now.text or show(parse(Source(now.name, before))) == show(parse(now))
    except SpecError:
        return False


def _first_other(before: Sequence[str], now: Sequence[str]) -> str:
    """Where two lists of classes begin to differ."""
    pairs = zip_longest(before, now)
    return next((f": {number} was {a}, and is {b}" for number, (a, b) in enumerate(pairs) if a != b), "")


def _first_difference(before: str, now: str) -> int:
    pairs = zip(before.splitlines(), now.splitlines(), strict=False)
    same = min(len(before.splitlines()), len(now.splitlines()))
    return next((i for i, (a, b) in enumerate(pairs, 1) if a != b), same + 1)
