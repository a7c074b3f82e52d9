"""A run's report, from what its folder holds and its data."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from pathlib import Path

from ...compiler.network import Network
from ..atomic import replace
from ..data.errors import DataError
from ..data.source import Dataset
from ..model import Model
from ..plotting.plot import Curve, Curves, by_epoch
from ..plotting.plotter import Plotter
from . import classes, estimates, page
from .estimates import estimate
from .judged import Judged, judge
from .kept import FILE, MOST_CURVES, SHARES, SPLITS, Kept, metrics, needs_matplotlib, points, shown
from .norms import Norm

LEARNING = "Those of the training split are means over the epoch, in which the network was still learning."


def write(
    kept: Kept,
    model: Model,
    data: Dataset | None,
    norms: Sequence[Norm],
    plotter: Plotter,
    path: Path | None = None,
) -> Path:
    """Write a run's report; returns the file. model: with the parameters to be judged. path: without it,
    report.html in the run's folder.

    Raises ReportError where matplotlib is missing, and OSError.
    """
    needs_matplotlib()
    curves, of_norms = plotter.add(_curves(kept)), plotter.add(_norms(norms))
    judged = estimated = None
    said: list[str] = []
    if data is not None:
        with suppress(DataError):
            judged = judge(model, data)
            if judged is not None:
                said = classes.sections(judged, data)
            else:
                estimated = estimate(model, data)
    of_estimates = plotter.add(estimates.plots(estimated) if estimated is not None else [])
    network, diagram, pictures = model.compiled.network, _diagram(model), _filters(model, judged)
    drawn = plotter.drawn()
    if estimated is not None:
        said = estimates.sections(estimated, drawn[of_estimates])
    sections = [
        _first_figures(kept, network),
        page.section("Curves", page.plots(drawn[curves]), about=LEARNING),
        diagram,
        *said,
        pictures,
        page.section("Norms", page.plots(drawn[of_norms]), about=_about_norms(norms)),
        page.section("Epochs", _epochs(kept), about=_star(kept)),
        page.section("Spec", page.text(kept.description.spec)),
        page.section("How it was made", _made(kept)),
    ]
    path = path or kept.folder / FILE
    count = f"{len(kept.epochs)} epoch{'s' * (len(kept.epochs) != 1)}"
    under = f"{escape(str(kept.folder))} · {count}, {kept.description.step:,} steps"
    replace(path, page.page(network.name, under, sections))
    return path


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


def _curves(kept: Kept) -> list[Curves]:
    plots: list[Curves] = []
    best = kept.best
    mark = (float(best.epoch), "best") if best and kept.watched in best.values else None
    for metric in metrics([kept]):
        lines = [Curve(s, *points(kept, f"{s}.{metric}"), i) for i, s in enumerate(SPLITS)]
        if any(line.x for line in lines):
            plots.append(
                Curves([line for line in lines if line.x], metric, mark=mark, percent=metric in SHARES)
            )
    return plots


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
    shown: list[str] = []
    for svg in drawing.svgs:
        width = svg.partition('width="')[2].partition('"')[0]
        shown.append(f'<div class="diagram wide" style="--width: {width}">{svg}</div>')
    return page.section("Network", "".join(shown))


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


def _norms(norms: Sequence[Norm]) -> list[Curves]:
    values: dict[str, dict[int, float]] = {}
    gradients: dict[str, dict[int, float]] = {}
    for norm in norms:
        values.setdefault(norm.parameter, {})[norm.epoch] = norm.value
        gradients.setdefault(norm.parameter, {})[norm.epoch] = norm.gradient
    if not values:
        return []
    chosen = sorted(values, key=lambda name: -max(values[name].values()))[:MOST_CURVES]  # a colour for each
    return [
        by_epoch({name: values[name] for name in chosen}, "norms of parameters"),
        by_epoch({name: gradients[name] for name in chosen}, "norms of gradients", "y"),
    ]


def _about_norms(norms: Sequence[Norm]) -> str:
    count = len({norm.parameter for norm in norms})
    more = f"The largest {MOST_CURVES} of {count}. " if count > MOST_CURVES else ""
    return f"{more}Gradients are those of the loss of the first training batch."


def _star(kept: Kept) -> str:
    name = kept.watched.replace(".", " ")
    return f"★ is the best by {name}." if kept.best and kept.watched in kept.best.values else ""


def _epochs(kept: Kept) -> str:
    """The first, the last and the best, and some between: every line is in history.csv."""
    epochs = kept.epochs
    if not epochs:
        return ""
    step = max(1, len(epochs) // 20)
    best = kept.best if _star(kept) else None
    chosen = [e for i, e in enumerate(epochs) if i % step == 0 or e is best or i == len(epochs) - 1]
    names = list(epochs[0].values)
    rows = [
        [f"{e.epoch}{' ★' if e is best else ''}", *(shown(n, e.values[n]) for n in names), f"{e.seconds:.1f}"]
        for e in chosen
    ]
    heads = [escape(name.replace(".", " ")) for name in names]
    return page.table(["epoch", *heads, "seconds"], rows)


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
    return page.text(command) + page.facts(rows)
