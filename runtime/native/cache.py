"""Compiled programs that outlive the process: only the first run of a network waits for the compiler."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ...grammar.store import cache_folder
from ..atomic import replace

LIMIT = 256 << 20  # bytes
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache: its size in bytes, and when it was last used, in seconds since the epoch."""

    path: Path
    size: int
    used: float


class Cache:
    """Byte strings by key, in files of a folder; several processes may use it at a time.

    What is wrong with the folder (no permission, a full disk, a damaged file) only means that an entry is
    missing. Beyond `limit` bytes those go that were not used for longest.
    """

    def __init__(self, folder: Path | None = None, limit: int = LIMIT) -> None:
        self.folder = folder or cache_folder("native")
        self.limit = limit
        self._writing = Lock()  # the temporary file is named after the process

    def get(self, key: str) -> bytes | None:
        """What was put there, unless it is missing or damaged."""
        path = self.folder / key
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, data = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(data).digest() != digest:
            logging.getLogger(__name__).warning("%s is damaged: it is compiled anew", path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep the data, if that is possible."""
        content = hashlib.sha256(data).digest() + data
        if len(content) > self.limit:
            return
        with self._writing, contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace(self.folder / key, content)
            self._bound()

    def entries(self) -> list[Entry]:
        """All that is kept, what was used last first; also what a writer that was killed has left."""
        return sorted(self._files(), key=lambda entry: (entry.used, entry.path), reverse=True)

    def clear(self) -> None:
        """Remove all entries. Raises OSError where one cannot be removed."""
        for entry in self.entries():
            entry.path.unlink(missing_ok=True)

    def _bound(self) -> None:
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > self.limit:
                entry.path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Entry]:
        try:
            paths = list(self.folder.iterdir())
        except FileNotFoundError:
            return
        for path in paths:
            with contextlib.suppress(FileNotFoundError):  # another process may have removed it
                found = path.stat()
                yield Entry(path, found.st_size, found.st_mtime)
