"""Takes the files that are wanted out of a tar archive, and trusts nothing that it says."""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from .errors import DataError
from .published import File

MOST_ENTRIES = 1000
MOST_EXTRA = 1 << 20  # bytes beyond those of the wanted files
PIECE = 1 << 20


def unpack(archive: Path, folder: Path, wanted: Sequence[File]) -> None:
    """Write the wanted files of a .tar.gz to a folder, each whole or not at all.

    Raises DataError at an entry that is a link or a device, has holes, which may be of any size, or would
    stand outside the folder, at a file that is missing or another than expected, and where there is much more
    in the archive than the wanted files; OSError where one cannot be written.
    """
    missing = {file.name: file for file in wanted}
    try:
        with gzip.open(archive, "rb") as unzipped:
            bounded = _Bounded(unzipped, sum(file.size + 1024 for file in wanted) + MOST_EXTRA)
            with tarfile.open(fileobj=bounded, mode="r:") as tar:
                for number, entry in enumerate(tar):
                    _check(entry, number, archive)
                    if entry.isfile() and (file := missing.pop(entry.name, None)) is not None:
                        content = tar.extractfile(entry)
                        assert content is not None
                        with content:
                            _write(content, folder / file.name, file, archive)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DataError(f"the archive cannot be unpacked ({error})", archive) from None
    if missing:
        raise DataError(f"the archive holds no {next(iter(missing))}", archive)


def _check(entry: tarfile.TarInfo, number: int, archive: Path) -> None:
    place = f"entry {entry.name!r}"
    if number >= MOST_ENTRIES:
        raise DataError(f"the archive has more than {MOST_ENTRIES} entries", archive)
    if not (entry.isfile() or entry.isdir()) or entry.issparse():
        raise DataError("the archive holds a link, a device or a file with holes", archive, place)
    parts = entry.name.replace("\\", "/").split("/")
    if entry.name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in entry.name:
        raise DataError("the archive would write outside its folder", archive, place)


def _write(content: IO[bytes], path: Path, file: File, archive: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("wb") as out:
            while size <= file.size and (piece := content.read(PIECE)):
                size += len(piece)
                digest.update(piece)
                out.write(piece)
        if size != file.size or digest.hexdigest() != file.sha256:
            raise DataError("the archive holds another file than expected", archive, f"entry {file.name!r}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _Bounded(io.RawIOBase):
    """A stream of at most so many bytes, nor many at once: what a header claims is not believed."""

    def __init__(self, inner: gzip.GzipFile, most: int) -> None:
        self._inner, self._most = inner, most

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= 2 * PIECE:
            raise ValueError(f"an entry claims {size} bytes at once")
        data = self._inner.read(size)
        self._bound()
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if whence == 0 and offset > self._most:
            raise ValueError(f"it unpacks to more than {self._most} bytes")
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _bound(self) -> None:
        if self._inner.tell() > self._most:
            raise ValueError(f"it unpacks to more than {self._most} bytes")
