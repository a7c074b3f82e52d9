"""A run's report, from what its folder holds and its data; and the comparison of several runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ...compiler.network import Network
from ..atomic import replace
from ..checkpoint import Description
from ..data.errors import DataError
from ..data.source import Dataset
from ..model import Model
from ..place import EpochDone, is_better
from . import page
from .judged import Judged, judge
from .norms import Norm

FILE = "report.html"
SAMPLES, MISTAKES = 24, 24
MOST_CLASSES = 40  # of a confusion matrix that can be read
MOST_CURVES = 12
SPLITS = ("train", "valid", "test")
SHARES = ("accuracy", "top_k", "precision", "recall")


class ReportError(Exception):
    """A report cannot be made; one sentence says why, and the help what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


@dataclass(frozen=True, slots=True)
class Kept:
    """A run as its folder tells of it. watched: the figure that tells its best epoch."""

    folder: Path
    description: Description
    watched: str

    @property
    def epochs(self) -> Sequence[EpochDone]:
        return self.description.place.history.epochs

    @property
    def best(self) -> EpochDone | None:
        """The best epoch, or the last one where none is better."""
        found: EpochDone | None = None
        for done in self.epochs:
            if (
                self.watched not in done.values
                or found is None
                or is_better(self.watched, done.values[self.watched], found.values[self.watched])
            ):
                found = done
        return found


def write(kept: Kept, model: Model, data: Dataset | None, norms: Sequence[Norm]) -> Path:
    """Write a run's report.html; returns the file. model: with the parameters to be judged.

    Raises ReportError where matplotlib is missing, and OSError.
    """
    _needs_matplotlib()
    judged, pictures = None, None
    if data is not None:
        with suppress(DataError):
            judged = judge(model, data)
    if judged is not None and data is not None and judged.picture:
        pictures = {"train": data.train, "valid": data.valid, "test": data.test}[judged.split]
    network = model.compiled.network
    sections = [
        _first_figures(kept, network),
        page.section("Curves", page.plots(_curves(kept))),
        _diagram(model),
        _confusion(judged),
        *(_pictures(judged, pictures[judged.picture]) if judged and pictures else ()),
        _mistakes_in_words(judged) if judged and pictures is None else "",
        _filters(model, judged),
        _norms(norms),
        page.section("Epochs", _epochs(kept)),
        page.section("Spec", page.text(kept.description.spec)),
        page.section("How it was made", _made(kept)),
    ]
    path = kept.folder / FILE
    count = f"{len(kept.epochs)} epoch{'s' * (len(kept.epochs) != 1)}"
    under = f"{escape(str(kept.folder))} · {count}, {kept.description.step:,} steps"
    replace(path, page.page(network.name, under, sections).encode())
    return path


def compare(runs: Sequence[Kept], path: Path, title: str = "Comparison of runs") -> Path:
    """Write a page on several runs, the best first; returns the file. Raises ReportError, OSError."""
    _needs_matplotlib()
    from .plots import Curve, curves

    names = short_names(runs)
    shown = [f"{split}.{m}" for m in _metrics(runs) for split in SPLITS]
    drawn: list[str] = []
    for figure in shown:
        lines = [
            Curve(names[i], x, y, i) for i, run in enumerate(runs) for x, y in [_points(run, figure)] if x
        ]
        if lines:
            drawn.append(curves(lines[:MOST_CURVES], figure.replace(".", " "), percent=_is_share(figure)))
    head, rows = ranking(runs)
    places = {str(run.folder): run for run in runs}
    linked = [[_link(places[row[0]], path), *map(escape, row[1:])] for row in rows]
    sections = [
        page.section("Runs", page.table([escape(h) for h in head], linked)),
        page.section("Curves", page.plots(drawn)),
    ]
    under = f"{len(runs)} runs; figures are those of each run's best epoch"
    replace(path, page.page(title, under, sections).encode())
    return path


def ranking(runs: Sequence[Kept]) -> tuple[list[str], list[list[str]]]:
    """A table of runs, the best first: folder, what they differ in, best epoch and its figures."""
    varied = list(dict.fromkeys(name for run in runs for name in run.description.overrides))
    figures = list(dict.fromkeys(name for run in runs if run.best for name in run.best.values))
    order = sorted(runs, key=_rank)
    rows: list[list[str]] = []
    for run in order:
        best, given = run.best, run.description.overrides
        values = [shown(f, best.values[f]) if best and f in best.values else "" for f in figures]
        epoch = str(best.epoch) if best else ""
        rows.append([str(run.folder), *(given.get(name, "") for name in varied), epoch, *values])
    return ["run", *varied, "epoch", *figures], rows


def short_names(runs: Sequence[Kept]) -> list[str]:
    """What tells runs apart: the overrides in which they differ, else their folders."""
    given = [run.description.overrides for run in runs]
    varied = [n for n in dict.fromkeys(n for g in given for n in g) if len({g.get(n) for g in given}) > 1]
    names = [" ".join(f"{n.removeprefix('train.')}={g[n]}" for n in varied if n in g) for g in given]
    return names if len(set(names)) == len(names) else [run.folder.name for run in runs]


def shown(name: str, value: float) -> str:
    """A figure as people read it."""
    if _is_share(name):
        return f"{100 * value:.2f} %"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.3g}"


def _is_share(name: str) -> bool:
    return name.rpartition(".")[2] in SHARES


def _needs_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        message = "a report needs matplotlib, which is not installed"
        raise ReportError(message, "pip install 'netc[report]'")


def _rank(run: Kept) -> tuple[bool, float]:
    best = run.best
    if best is None or run.watched not in best.values:
        return True, 0.0
    value = best.values[run.watched]
    return value != value, -value if is_better(run.watched, 1.0, 0.0) else value


def _link(run: Kept, path: Path) -> str:
    report, name = run.folder / FILE, escape(str(run.folder))
    if not report.exists():
        return name
    with suppress(ValueError):
        address = report.resolve().relative_to(path.resolve().parent).as_posix()
        return f'<a href="{escape(address)}">{name}</a>'
    return name


def _metrics(runs: Sequence[Kept]) -> list[str]:
    """The loss and the metrics that any of the runs has."""
    names = [n.partition(".")[2] for run in runs for done in run.epochs[:1] for n in done.values]
    return list(dict.fromkeys(names))


def _points(run: Kept, figure: str) -> tuple[list[float], list[float]]:
    given = [(float(e.epoch), e.values[figure]) for e in run.epochs if figure in e.values]
    finite = [(x, y) for x, y in given if np.isfinite(y)]
    return [x for x, _ in finite], [y for _, y in finite]


def _first_figures(kept: Kept, network: Network) -> str:
    best = kept.best
    sizes = [v.type.elements for v in network.variables.values() if v.kind == "param"]
    count = sum(size for size in sizes if isinstance(size, int))
    values = [("parameters", f"{count:,}")]
    if best is not None:
        split = next((s for s in reversed(SPLITS) if any(n.startswith(f"{s}.") for n in best.values)), "")
        own = [(n, v) for n, v in best.values.items() if n.startswith(f"{split}.")]
        values = [(n.replace(".", " "), shown(n, v)) for n, v in own] + values
        values.append(("epoch of these figures", f"{best.epoch} of {len(kept.epochs)}"))
        values.append(("training time", _time(sum(e.seconds for e in kept.epochs))))
    return page.figures(values)


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _curves(kept: Kept) -> list[str]:
    from .plots import Curve, curves

    drawn: list[str] = []
    best = kept.best
    mark = (float(best.epoch), "best") if best and kept.watched in best.values else None
    for metric in _metrics([kept]):
        lines = [Curve(s, *_points(kept, f"{s}.{metric}"), i) for i, s in enumerate(SPLITS)]
        if any(line.x for line in lines):
            drawn.append(
                curves([line for line in lines if line.x], metric, mark=mark, percent=metric in SHARES)
            )
    return drawn


def _diagram(model: Model) -> str:
    try:
        from ...compiler.draw import DrawError
        from ..render import RenderError
        from ..render.drawing import Drawing
    except ImportError:
        return ""
    try:
        drawing = model.draw("mirror")
    except (DrawError, RenderError):
        return ""
    assert isinstance(drawing, Drawing)
    svg = drawing.svg
    return page.section("Network", f'<div class="diagram wide">{svg[svg.index("<svg") :]}</div>')


def _confusion(judged: Judged | None) -> str:
    if judged is None:
        return ""
    counts, classes = judged.confusion, judged.classes
    said = f"{len(judged.truth):,} samples of the {judged.split} split"
    if len(classes) <= MOST_CLASSES:
        about = f"Rows are the true classes, columns what the network said, of {said}."
        return page.section("Confusion matrix", page.confusion(counts.tolist(), classes), about=about)
    wrong = counts - np.diag(np.diag(counts))
    pairs = np.argsort(-wrong, axis=None, kind="stable")[:20]
    rows = [
        (escape(classes[i]), escape(classes[k]), str(wrong[i, k]))
        for i, k in zip(*np.unravel_index(pairs, wrong.shape), strict=True)
        if wrong[i, k]
    ]
    about = f"The most frequent of {said}."
    return page.section("Confusions", page.table(("true class", "taken for", "times"), rows), about=about)


def _pictures(judged: Judged, column: object) -> list[str]:
    from .pictures import brightened, data_uri

    def taken(rows: np.ndarray) -> str:
        """These samples, in their order, with what was said of them."""
        sorted_rows, back = np.unique(rows, return_inverse=True)
        array = column[sorted_rows]  # type: ignore[index]  # read in the order of the file
        images = brightened(np.asarray(array))[back]
        return page.samples(
            (data_uri(p), _caption(judged, int(row))) for p, row in zip(images, rows, strict=True)
        )

    random = np.random.default_rng(0).permutation(len(judged.truth))[:SAMPLES]
    worst = judged.worst(MISTAKES)
    about = "Those in which it was surest of another class."
    return [
        page.section("Samples", taken(random), about=f"Of the {judged.split} split, by chance."),
        page.section("Worst mistakes", taken(worst), about=about) if len(worst) else "",
    ]


def _caption(judged: Judged, row: int) -> str:
    said, truth = int(judged.said[row]), int(judged.truth[row])
    sure = f" {100 * judged.scores[row, said]:.0f} %" if judged.is_probability else ""
    if said == truth:
        return f'<span class="right">✓ {escape(judged.classes[said])}</span>{sure}'
    true = escape(judged.classes[truth])
    return f'<span class="wrong">✗ {escape(judged.classes[said])}</span>{sure}, is {true}'


def _mistakes_in_words(judged: Judged) -> str:
    rows: list[tuple[str, str, str, str]] = []
    for row in judged.worst(MISTAKES).tolist():
        said, truth = int(judged.said[row]), int(judged.truth[row])
        scores = judged.scores[row]
        names = (escape(judged.classes[said]), escape(judged.classes[truth]))
        rows.append(
            (f"{judged.split} {row}", names[0], names[1], f"{scores[said]:.3f} : {scores[truth]:.3f}")
        )
    head = ("sample", "said", "true class", "scores of the two")
    return page.section("Worst mistakes", page.table(head, rows) if rows else "")


def _filters(model: Model, judged: Judged | None) -> str:
    from .pictures import data_uri, filters

    if judged is None or not judged.picture:
        return ""
    graph = model.compiled.graph("answer")
    shapes = [n.type.shape[1:] for n in graph if n.op == "column" and n.name == judged.picture]
    shape = tuple(d for d in shapes[0] if isinstance(d, int))
    for name, weights in model.parameters.items():
        found = filters(weights, shape)
        if found is not None:
            shown = page.samples(((data_uri(f), "") for f in found), "filters")
            about = f"{escape(name)}, grey where it is 0; each scaled by its largest weight."
            return page.section("First layer", shown, about=about)
    return ""


def _norms(norms: Sequence[Norm]) -> str:
    from .plots import by_epoch

    def largest(values: Mapping[str, Mapping[int, float]]) -> dict[str, Mapping[int, float]]:
        order = sorted(values, key=lambda name: -max(values[name].values()))
        return {name: values[name] for name in order[:MOST_CURVES]}

    values: dict[str, dict[int, float]] = {}
    gradients: dict[str, dict[int, float]] = {}
    for norm in norms:
        values.setdefault(norm.parameter, {})[norm.epoch] = norm.value
        gradients.setdefault(norm.parameter, {})[norm.epoch] = norm.gradient
    if not values:
        return ""
    drawn = [
        by_epoch(largest(values), "norms of parameters"),
        by_epoch(largest(gradients), "norms of gradients", "y"),
    ]
    more = f"The largest {MOST_CURVES} of {len(values)}. " if len(values) > MOST_CURVES else ""
    about = f"{more}Gradients are those of the loss of the first training batch."
    return page.section("Norms", page.plots(drawn), about=about)


def _epochs(kept: Kept) -> str:
    """The first, the last and the best, and some between: every line is in history.csv."""
    epochs = kept.epochs
    if not epochs:
        return ""
    step = max(1, len(epochs) // 20)
    best = kept.best
    chosen = [e for i, e in enumerate(epochs) if i % step == 0 or e is best or i == len(epochs) - 1]
    names = list(epochs[0].values)
    rows = [
        [f"{e.epoch}{' ★' if e is best else ''}", *(shown(n, e.values[n]) for n in names), f"{e.seconds:.1f}"]
        for e in chosen
    ]
    return page.table(["epoch", *names, "seconds"], rows)


def _made(kept: Kept) -> str:
    d = kept.description
    given = [shlex.quote(f"{name}={value}") for name, value in d.overrides.items()]
    command = " ".join(["netc train", shlex.quote(d.file), *given])
    versions = ", ".join(f"{name} {version}" for name, version in d.versions.items() if version)
    rows = [
        ("seed", str(d.seed)),
        ("device", d.device),
        ("precision", d.precision),
        ("samples", ", ".join(f"{count:,} {split}" for split, count in d.samples.items())),
        ("versions", escape(versions)),
    ]
    return page.text(command) + page.table(("", ""), [(k, f'<span class="left">{v}</span>') for k, v in rows])
