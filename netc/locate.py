"""Finds the text that SPEC names: a file, `-` for standard input, or an example that ships with netc."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from os import fsencode
from pathlib import Path, PurePath

from .compiler.diagnostics import Diagnostic, Source, Span, SpecError

# Above what the parser takes, so that it is the parser that says so; a device such as /dev/zero has no end.
MOST_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Spec:
    """A text, and the folder that paths in it are relative to."""

    source: Source
    base: Path

    @property
    def name(self) -> str:
        """What the network is called."""
        return PurePath(self.source.name).stem


def find(spec: str) -> Spec:
    """The text that SPEC names. Raises SpecError, which says what there is instead."""
    if spec == "-":
        return Spec(_decoded("stdin", sys.stdin.buffer.read(MOST_BYTES)), Path())
    path = Path(spec)
    if not path.exists() and (example := examples().get(spec.removesuffix(".net"))) is not None:
        return Spec(Source(f"{spec.removesuffix('.net')}.net", example), Path())
    return Spec(_read(path), path.parent)


def given(text: str) -> Spec:
    """A text that a program hands over."""
    return Spec(Source("text", text), Path())


def examples() -> dict[str, str]:
    """The texts of the examples that ship with netc, by name."""
    folder = files(f"{__package__}.specs")
    found = sorted((e for e in folder.iterdir() if e.name.endswith(".net")), key=lambda e: e.name)
    return {entry.name.removesuffix(".net"): entry.read_text(encoding="utf-8") for entry in found}


def _read(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            # A path need not be text; whatever else is made of a name is.
            return _decoded(fsencode(path).decode(errors="backslashreplace"), file.read(MOST_BYTES))
    except FileNotFoundError:
        raise _error(f"there is no file {path}", _instead(str(path))) from None
    except IsADirectoryError:
        inside = sorted(p.name for p in path.glob("*.net"))
        help = f"it holds {', '.join(inside[:8])}" if inside else ""
        raise _error(f"{path} is a folder, where a .net file is needed", help) from None
    except OSError as error:
        raise _error(f"{path} cannot be read: {error.strerror}") from None


def _instead(wanted: str) -> str:
    """What a missing file may have been meant to be."""
    name = PurePath(wanted).stem
    folder = Path(wanted).parent
    beside = [str(p) for p in folder.glob("*.net")] if folder.is_dir() else []
    near = get_close_matches(wanted, beside, 1) or get_close_matches(name, list(examples()), 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"the examples that ship with netc are {', '.join(examples())}"


def _decoded(name: str, data: bytes) -> Source:
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        source = Source(name, data.decode("utf-8-sig", "replace"))
        # The decoder counts from behind a byte order mark.
        start = len(error.object[: error.start].decode("utf-8-sig", "replace"))
        title = f"{name} is not UTF-8 text"
        help = "save the file as UTF-8"
        label = f"byte {data[error.start]:#04x}" if error.object is data else ""
        span = Span(source, start, start + 1)
        raise SpecError(Diagnostic("file", title, span, label, help=help)) from None


def _error(title: str, help: str = "") -> SpecError:
    return SpecError(Diagnostic("file", title, help=help))
