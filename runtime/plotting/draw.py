"""Curves, by matplotlib, as SVG that takes its colours from the page around it: light or dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator, NullLocator, PercentFormatter

from .plot import Curves, Plot, Scatter

SERIES = 8
# Colours that no figure has; the page's variables take their place.
_COLOURS = {"ink": "#010203", "soft": "#010204", "line": "#010205"} | {
    f"series{i}": f"#0102{i + 16:02x}" for i in range(SERIES)
}
_STYLE = {
    "svg.fonttype": "none",  # text stays text
    "font.size": 9,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _COLOURS["line"],
    "axes.labelcolor": _COLOURS["soft"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _COLOURS["line"],
    "grid.linewidth": 0.6,
    "xtick.color": _COLOURS["soft"],
    "ytick.color": _COLOURS["soft"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": _COLOURS["ink"],
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}


def draw(plot: Plot) -> str:
    """A plot as SVG."""
    return _scatter(plot) if isinstance(plot, Scatter) else _curves(plot)


def _scatter(plot: Scatter) -> str:
    with _drawing(plot.title) as (figure, axes):
        for points in plot.given:
            colour = _COLOURS[f"series{points.series % SERIES}"]
            axes.plot(points.x, points.y, ".", color=colour, alpha=0.6, label=points.name, markersize=5)
        through = plot.given[0].x[0]  # a place in sight: the line would else stretch the axes to (0, 0)
        axes.axline(
            (through, plot.slope * through),
            slope=plot.slope,
            color=_COLOURS["soft"],
            linewidth=1,
            linestyle=(0, (2, 3)),
        )
        axes.set(xlabel=plot.across, ylabel=plot.up)
        _legend(figure, [points.name for points in plot.given])
        return _svg(figure, plot.title)


def _curves(plot: Curves) -> str:
    given, mark = plot.given, plot.mark
    with _drawing(plot.title) as (figure, axes):
        for curve in given:
            marker = "o" if len(curve.x) < 2 else None
            colour = _COLOURS[f"series{curve.series % SERIES}"]
            axes.plot(curve.x, curve.y, color=colour, label=curve.name, marker=marker, markersize=4)
        if "x" in plot.logarithmic:
            _logarithmic(axes, "x")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=plot.across == "epoch"))
            if plot.across == "epoch" and len({x for curve in given for x in curve.x}) == 1:
                axes.set_xlim(given[0].x[0] - 1, given[0].x[0] + 1)
        if plot.percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        if "y" in plot.logarithmic and any(y > 0 for curve in given for y in curve.y):
            _logarithmic(axes, "y")
        if mark is not None:
            axes.axvline(mark[0], color=_COLOURS["soft"], linewidth=1, linestyle=(0, (2, 3)), label=mark[1])
        axes.set_xlabel(plot.across)
        axes.margins(x=0.02)
        _legend(figure, [curve.name for curve in given] + ([mark[1]] if mark is not None else []))
        return _svg(figure, plot.title)


class _Powers(LogFormatterSciNotation):
    """Labels such as 2×10⁻³, as a text: to lay them out as formulas took longer than the rest of a plot."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        if not super().__call__(x, pos):  # a tick without a label
            return ""
        power = math.floor(math.log10(x) + 1e-9)
        factor = f"{x / 10**power:g}"
        return f"{factor}×10{str(power).translate(_RAISED)}".removeprefix("1×")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _logarithmic(axes: Axes, which: Literal["x", "y"]) -> None:
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(_Powers())
    axis.set_minor_formatter(_Powers())
    low, high = axis.get_view_interval()
    if high > 100 * low:  # enough powers of ten
        axis.set_minor_locator(NullLocator())


def _legend(figure: Figure, names: Sequence[str]) -> None:
    """Below the plot, unless there is but one name."""
    if len(names) > 1:
        columns = max(
            1, min(4, 77 // (max(map(len, names)) + 9))
        )  # characters, of which 9 are a line and gaps
        figure.legend(loc="outside lower left", ncols=columns, fontsize=8, handlelength=1.4)


@contextmanager
def _drawing(title: str) -> Generator[tuple[Figure, Axes]]:
    """An empty plot, in the style of all of them."""
    options: dict[Any, Any] = {**_STYLE, "svg.hashsalt": title}
    with rc_context(options):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        yield figure, axes


def _svg(figure: Figure, title: str) -> str:
    out = io.StringIO()
    # Figure.savefig would lay it out twice.
    FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    for name, colour in _COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"(font:[^;\"]*?[\d.]+px)[^;\"]*", r"\1 system-ui, sans-serif", text)
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{_plain(title)}" ', text, count=1)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
