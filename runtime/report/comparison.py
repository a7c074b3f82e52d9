"""A page on several runs, side by side, and their ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path

from ..atomic import replace
from ..place import is_better
from ..plotting.plot import Curve, Curves
from . import page
from .kept import FILE, MOST_CURVES, SPLITS, Kept, is_share, metrics, needs_matplotlib, points, shown


def compare(runs: Sequence[Kept], path: Path, title: str = "Comparison of runs") -> Path:
    """Write a page on several runs, the best first; returns the file. Raises ReportError, OSError."""
    needs_matplotlib()
    from ..plotting.draw import draw

    names = short_names(runs)
    shown = [f"{split}.{m}" for m in metrics(runs) for split in SPLITS]
    plots: list[Curves] = []
    for figure in shown:
        lines = [
            Curve(names[i], x, y, i) for i, run in enumerate(runs) for x, y in [points(run, figure)] if x
        ]
        if lines:
            plots.append(Curves(lines[:MOST_CURVES], figure.replace(".", " "), percent=is_share(figure)))
    head, rows = ranking(runs)
    linked = [
        [_link(run, path, row[0]), *map(escape, row[1:])] for run, row in zip(ranked(runs), rows, strict=True)
    ]
    sections = [
        page.section("Runs", page.table([escape(h.replace(".", " ")) for h in head], linked)),
        page.section("Curves", page.plots([draw(plot) for plot in plots])),
    ]
    under = f"{len(runs)} runs; figures are those of each run's best epoch"
    replace(path, page.page(title, under, sections))
    return path


def ranking(runs: Sequence[Kept]) -> tuple[list[str], list[list[str]]]:
    """A table of runs, the best first: folder, what they differ in, best epoch and its figures.

    Of the folders the last names, where these tell them apart.
    """
    places = folder_names(runs)
    varied = list(dict.fromkeys(name for run in runs for name in run.description.overrides))
    figures = list(dict.fromkeys(name for run in runs if run.best for name in run.best.values))
    rows: list[list[str]] = []
    for run in ranked(runs):
        best, given = run.best, run.description.overrides
        values = [shown(f, best.values[f]) if best and f in best.values else "" for f in figures]
        epoch = str(best.epoch) if best else ""
        rows.append([places[run.folder], *(given.get(name, "") for name in varied), epoch, *values])
    return ["run", *varied, "epoch", *figures], rows


def ranked(runs: Sequence[Kept]) -> list[Kept]:
    """The best first."""
    return sorted(runs, key=_rank)


def short_names(runs: Sequence[Kept]) -> list[str]:
    """What tells runs apart: the overrides in which they differ, else their folders."""
    places = [folder_names(runs)[run.folder] for run in runs]
    given = [run.description.overrides for run in runs]
    varied = [n for n in dict.fromkeys(n for g in given for n in g) if len({g.get(n) for g in given}) > 1]
    names = [" ".join(f"{n.removeprefix('train.')}={g[n]}" for n in varied if n in g) for g in given]
    return names if all(names) and len(set(names)) == len(names) else places


def folder_names(runs: Sequence[Kept]) -> Mapping[Path, str]:
    """The last names of the folders, or where these do not tell them apart the folders themselves."""
    are_apart = len({run.folder.name for run in runs}) == len(runs)
    return {run.folder: run.folder.name if are_apart else str(run.folder) for run in runs}


def _rank(run: Kept) -> tuple[bool, float]:
    """By the figure that is watched; where there is no such split, by that of the test or training split."""
    best = run.best
    metric = run.watched.partition(".")[2]
    names = (run.watched, *(f"{split}.{metric}" for split in reversed(SPLITS)))
    name = next((n for n in names if best is not None and n in best.values), None)
    if best is None or name is None:
        return True, 0.0
    value = best.values[name]
    return value != value, -value if is_better(name, 1.0, 0.0) else value


def _link(run: Kept, path: Path, name: str) -> str:
    report, name = run.folder / FILE, escape(name)
    if not report.exists():
        return name
    with suppress(ValueError):
        address = report.resolve().relative_to(path.resolve().parent).as_posix()
        return f'<a href="{escape(address)}">{name}</a>'
    return name
