"""What is made once and kept for later processes, such as the parser's tables and compiled programs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

_DIGEST = 32  # bytes of SHA-256 before what is kept


def cache_folder(name: str) -> Path:
    """Where things of a kind are kept: below NETC_CACHE, XDG_CACHE_HOME or ~/.cache. It need not exist.

    Raises RuntimeError for a user without a home.
    """
    if chosen := os.environ.get("NETC_CACHE"):
        return Path(chosen) / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netc" / name


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a store: its size in bytes, and when it was last used, in nanoseconds since the epoch."""

    path: Path
    size: int
    used: int


class Store:
    """Things of one kind by key, in files of a folder that several processes may use at a time.

    Beyond `limit` bytes those go that were not used for longest. Where nothing can be kept, in a folder that
    may not be written to or on a full disk, things are made each time.
    """

    def __init__(self, name: str, limit: int = 256_000_000) -> None:
        try:
            self.folder: Path | None = cache_folder(name)
        except RuntimeError:
            self.folder = None
        self.limit = limit

    def kept(self, key: str, make: Callable[[], bytes]) -> bytes:
        """What is kept under a key; made, and kept where that is possible, if nothing whole is there.

        key: the text of all that it is made from.
        """
        if self.folder is None:
            return make()
        path = self.folder / hashlib.sha256(key.encode()).hexdigest()
        data = _read(path)
        if data is None:
            data = make()
            with suppress(OSError):
                self._write(path, hashlib.sha256(data).digest() + data)
        return data

    def entries(self) -> list[Entry]:
        """All that is kept, what was used last first; also what a process that was killed has left there."""
        return sorted(self._files(), key=lambda entry: (entry.used, entry.path), reverse=True)

    def clear(self) -> None:
        """Remove all that is kept. Raises OSError where something cannot be removed."""
        for entry in self._files():
            entry.path.unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        """Give the file its name when it is whole: another process may be reading or writing the same."""
        if len(content) > self.limit:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            try:
                file.write(content)
                file.close()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > self.limit:
                entry.path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Entry]:
        try:
            paths = list(self.folder.iterdir()) if self.folder else []
        except (FileNotFoundError, NotADirectoryError):
            return
        for path in paths:
            with suppress(FileNotFoundError):  # another process may have removed it
                found = path.stat()
                yield Entry(path, found.st_size, found.st_mtime_ns)


def _read(path: Path) -> bytes | None:
    """What the file keeps, unless it is missing or damaged; from now on it is the one that was used last."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    data = content[_DIGEST:]
    if hashlib.sha256(data).digest() != content[:_DIGEST]:
        import logging

        logging.getLogger(__name__).warning("%s is damaged; what it kept is made again", path)
        return None
    with suppress(OSError):
        os.utime(path)
    return data
