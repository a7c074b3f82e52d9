"""A picture that shows itself in a notebook and saves itself to a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Literal

from ...compiler.draw import DrawError, Options, draw
from ...compiler.draw.views import Drawn
from ...compiler.network import Network
from .engine import RenderError, engine
from .page import browser_page, page
from .svg import adapted

Appearance = Literal["auto", "light", "dark"]
SUFFIXES = (".svg", ".png", ".pdf", ".html", ".dot")


class Drawing:
    """A view of a network. theme: auto follows the surroundings where a file can, and is light elsewhere."""

    def __init__(self, network: Network, options: Options, theme: Appearance = "auto") -> None:
        """Raises DrawError."""
        self.network = network
        self.theme = theme
        self.options = replace(options, theme="dark" if theme == "dark" else "light")
        self.drawn: Drawn = draw(network, self.options)

    @property
    def dot(self) -> str:
        """The picture as DOT text."""
        return self.drawn.dot

    @property
    def svg(self) -> str:
        """The picture as SVG, in which text stays text. Raises RenderError where there is no Graphviz."""
        found = engine()
        if found is None:
            raise RenderError("an SVG needs Graphviz, and there is none")
        return adapted(found.draw(self.dot, "svg").decode(), self.theme == "auto")

    @property
    def html(self) -> str:
        """The picture as a page of its own; without Graphviz one that draws itself."""
        if engine() is not None:
            return page(self.svg, self.network.name)
        dark = draw(self.network, replace(self.options, theme="dark")).dot if self.theme == "auto" else None
        return browser_page(self.dot, dark, self.network.name)

    def save(self, path: str | Path, say: Callable[[str], None] = lambda text: None) -> Path:
        """Write the picture in the format of the suffix; gives the path, a page's where there can be no SVG.

        say: is told what drew it. Raises RenderError, OSError.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            known = ", ".join(SUFFIXES)
            title = f"{path.name}: there is no picture format {suffix or 'without a suffix'!r}"
            raise RenderError(title, f"the formats are {known}")
        found = engine()
        if suffix == ".dot":
            path.write_text(self.dot, encoding="utf-8")
            return path
        if found is None:
            if suffix in (".png", ".pdf"):
                raise RenderError(f"{path.name}: a {suffix[1:].upper()} needs Graphviz, and there is none")
            path = path.with_suffix(".html")
            say(f"there is no Graphviz: {path.name} draws itself in the browser, with viz.js")
            path.write_text(self.html, encoding="utf-8")
            return path
        say(f"drawn with {found.name}")
        match suffix:
            case ".svg":
                path.write_text(self.svg, encoding="utf-8")
            case ".html":
                path.write_text(self.html, encoding="utf-8")
            case ".png":
                path.write_bytes(found.draw(self.dot, "png"))
            case _:
                path.write_bytes(found.draw(self.dot, "pdf"))
        return path

    def _repr_html_(self) -> str:
        """For notebooks: the SVG, or a frame with the page that draws itself."""
        if engine() is not None:
            return self.svg
        return f'<iframe srcdoc="{escape(self.html)}" width="100%" height="540" style="border:0"></iframe>'


__all__ = ["DrawError", "Drawing"]
