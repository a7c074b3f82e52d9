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
from ...compiler.draw.pages import Drawn
from ...compiler.network import Network
from .. import atomic
from .engine import Engine, Format, RenderError, engine
from .page import browser_page, browser_script, page
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
        """The picture as DOT text: a graph for each page."""
        return "".join(self.drawn.pages)

    @property
    def svgs(self) -> list[str]:
        """The pages as SVG, in which text stays text. Raises RenderError where there is no Graphviz."""
        found = engine()
        if found is None:
            raise RenderError("an SVG needs Graphviz, and there is none")
        follow = self.theme == "auto"
        return [adapted(self._rendered(found, text, "svg").decode(), follow) for text in self.drawn.pages]

    @property
    def html(self) -> str:
        """The picture as a page of its own; without Graphviz one that draws itself."""
        if engine() is not None:
            return page(self.svgs, self.network.name)
        return browser_page(self.script, self.network.name, len(self.drawn.pages))

    @property
    def script(self) -> str:
        """What draws the picture in a browser, which has no bitmaps."""
        light, dark = self.drawn.pages, self.drawn.pages
        if self.theme == "auto":
            dark = self.make(self.network, replace(self.options, theme="dark")).pages
        return browser_script([without_art(text) for text in light], [without_art(text) for text in dark])

    def save(self, path: str | Path, say: Callable[[str], None] = lambda text: None) -> tuple[Path, ...]:
        """Write the picture in the format of the suffix; gives the paths, a page's where there can be no SVG.

        Of several pages each is a file, a-1.svg and so on, but for .html and .dot, which hold them all.
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
            atomic.replace(path, self.dot.encode())
            for name, png in self.art.items():
                atomic.replace(path.with_name(name), png)
            return (path,)
        if found is None:
            if suffix in (".png", ".pdf"):
                raise RenderError(f"{path.name}: a {suffix[1:].upper()} needs Graphviz, and there is none")
            path = path.with_suffix(".html")
            say(f"there is no Graphviz: {path.name} draws itself in the browser, with viz.js")
            atomic.replace(path, self.html.encode())
            return (path,)
        say(f"drawn with {found.name}")
        match suffix:
            case ".html":
                pages = [self.html.encode()]
            case ".svg":
                pages = [svg.encode() for svg in self.svgs]
            case _:
                format: Format = "png" if suffix == ".png" else "pdf"
                pages = [self._rendered(found, text, format) for text in self.drawn.pages]
        paths = numbered(path, len(pages))
        for file, data in zip(paths, pages, strict=True):
            atomic.replace(file, data)
        return paths

    def _rendered(self, found: Engine, text: str, format: Format) -> bytes:
        """A page with its thumbnails, which an SVG holds in itself."""
        with TemporaryDirectory() as folder:
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
            return "".join(self.svgs)
        return f'<iframe srcdoc="{escape(self.html)}" width="100%" height="540" style="border:0"></iframe>'


def numbered(path: Path, pages: int) -> tuple[Path, ...]:
    """The files of so many pages: the path itself, or a-1.svg, a-2.svg and so on."""
    if pages == 1:
        return (path,)
    return tuple(path.with_stem(f"{path.stem}-{k + 1}") for k in range(pages))


def without_art(dot: str) -> str:
    """The text without its bitmaps, for a browser, which has no files."""
    return re.sub(r"<IMG [^>]*/>", "", dot)


__all__ = ["DrawError", "Drawing"]
