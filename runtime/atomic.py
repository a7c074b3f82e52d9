"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from glob import escape
from pathlib import Path


def replace(path: Path, data: bytes, previous: Path | None = None) -> None:
    """Write a file whole, or leave what was there. Raises OSError, which names the file.

    previous: what the file that was there before is called from now on.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            path.replace(previous)
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            # Writing to an open file does not know its name, and nobody knows the temporary one.
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
        raise
    _sync(path.parent)


def remove_temporary(path: Path) -> None:
    """Remove what a process that was killed while writing a file has left; nobody else may be writing it."""
    for temporary in path.parent.glob(f".{escape(path.name)}.*"):
        if temporary.suffix[1:].isdecimal():
            temporary.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Only then does a new name survive a power cut."""
    if os.name == "nt":  # Windows opens no folders
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
