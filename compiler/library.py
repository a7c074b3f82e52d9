"""The standard library: layers, functions, losses, metrics, optimizers and schedules written in .net.

Only the file that defines a name is parsed, when the name is first used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from . import ast
from .diagnostics import Source
from .parse import parse

Use = Literal["network", "data", "schedule"]
_USES: dict[str, Use] = {"std/data.net": "data", "std/schedules.net": "schedule"}
_DEFINITION = re.compile(r"^(?:layer|optimizer)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One file of specs/std: `names` are the definitions in it."""

    source: Source
    names: tuple[str, ...]

    @property
    def use(self) -> Use:
        """Where its names are known."""
        return _USES.get(self.source.name, "network")


@cache
def library() -> tuple[LibraryFile, ...]:
    """The files of the standard library, by name."""
    folder = files(f"{__name__.split('.')[0]}.specs.std")
    found: list[LibraryFile] = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".net"):
            source = Source("std/" + entry.name, entry.read_text(encoding="utf-8"))
            found.append(LibraryFile(source, tuple(_DEFINITION.findall(source.text))))
    return tuple(found)


@cache
def parsed(name: str) -> ast.Module:
    """The module of one library file, by its source's name."""
    return parse(next(f.source for f in library() if f.source.name == name))


def find(name: str, use: Use = "network") -> LibraryFile | None:
    """The file that defines a name for this use. A data block knows what a network does, its own first."""
    for wanted in (use, "network") if use == "data" else (use,):
        for file in library():
            if file.use == wanted and name in file.names:
                return file
    return None


def names(use: Use | None = None) -> list[str]:
    """Every name defined for a use, or for any, for suggestions."""
    return [
        n for f in library() if use in (None, f.use) or (use, f.use) == ("data", "network") for n in f.names
    ]


def definition(name: str) -> str | None:
    """The text of one definition, with the comments above it; None where there is none."""
    file = find(name, "data") or find(name, "schedule")
    if file is None:
        return None
    for item in parsed(file.source.name).items:
        if isinstance(item, ast.LayerDef | ast.OptimizerDef) and item.name.text == name:
            lines = file.source.text.split("\n")
            first = item.span.line - 1
            while first > 0 and lines[first - 1].startswith("#"):
                first -= 1
            last = file.source.position(max(item.span.end - 1, item.span.start))[0]
            return "\n".join(lines[first:last])
    return None


def is_standard(source: Source) -> bool:
    """Whether a text is a file of the standard library, and not a user's."""
    return source.name.startswith("std/") and any(f.source is source for f in library())
