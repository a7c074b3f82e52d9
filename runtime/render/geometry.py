"""The geometry view: a row of panels, drawn with matplotlib, whose text stays text."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.draw.look import (
    BACKGROUND,
    BACKWARD,
    CLUSTER,
    CLUSTER_FILL,
    COLOURS,
    FORWARD,
    INK,
    JOIN,
    MUTED,
    PARAMETER,
    Colour,
    Theme,
)
from ...compiler.draw.metrics import text_width
from ...compiler.draw.pages import Drawn
from ..atomic import replace
from .drawing import Appearance
from .engine import RenderError
from .frames import frames_page
from .page import page
from .plane import Panel, Plane
from .svg import FONTS

_CLASSES = (
    FORWARD, BACKWARD, PARAMETER,
    Colour("class4", "#CC79A7", "#CC79A7"), Colour("class5", "#E69F00", "#E69F00"),
    Colour("class6", "#6E7F80", "#9FB0B1"),
)  # fmt: skip
_MARKS = "os^Dvp"  # a class has a mark of its own, for those who cannot tell colours apart
_WIDTH, _FONT = 13.33, 13  # inches, points: a slide
_STYLE: dict[str, Any] = {
    "font.size": _FONT,
    "svg.fonttype": "none",
    "svg.hashsalt": "netc",
    "pdf.fonttype": 42,
}
_HEAD, _ABOVE, _GAP = 0.6, 0.62, 0.2  # inches for the title, above each panel, between two
_TALLEST = 7.5
_AROUND = 0.6  # how far around the samples the grid is shown, in parts of their extent


class Figure:
    """What a network does to the plane, at one moment or, with several planes, over its training."""

    def __init__(
        self, name: str, planes: Sequence[Plane], notes: Sequence[str], theme: Appearance = "auto"
    ) -> None:
        """notes: what the title says of each plane. Raises RenderError where matplotlib is missing."""
        try:
            import matplotlib  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError:
            help = "pip install 'netc[draw]'"
            raise RenderError("the geometry needs matplotlib, and it is missing", help) from None
        self.name, self.notes, self.theme = name, notes, theme
        self.planes = [planes[0]]
        for plane in planes[1:]:
            self.planes.append(plane.aligned(self.planes[-1]))

    @property
    def drawn(self) -> Drawn:
        return Drawn((), float(_FONT - 2))

    @property
    def svg(self) -> str:
        """The last moment. It follows its surroundings into the dark."""
        return self._svg(-1)

    @property
    def html(self) -> str:
        """A page; with several moments, one that plays them."""
        if len(self.planes) == 1:
            return page([self.svg], self.name)
        frames = [self._svg(k) for k in range(len(self.planes))]
        return frames_page(frames, self.notes, self.name)

    def save(self, path: str | Path, say: Callable[[str], None] = lambda text: None) -> tuple[Path, ...]:
        """Write it in the suffix's format, several moments as a page or GIF. Raises RenderError, OSError."""
        path = Path(path)
        suffix, several = path.suffix.lower(), len(self.planes) > 1
        formats = (".html", ".gif") if several else (".svg", ".png", ".pdf", ".html")
        if suffix not in formats:
            what = "its training is shown as" if several else "the geometry is drawn as"
            raise RenderError(f"{path.name}: {what} {', '.join(formats)}", "")
        match suffix:
            case ".html":
                data = self.html.encode()
            case ".svg":
                data = self.svg.encode()
            case ".gif":
                data = _gif([self._bytes(k, "png", self._flat, 96) for k in range(len(self.planes))])
            case _:
                data = self._bytes(-1, suffix[1:], self._flat, 192)
        replace(path, data)
        return (path,)

    def _repr_html_(self) -> str:
        if len(self.planes) == 1:
            return self.svg
        source = f"data:text/html;base64,{b64encode(self.html.encode()).decode()}"
        return f'<iframe src="{source}" width="100%" height="420" style="border:0"></iframe>'

    @property
    def _flat(self) -> Theme:
        """The theme of formats that cannot follow their surroundings."""
        return "dark" if self.theme == "dark" else "light"

    def _svg(self, k: int) -> str:
        text = self._bytes(k, "svg", self._flat, 72).decode()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
        text = re.sub(r"(\d\.\d)\d+", r"\1", text)
        text = re.sub(r"(font:[^;\"]*?[\d.]+px)[^;\"]*", lambda m: f"{m[1]} {FONTS}", text)
        text = text.replace("<svg ", '<svg class="netc" ', 1)
        if self.theme != "auto":
            return text
        opening = text.index(">") + 1
        return f"{text[:opening]}<style>{_sheet()}</style>{text[opening:]}"

    def _bytes(self, k: int, format: str, theme: Theme, dpi: int) -> bytes:
        from matplotlib import rc_context
        from matplotlib.figure import Figure as Canvas

        plane = self.planes[k]
        count = len(plane.panels) + 1
        rows = max(range(1, count + 1), key=lambda r: _side(count, r))
        columns = -(-count // rows)
        out = io.BytesIO()
        style: dict[Any, Any] = {**_STYLE, "font.family": _family()}
        with rc_context(style):
            side = _side(count, rows)
            height = _HEAD + rows * (side + _ABOVE) + 0.1
            canvas = Canvas((_WIDTH, height), facecolor=BACKGROUND.of(theme))
            axes: list[Any] = []
            for i in range(count):
                x = i % columns * _WIDTH / columns + (_WIDTH / columns - side) / 2
                y = height - _HEAD - (i // columns + 1) * (side + _ABOVE)
                axes.append(canvas.add_axes((x / _WIDTH, y / height, side / _WIDTH, side / height)))
                axes[-1].set_axis_off()
            canvas.text(
                0.01, 1 - 0.36 / height, f"net {self.name}", size=20, weight="bold", color=INK.of(theme)
            )
            inches = 0.01 * _WIDTH + (text_width(f"net {self.name}", 20, bold=True) + 14) / 72
            canvas.text(inches / _WIDTH, 1 - 0.36 / height, self._note(k), size=14, color=MUTED.of(theme))
            for i, panel in enumerate(plane.panels):
                _draw_panel(axes[i], panel, plane, theme)
            _draw_decision(axes[len(plane.panels)], plane, theme)
            metadata = {"Date": None, "Creator": None} if format == "svg" else None
            canvas.savefig(out, format=format, dpi=dpi, metadata=metadata, facecolor=BACKGROUND.of(theme))
        return out.getvalue()

    def _note(self, k: int) -> str:
        return f"what each layer does to the plane  ·  {self.notes[k]}"


Array2 = np.ndarray[Any, Any]


def _side(count: int, rows: int) -> float:
    """How large so many panels can be on a slide, in so many rows."""
    return min(_WIDTH / -(-count // rows) - _GAP, (_TALLEST - _HEAD) / rows - _ABOVE)


def _draw_panel(ax: Any, panel: Panel, plane: Plane, theme: Theme) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    window = _window(ax, theme)
    for lines, colour in zip(panel.lines, (JOIN, MUTED), strict=True):
        starts = np.arange(lines.shape[0] * lines.shape[1]) % lines.shape[1] == 0
        path = Path(lines.reshape(-1, 2), np.where(starts, Path.MOVETO, Path.LINETO))
        look: dict[str, Any] = {"fill": False, "edgecolor": colour.of(theme), "linewidth": 0.7}
        ax.add_patch(PathPatch(path, clip_path=window, **look))
    _scatter(ax, panel.samples, plane, theme, 16)
    low, high = limits(panel)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-6) * 1.08
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half, middle[1] + half)
    ax.set_aspect("equal")
    _title(ax, panel.title, panel.note, theme)


def limits(panel: Panel) -> tuple[Array2, Array2]:
    """What a panel shows: all of the samples; of the grid, what is not too far from them."""
    lines = panel.lines.reshape(-1, 2)
    low, high = panel.samples.min(axis=0), panel.samples.max(axis=0)
    around = _AROUND * (high - low).max()
    return np.maximum(lines.min(axis=0), low - around), np.minimum(lines.max(axis=0), high + around)


def _window(ax: Any, theme: Theme) -> Any:
    """The panel's outline, at which lines end that run on."""
    from matplotlib.patches import FancyBboxPatch

    look: dict[str, Any] = {
        "facecolor": CLUSTER_FILL.of(theme),
        "edgecolor": CLUSTER.of(theme),
        "linewidth": 1.0,
    }
    shape = "round,pad=0,rounding_size=0.03"
    window = FancyBboxPatch((0, 0), 1, 1, shape, transform=ax.transAxes, clip_on=False, zorder=0, **look)
    ax.add_patch(window)
    return window


def _draw_decision(ax: Any, plane: Plane, theme: Theme) -> None:
    from matplotlib.colors import to_rgba

    extent = (plane.low[0], plane.high[0], plane.low[1], plane.high[1])
    if plane.is_class:
        count = max(plane.count, int(plane.decided.max()) + 1)
        colours = np.array([to_rgba(_CLASSES[c % len(_CLASSES)].light, 0.28) for c in range(count)])
        image = (colours[plane.decided.astype(int)] * 255).round().astype(np.uint8)
        ax.imshow(image, extent=extent, origin="lower", interpolation="nearest", aspect="auto")
        for c in range(plane.scores.shape[-1]):
            ahead = plane.scores[..., c] - np.delete(plane.scores, c, axis=-1).max(axis=-1)
            if ahead.min() < 0 < ahead.max():
                ax.contour(ahead, levels=[0], extent=extent, colors=INK.of(theme), linewidths=1.1)
    else:
        ax.contourf(plane.decided, levels=12, extent=extent, cmap="cividis", alpha=0.7)
    _scatter(ax, plane.panels[0].samples, plane, theme, 16)
    ax.set_aspect("equal")
    _title(ax, "decision" if plane.is_class else "output", "", theme)


def _scatter(ax: Any, places: Array2, plane: Plane, theme: Theme, size: float) -> None:
    labels = plane.labels.astype(int) if plane.count else np.zeros(len(places), int)
    for c in sorted(set(labels.tolist())):
        colour, mark = _CLASSES[c % len(_CLASSES)], _MARKS[c % len(_MARKS)]
        here = places[labels == c]
        look = {"s": size, "marker": mark, "c": colour.of(theme), "zorder": 3, "clip_on": True}
        ax.scatter(here[:, 0], here[:, 1], edgecolors=BACKGROUND.of(theme), linewidths=0.3, **look)


def _title(ax: Any, title: str, note: str, theme: Theme) -> None:
    ax.set_title(title, fontsize=14, fontweight="bold", color=INK.of(theme), pad=22)
    if note:
        words, _, rest = note.partition(": ")
        ax.text(0.5, 1.02, f"{words}: {rest.split()[0]}", transform=ax.transAxes, ha="center", va="bottom",
                fontsize=_FONT - 2, color=MUTED.of(theme))  # fmt: skip


def _family() -> list[str]:
    """The fonts that measure and, outside of SVG, draw the text; the last one has the signs."""
    from matplotlib.font_manager import get_font_names

    known = set(get_font_names())
    named = ("Arial", "Liberation Sans", "Helvetica")
    return [*[name for name in named if name in known][:1], "DejaVu Sans"]


def _gif(frames: Sequence[bytes]) -> bytes:
    from PIL import Image

    first, *rest = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    times = [300] * len(rest) + [2000]
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=rest, duration=times, loop=0, optimize=True)
    return out.getvalue()


def _sheet() -> str:
    """The dark palette; matplotlib writes colours as styles, in lower case."""
    colours = (*COLOURS, *_CLASSES[3:])
    light = "".join(f"--{c.name}:{c.light};" for c in colours)
    dark = "".join(f"--{c.name}:{c.dark};" for c in colours)
    rules = "".join(
        f'.netc [style*="{kind}: {c.light.lower()}"]{{{kind}:var(--{c.name})!important}}'
        for c in colours
        for kind in ("fill", "stroke")
    )
    return f".netc{{{light}}}@media(prefers-color-scheme:dark){{.netc{{{dark}}}}}{rules}"
