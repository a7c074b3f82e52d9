"""The standard library: layers, functions, losses, metrics, optimizers and schedules written in .net.

Only the file that defines a name is parsed, when the name is first used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from . import ast
from .diagnostics import Source
from .parse import parse

_DEFINITION = re.compile(r"^(?:layer|optimizer)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One file of specs/std: `names` are the definitions in it."""

    source: Source
    names: tuple[str, ...]

    @property
    def is_data(self) -> bool:
        """Whether its functions are for data blocks alone."""
        return self.source.name == "std/data.net"


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


def find(name: str, data: bool = False) -> LibraryFile | None:
    """The file that defines a name; functions for data blocks are found only with `data`."""
    candidates = [f for f in library() if name in f.names and (data or not f.is_data)]
    candidates.sort(key=lambda f: not f.is_data)
    return candidates[0] if candidates else None


def names(data: bool = False) -> list[str]:
    """Every defined name, for suggestions."""
    return [n for f in library() if data or not f.is_data for n in f.names]


def definition(name: str) -> str | None:
    """The text of one definition, with the comments above it; None where there is none."""
    file = find(name, data=True)
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
    return any(f.source is source for f in library())
