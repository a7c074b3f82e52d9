"""Whatever of Graphviz there is: the `dot` program, the library in pygraphviz's wheel, or nothing."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Literal

Format = Literal["svg", "png", "pdf"]
MEND = "install Graphviz (apt install graphviz, brew install graphviz) or: pip install 'netc[draw]'"


class RenderError(Exception):
    """A picture cannot be made here; help is a mend."""

    def __init__(self, title: str, help: str = MEND) -> None:
        super().__init__(title)
        self.help = help


@dataclass(frozen=True, slots=True)
class Engine:
    """name is for people; draw(text, format) gives the file's bytes and raises RenderError."""

    name: str
    draw: Callable[[str, Format], bytes]


@cache
def engine() -> Engine | None:
    """The first that there is."""
    program = shutil.which("dot")
    if program is not None:
        return Engine(f"Graphviz's {program}", lambda text, format: _program(program, text, format))
    if find_spec("pygraphviz") is not None:
        return Engine("the Graphviz in pygraphviz", _library)
    return None


def _program(program: str, text: str, format: Format) -> bytes:
    command = [program, f"-T{format}", *_resolution(format)]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise RenderError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}", "")
    return done.stdout


def _library(text: str, format: Format) -> bytes:
    import pygraphviz  # pyright: ignore[reportMissingImports]

    logging.getLogger("pygraphviz").setLevel(logging.ERROR)
    try:
        return pygraphviz.AGraph(string=text).draw(
            format=format, prog="nop2", args=" ".join(_resolution(format))
        )
    except (OSError, ValueError) as error:
        raise RenderError(f"pygraphviz failed: {error}") from error


def _resolution(format: Format) -> list[str]:
    """Twice a screen's, so that a picture stays sharp on a projector."""
    return ["-Gdpi=192"] if format == "png" else []
