"""Reports of runs, from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .compiler.diagnostics import Source, SpecError
from .console import say
from .locate import Spec
from .runs import LAST, PREVIOUS, RunError, parameters_in, watched
from .runtime.checkpoint import CheckpointError, describe, restore
from .runtime.data.source import Dataset
from .runtime.device import open_device
from .runtime.model import Model
from .runtime.opening import open_data
from .runtime.plotting.plotter import Plotter
from .runtime.report import Kept, compare, norms, write
from .trained import open_trained


def kept(folder: Path) -> Kept:
    """A run, by its newest checkpoint. Raises RunError, CheckpointError, OSError, SpecError."""
    return _opened(folder)[0]


def write_report(folder: Path, path: Path | None = None) -> Path:
    """The page of one run. path: without it, in the run's folder.

    Raises ReportError and what kept() raises.
    """
    with Plotter() as plotter:
        run, model = _opened(folder)
        data: Dataset | None = None
        try:
            data = open_data(model.compiled.network, model.base, model.seed)
        except SpecError as error:  # they may be elsewhere, or gone
            say(f"the page is without samples: {error.diagnostics[0].title}")
        return write(run, model, data, norms.read(folder, run.description.epoch), plotter, path)


def write_comparison(runs: Sequence[Kept], path: Path) -> Path:
    """The page of several runs. Raises ReportError, OSError."""
    return compare(runs, path)


def write_trained(folder: Path, model: Model, data: Dataset, plotter: Plotter) -> Path:
    """The page of a run that has just ended; its model becomes that of the best epoch."""
    path = parameters_in(folder)
    assert path is not None
    restore(model, path)
    run = Kept(folder, describe(folder / LAST), watched(model.compiled.network))
    return write(run, model, data, norms.read(folder, run.description.epoch), plotter)


def _opened(folder: Path) -> tuple[Kept, Model]:
    path = parameters_in(folder)
    if path is None:
        raise RunError(f"{folder} holds no run", "name the folder of a training, such as runs/digits")
    newest = describe(path)
    for name in (PREVIOUS, LAST):
        with suppress(FileNotFoundError, CheckpointError):
            newest = describe(folder / name)
    spec = Spec(Source(newest.file, newest.spec), Path(newest.file).parent)
    model, _ = open_trained(spec, path, open_device("cpu")[0])
    return Kept(folder, newest, watched(model.compiled.network)), model
