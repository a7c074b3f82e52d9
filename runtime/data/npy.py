"""The arrays of an .npz file or of a folder of .npy files: their headers, and their values."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import IO, Any

import numpy as np

from . import lazy
from .errors import DataError
from .lazy import Array, FileArray, check_sound, fill

# What a damaged or encrypted archive or header raises. RuntimeError is zipfile's word for what it does not
# support, and Python's for what is nested too deeply; NumPy reads headers as Python text.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError),
    *(SyntaxError, TypeError, tokenize.TokenError, struct.error),
)


@dataclass(frozen=True, slots=True)
class Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    transposed: bool  # the values stand in the order of Fortran
    length: int  # of the header, in bytes


@dataclass(frozen=True, slots=True)
class Member:
    """An array that has not been read yet."""

    header: Header
    open: Callable[[], Array]  # raises DataError


def members(path: Path) -> dict[str, Member]:
    """The arrays of a file or folder. Raises DataError unless all are whole arrays of numbers."""
    found = _of_folder(path) if path.is_dir() else _of_archive(path)
    if not found:
        raise DataError("there are no arrays", path)
    return found


def _of_folder(folder: Path) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for path in sorted(path for path in folder.iterdir() if path.suffix == ".npy"):
        if not path.is_file():  # a pipe, which would be waited for
            raise DataError("this is no file", path)
        with _damage("this is no whole .npy file", path, ""), path.open("rb") as file:
            header = _header(file, path.stat().st_size, path, "")
        found[path.stem] = _stored(path, header, header.length, "")
    return found


def _of_archive(path: Path) -> dict[str, Member]:
    with _damage("this is no whole .npz file", path, ""):
        archive = zipfile.ZipFile(path)
    headers: dict[str, tuple[zipfile.ZipInfo, Header]] = {}
    with archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            place = f"array '{name}'"
            with _damage("this is no whole .npz file", path, place), archive.open(entry) as file:
                headers[name] = entry, _header(file, entry.file_size, path, place)
    total = sum(_size(header) for _, header in headers.values())
    if total <= lazy.HELD_BYTES:
        return {name: _packed(path, *found, f"array '{name}'") for name, found in headers.items()}
    if any(entry.compress_type != zipfile.ZIP_STORED for entry, _ in headers.values()):
        help = "save them with np.savez, or as .npy files in a folder, to have them read bit by bit"
        raise DataError(f"the arrays unpack to {total} bytes, too many to hold in memory", path, help=help)
    return {
        name: _stored(path, header, _offset(path, entry) + header.length, f"array '{name}'")
        for name, (entry, header) in headers.items()
    }


def _offset(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of an entry that is not packed begin. Raises DataError."""
    with _damage("this is no whole .npz file", path, f"entry '{entry.filename}'"), path.open("rb") as file:
        file.seek(entry.header_offset)
        name, extra = struct.unpack("<26x2H", file.read(30))
    return entry.header_offset + 30 + name + extra


def _size(header: Header) -> int:
    size = header.dtype.itemsize
    for n in header.shape:
        size *= n
    return size


def _header(file: IO[bytes], size: int, path: Path, place: str) -> Header:
    """The header of an .npy file of `size` bytes, which is read to its end. Raises DataError, DAMAGE."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")
    short = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if short else np.lib.format.read_array_header_2_0
    shape, transposed, dtype = read(file)
    header = Header(tuple(int(n) for n in shape), dtype, transposed, file.tell())
    if dtype.kind not in "biuf":
        raise DataError(f"{dtype} is no type of numbers", path, place)
    if not shape:
        raise DataError("a single number has no axis of samples", path, place)
    if min(header.shape) < 0 or header.length + _size(header) != size:
        expected = f"{dtype}{list(header.shape)} after a header of {header.length}"
        raise DataError(f"the array is cut short or too long: {size} bytes, not {expected}", path, place)
    return header


def _packed(path: Path, entry: zipfile.ZipInfo, header: Header, place: str) -> Member:
    def read() -> np.ndarray:
        with (
            _damage("the array cannot be read", path, place),
            zipfile.ZipFile(path) as archive,
            archive.open(entry) as file,
        ):
            assert isinstance(file, zipfile.ZipExtFile)
            file.read(header.length)
            values = np.empty(header.shape, header.dtype, "F" if header.transposed else "C")
            if fill(file, values) or file.read(1):  # reading to the end compares the checksum
                raise EOFError("it is not as long as the archive says")
        check_sound(values, path, place)
        return np.ascontiguousarray(values, header.dtype.newbyteorder("="))

    return Member(header, read)


def _stored(path: Path, header: Header, offset: int, place: str) -> Member:
    if header.transposed and len(header.shape) > 1:
        # Its rows do not stand together.
        def read() -> np.ndarray:
            if _size(header) > lazy.HELD_BYTES:
                help = "save np.ascontiguousarray(…) of it"
                raise DataError("the array is in the order of Fortran, and too large", path, place, help)
            values = FileArray(path, offset, header.dtype, header.shape[::-1], name=place)
            return np.ascontiguousarray(np.asarray(values).T)

        return Member(header, read)
    return Member(header, lambda: FileArray(path, offset, header.dtype, header.shape, name=place))


@contextmanager
def _damage(what: str, path: Path, place: str) -> Generator[None]:
    try:
        yield
    except MemoryError:
        raise DataError("the memory does not suffice to read it", path, place or None) from None
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror or error})", path, place or None) from None
    except DAMAGE as error:
        reason = shorten(str(error) or type(error).__name__, 200, placeholder=" …")
        raise DataError(f"{what} ({reason})", path, place or None) from None
