"""Sweeps: a training for each combination of values, each in a process and a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from .console import fail, paint, result, say
from .locate import Spec
from .reports import kept, write_comparison
from .runs import LAST, RunError, new_folder, newest_numbered
from .runtime.native.cores import usable_cores
from .runtime.report import Kept, ReportError, ranked, ranking, shown

if TYPE_CHECKING:
    from .commands.arguments import Overrides

Process = subprocess.Popen[str]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination: what it is called, its overrides and its folder."""

    name: str
    overrides: tuple[str, ...]
    folder: Path


def sweep(
    spec: Spec,
    given: str,
    overrides: Overrides,
    home: Path,
    out: Path | None,
    resume: bool,
    jobs: int,
    options: Sequence[str],
    as_json: bool,
) -> int:
    """Train all combinations, `jobs` at a time; print a table, the best first, and write one page.

    given: how the spec was named on the command line. as_json: print the table as JSON. Raises RunError,
    OSError.
    """
    folder = (out or newest_numbered(home)) if resume else new_folder(out, home)
    if folder is None:
        raise RunError(f"there is no sweep in {home} to go on with", "leave --resume out")
    trials = list(_trials(overrides, folder))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"{len(trials)} trainings, kept in {folder}")
    wrong = 0
    running: set[Process] = set()
    with ThreadPoolExecutor(jobs) as pool:
        futures: dict[Future[str], Trial] = {
            pool.submit(_train, spec, given, trial, options, jobs, running): trial for trial in trials
        }
        try:
            for done, future in enumerate(as_completed(futures), 1):
                trial, error = futures[future], future.result()
                wrong += bool(error)
                said = error or _figures(kept(trial.folder))
                said = paint(said, "error" if error else "dim", sys.stderr)
                say(f"{done}/{len(trials)} {trial.name}: {said}")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in [*running]:
                process.terminate()  # it saves what it has
            pool.shutdown()
            say(f"interrupted; the same command with --out {folder} --resume goes on")
            raise
    runs = [kept(trial.folder) for trial in trials if (trial.folder / LAST).exists()]
    if not runs:
        fail("no training has come to an end")
        return 1
    if as_json:
        result(json.dumps([_plain(run) for run in ranked(runs)], ensure_ascii=False))
    else:
        _print(runs)
    try:
        say(f"report: {write_comparison(runs, folder / 'report.html')}")
    except ReportError as error:
        say(paint(f"no report.html: {error} ({error.help})", "dim", sys.stderr))
    return 1 if wrong else 0


def _trials(overrides: Overrides, folder: Path) -> Iterator[Trial]:
    names = list(overrides.grid)
    fixed = tuple(f"{n}={text}" for n, text in overrides.texts.items() if n not in overrides.grid)
    for values in product(*overrides.grid.values()):
        pairs = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        name = " ".join(pair.removeprefix("train.") for pair in pairs)
        yield Trial(name, (*fixed, *pairs), folder / re.sub(r"[^\w=.,+-]+", "_", name.replace(" ", ",")))


def _train(
    spec: Spec, given: str, trial: Trial, options: Sequence[str], jobs: int, running: set[Process]
) -> str:
    """Run one training to its end, in a process group of its own, so that only we hear Ctrl-C.

    It is among those that are running meanwhile. Gives what went wrong, or ''.
    """
    command = [sys.executable, "-m", "netc", "train", given, *trial.overrides, "--out", str(trial.folder)]
    command += ["--json", "--no-report", *options, *(["--resume"] if (trial.folder / LAST).exists() else [])]
    share = str(max(1, usable_cores() // jobs))
    environment = {**os.environ, **(dict.fromkeys(THREADS, share) if jobs > 1 else {})}
    text = spec.source.text if given == "-" else ""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        process_group=0,
    ) as process:
        running.add(process)
        _, told = process.communicate(text)
        running.remove(process)
    if not process.returncode:
        return ""
    lines = [line for line in told.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error")), f"status {process.returncode}")


def _figures(run: Kept) -> str:
    best = run.best
    if best is None:
        return "no epoch"
    names = [n for n in best.values if n == run.watched] or list(best.values)[-1:]
    return f"{names[0]} {shown(names[0], best.values[names[0]])} after epoch {best.epoch}"


def _plain(run: Kept) -> Mapping[str, object]:
    best = run.best
    about = {"folder": str(run.folder), "overrides": run.description.overrides}
    return about | ({"epoch": best.epoch, **best.values} if best is not None else {})


def _print(runs: Sequence[Kept]) -> None:
    head, rows = ranking(runs)
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        line = "  ".join(
            f"{c:<{w}}" if i == 0 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        result(paint(line, "heading") if row is head else line)
