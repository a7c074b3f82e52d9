"""The steps view: a page around the mirror."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from ...compiler.draw.pages import Drawn
from ...compiler.draw.steps import Step
from ..atomic import replace
from .drawing import Drawing
from .engine import RenderError, engine
from .steps_page import steps_page


class Steps:
    """The seven steps on the mirror of a network, as a page that shows itself in a notebook."""

    def __init__(self, mirror: Drawing, steps: tuple[Step, ...]) -> None:
        self.mirror, self.steps = mirror, steps

    @property
    def drawn(self) -> Drawn:
        return self.mirror.drawn

    @property
    def html(self) -> str:
        """The page; without Graphviz it draws the mirror itself."""
        name, theme = self.mirror.network.name, self.mirror.theme
        if engine() is not None:
            return steps_page(self.steps, "".join(self.mirror.svgs), name, theme)
        return steps_page(self.steps, self.mirror.script, name, theme, 'addEventListener("drawn", begin);')

    def save(self, path: str | Path, say: Callable[[str], None] = lambda text: None) -> tuple[Path, ...]:
        """Write the page. Raises RenderError for another format, OSError."""
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise RenderError(
                f"{path.name}: the steps are a page", f"write it to {path.with_suffix('.html')}"
            )
        replace(path, self.html.encode())
        return (path,)

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html)}" width="100%" height="620" style="border:0"></iframe>'
