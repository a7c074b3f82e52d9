"""A picture that shows itself in a notebook and saves itself to a file."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Literal

from ...compiler.draw import DrawError, Options, draw
from ...compiler.draw.views import Drawn
from ...compiler.network import Network
from .engine import Engine, Format, RenderError, engine
from .page import browser_page, page
from .svg import adapted

Appearance = Literal["auto", "light", "dark"]
SUFFIXES = (".svg", ".png", ".pdf", ".html", ".dot")


class Drawing:
    """A view of a network. theme: auto follows the surroundings where a file can, and is light elsewhere."""

    def __init__(
        self,
        network: Network,
        options: Options,
        theme: Appearance = "auto",
        make: Callable[[Network, Options], Drawn] = draw,
        art: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """make: draws the view. art: the PNG files of the thumbnails, by name. Raises DrawError."""
        self.network = network
        self.theme = theme
        self.options = replace(options, theme="dark" if theme == "dark" else "light")
        self.make, self.art = make, art
        self.drawn: Drawn = make(network, self.options)

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
        return adapted(self._rendered(found, "svg").decode(), self.theme == "auto")

    @property
    def html(self) -> str:
        """The picture as a page of its own; without Graphviz one that draws itself."""
        if engine() is not None:
            return page(self.svg, self.network.name)
        dark = self.dark_dot
        return browser_page(without_art(self.dot), dark and without_art(dark), self.network.name)

    @property
    def dark_dot(self) -> str | None:
        """The picture in the dark palette, where it follows its surroundings."""
        return (
            self.make(self.network, replace(self.options, theme="dark")).dot if self.theme == "auto" else None
        )

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
            for name, png in self.art.items():
                path.with_name(name).write_bytes(png)
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
                path.write_bytes(self._rendered(found, "png"))
            case _:
                path.write_bytes(self._rendered(found, "pdf"))
        return path

    def _rendered(self, found: Engine, format: Format) -> bytes:
        """The picture with its thumbnails, which an SVG holds in itself."""
        with TemporaryDirectory() as folder:
            text = self.dot
            for name, png in self.art.items():
                Path(folder, name).write_bytes(png)
                text = text.replace(f'SRC="{name}"', f'SRC="{Path(folder, name)}"')
            data = found.draw(text, format)
        if format == "svg":
            for name, png in self.art.items():
                uri = f"data:image/png;base64,{b64encode(png).decode()}"
                data = data.replace(f'href="{Path(folder, name)}"'.encode(), f'href="{uri}"'.encode())
        return data

    def _repr_html_(self) -> str:
        """For notebooks: the SVG, or a frame with the page that draws itself."""
        if engine() is not None:
            return self.svg
        return f'<iframe srcdoc="{escape(self.html)}" width="100%" height="540" style="border:0"></iframe>'


def without_art(dot: str) -> str:
    """The text without its bitmaps, for a browser, which has no files."""
    return re.sub(r"<IMG [^>]*/>", "", dot)


__all__ = ["DrawError", "Drawing"]
