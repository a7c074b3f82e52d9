"""What is made once and kept for later processes, such as the parser's tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

_DIGEST = 32  # bytes of SHA-256 before what is kept


def cache_folder(name: str) -> Path:
    """Where things of a kind are kept: below NETC_CACHE, XDG_CACHE_HOME or ~/.cache. It need not exist."""
    if chosen := os.environ.get("NETC_CACHE"):
        return Path(chosen) / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netc" / name


def kept(name: str, key: str, make: Callable[[], bytes]) -> bytes:
    """What is kept of a kind under a key; made, and kept where that is possible, if nothing whole is there.

    key: the text of all that it is made from.
    """
    try:
        path = cache_folder(name) / hashlib.sha256(key.encode()).hexdigest()
        found = path.read_bytes() if path.exists() else b""
    except (OSError, RuntimeError):  # a folder that may not be read; a user without a home
        return make()
    digest, data = found[:_DIGEST], found[_DIGEST:]
    if hashlib.sha256(data).digest() != digest:
        data = make()
        with suppress(OSError):
            _write(path, hashlib.sha256(data).digest() + data)
    return data


def _write(path: Path, data: bytes) -> None:
    """Give the file its name when it is whole: another process may be reading or writing the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(data)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise
