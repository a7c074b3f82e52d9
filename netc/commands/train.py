"""netc train"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..board import Board, started, summary
from ..compiler.diagnostics import SpecError
from ..compiler.network import Network
from ..console import paint, result, say
from ..console import report as tell
from ..figures import amount
from ..locate import find
from ..rate import find_rate
from ..reports import write_trained
from ..resume import Resumed, reopen
from ..runs import SELDOM, Run, new_folder, parameters_in, resumed_folder, watched
from ..runtime.data.source import Dataset
from ..runtime.device import open_device
from ..runtime.interrupt import Interrupted, Interrupts
from ..runtime.model import Model
from ..runtime.opening import compile_source, open_data
from ..runtime.plotting.plotter import Plotter
from ..runtime.report import ReportError
from ..runtime.report.norms import Norms
from ..runtime.start import Started
from ..runtime.train import Began, EpochDone, Event, Progress, Stopped, fit
from ..sweep import sweep
from ..tensorboard import Events
from ..trained import home_of, parsed
from . import arguments
from .arguments import Overrides

WRONG = 1


@click.command()
@arguments.spec
@arguments.grid
@arguments.device
@arguments.threads
@click.option(
    "--resume", is_flag=True, help="Go on with the newest run, or that in --out, as if it had never stopped."
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where to keep the run.")
@click.option(
    "--save-every",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=SELDOM,
    show_default=True,
    help="How much a kill or a power cut may cost.",
)
@click.option(
    "--jobs", metavar="N", type=click.IntRange(1), default=1, help="How many runs of a sweep go side by side."
)
@click.option(
    "--find-lr", is_flag=True, help="Suggest a learning rate, from one short run, and train nothing."
)
@click.option("--tensorboard", is_flag=True, help="Write event files for TensorBoard too.")
@click.option("--report/--no-report", default=True, help="Whether to write a report.html at the end.")
@arguments.strict
@arguments.as_json
def command(
    spec: str,
    grid: Overrides,
    device: Any,
    threads: int | None,
    resume: bool,
    out: Path | None,
    save_every: float,
    jobs: int,
    find_lr: bool,
    tensorboard: bool,
    report: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Train a network; what it has learned is kept in a folder, from which an interrupted run goes on.

    SPEC is a .net file, `-` for standard input, or the name of an example that ships with netc. DIM=… and
    train.KEY=… take the place of what the file says:

        netc train mlp.net H=32 train.lr=0.05 train.epochs=3

    Several values for a name train one network for each combination, and compare them:

        netc train mlp.net H=16,32,64 train.lr=0.1,0.01 --jobs 2
    """
    overrides, found = grid, find(spec)
    place = home_of(found, overrides.train)
    if find_lr:
        if overrides.grid or resume:
            given = "--resume" if resume else f"several values for {next(iter(overrides.grid))}"
            raise click.UsageError(f"--find-lr makes one short run of its own: leave out {given}")
        page = out or place.with_name(f"{place.name}-lr.html")
        return find_rate(found, overrides, (device, threads), page, as_json)
    if overrides.grid:
        options = ["--device", device, "--save-every", str(save_every)]
        options += ["--threads", str(threads)] if threads else []
        options += ["--strict"] * strict + ["--tensorboard"] * tensorboard
        home = place.with_name(f"{place.name}-sweep")
        return sweep(found, spec, overrides, home, out, resume, jobs, options, as_json)
    before = reopen(found.source, resumed_folder(out, place)) if resume else None
    folder = before.folder if before else new_folder(out, place)
    texts = {**(before.description.overrides if before else {}), **overrides.texts}
    plotter = click.get_current_context().with_resource(Plotter()) if report else None
    compiled = compile_source(found.source, found.base, *parsed(texts, "command line"))
    network = compiled.network
    tell(network.warnings)
    if strict and network.warnings:
        return WRONG
    opened, remark = open_device(device, threads)
    if remark:
        say(paint(remark, "dim", sys.stderr))
    model = Model(compiled, opened, found.base)
    data = open_data(network, found.base, model.seed)
    run = _resumed(before, model, data) if before else Run(folder, model, data, watched(network))
    run.home, run.every = (place if out is None else None), save_every
    run.norms = Norms(model, data) if plotter is not None else None
    say(_title(network, opened.name))
    listener = _Json(run) if as_json else _Lines(run)
    events = Events(run, listener) if tensorboard else None
    try:
        fit(model, listener=events or listener, data=data, place=run.place)
        listener.close()
        with Interrupts():
            if run.last is not None:
                run.save()
            else:
                run.save_epochs()  # the process may have been killed just before it had written them
    except Interrupted as interrupted:
        listener.close()
        if run.lock is None:  # nothing was trained yet
            raise
        run.save()
        where = f" --out {out}" if out is not None else ""
        say(f"interrupted after epoch {run.epoch} and {run.place.batch} steps; kept in {run.folder}")
        say(f"`netc train {spec}{where} --resume` goes on from there")
        return interrupted.status
    except SpecError:
        if run.last is not None:
            run.save_epochs()
        raise
    finally:
        listener.close()
        if events is not None:
            events.close()
        run.close()
    listener.end()
    if plotter is not None and run.last is not None:
        with Interrupts():  # a library that draws may swallow what strikes in the midst of it
            _report(run, plotter)
    return 0


def _report(run: Run, plotter: Plotter) -> None:
    """Write the page; a training is not worth less where that fails."""
    try:
        say(f"report: {write_trained(run.folder, run.model, run.data, plotter)}")
    except ReportError as error:
        say(paint(f"no report.html: {error} ({error.help})", "dim", sys.stderr))
    except OSError as error:
        say(paint(f"no report.html: {error.strerror}", "dim", sys.stderr))


def _resumed(before: Resumed, model: Model, data: Dataset) -> Run:
    before.check(model, data)
    before.go_on(model)
    if before.remark:
        say(before.remark)
    place = before.description.place
    return Run(before.folder, model, data, watched(model.compiled.network), place, lock=before.lock)


class _Lines:
    """Keeps a run and shows it to people."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._board = Board(run.watched)

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                for line in started(event):
                    say(line)
            case Began():
                self._run.begin(event.epochs)
                self._board.began(event)
            case Progress():
                self._run.within()
                self._board.progress(event)
            case EpochDone():
                self._run.keep(event)
                self._board.epoch(event, best=self._run.best is event)
            case Stopped():
                say(f"stopped: {event.reason}")

    def close(self) -> None:
        self._board.close()

    def end(self) -> None:
        """The figures of the parameters that are left, and where they are."""
        run = self._run
        if run.last is None:
            done = "1 epoch is" if run.epoch == 1 else f"{run.epoch} epochs are"
            say(f"nothing to do: {done} done")
            return
        best = run.best or run.last
        split = "test" if any(name.startswith("test.") for name in best.values) else "valid"
        if figures := summary(best.values, split):
            which = f" (epoch {best.epoch}, the best on valid)" if run.best else ""
            result(f"\n{split}: {figures}{which}")
        say(f"parameters: {parameters_in(run.folder)}")


class _Json:
    """Keeps a run and shows it to programs, a line an event."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                refused = list(event.refused)
                left = {"refused": refused, "left": event.left, "unused": event.unused}
                _print("started", path=str(event.path), taken=event.taken, **left)
            case Began():
                self._run.begin(event.epochs)
                count = {"parameters": _parameters(self._run.model.compiled.network)}
                _print("began", samples=event.samples, epochs=event.epochs, steps=event.steps, **count)
            case EpochDone():
                self._run.keep(event)
                seconds, best = round(event.seconds, 3), self._run.best is event
                _print(
                    "epoch", epoch=event.epoch, step=event.step, seconds=seconds, best=best, **event.values
                )
            case Stopped():
                _print("stopped", reason=event.reason)
            case Progress():
                self._run.within()

    def close(self) -> None:
        pass

    def end(self) -> None:
        _print("done", epochs=self._run.epoch, folder=str(self._run.folder), parameters=_file(self._run))


def _print(event: str, **values: Any) -> None:
    result(json.dumps({"event": event, **values}))


def _file(run: Run) -> str | None:
    file = parameters_in(run.folder)
    return None if file is None else str(file)


def _title(network: Network, device: str) -> str:
    place = {"cpu": "the CPU", "numpy": "the CPU, by NumPy", "cuda": "the GPU"}[device]
    return f"{network.name}: {amount(_parameters(network))} parameters, on {place}"


def _parameters(network: Network) -> int:
    sizes = [v.type.elements for v in network.variables.values() if v.kind == "param"]
    return sum(size for size in sizes if isinstance(size, int))
