"""Samples to predict from: pictures, arrays, tables, or the test split of a network's data."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .compiler.ir import TensorType, size_at
from .runtime.data.csv_file import parse
from .runtime.data.errors import DataError
from .runtime.data.source import Column, Columns, Dataset

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")


BEGINNINGS = {
    b"PK": ".npz", b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp",
    b"P5": ".pgm", b"P6": ".ppm", b"II*": ".tif", b"MM\0*": ".tif",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Samples:
    """Arrays [n, …] by the name of a column (or input), and what each sample is called."""

    arrays: Mapping[str, np.ndarray]
    names: Sequence[str]


def from_file(path: Path, wanted: Mapping[str, TensorType], columns: Columns) -> Samples:
    """The samples of a file. wanted: what the network reads; columns: those of the data it was trained on.

    Raises DataError.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise DataError(
            "this is a folder, where a file is needed" if path.is_dir() else "there is no such file", path
        )
    if suffix == ".npz":
        return _arrays(path, wanted)
    if suffix == ".csv":
        return _table(path, wanted, columns)
    if suffix in PICTURES:
        return _picture(path, wanted)
    raise DataError("netc predicts from .npz, .csv and pictures such as .png", path)


def from_stream(data: bytes, wanted: Mapping[str, TensorType], columns: Columns) -> Samples:
    """The samples of what standard input gave: a picture, an .npz file or a table. Raises DataError."""
    suffix = next((suffix for start, suffix in BEGINNINGS.items() if data.startswith(start)), ".csv")
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"stdin{suffix}"
        path.write_bytes(data)
        try:
            return from_file(path, wanted, columns)
        except DataError as error:
            error.path = "stdin"
            raise


def from_test(dataset: Dataset, indices: Sequence[int], wanted: Mapping[str, TensorType]) -> Samples:
    """Samples of the test split by their index, with all of its columns. Raises DataError."""
    if dataset.test is None:
        raise DataError("the data have no test split to take samples from")
    count = len(next(iter(dataset.test.values())))
    for index in indices:
        if not 0 <= index < count:
            raise DataError(f"there is no sample {index} in the test split: it has 0 to {count - 1}")
    arrays = {name: dataset.test[name][list(indices)] for name in wanted}
    return Samples(arrays, [f"sample {index}" for index in indices])


def _arrays(path: Path, wanted: Mapping[str, TensorType]) -> Samples:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"this is no whole .npz file ({error})", path) from None
    _complete(path, list(found), wanted, "array")
    arrays = {name: _fitted(path, name, found[name], type) for name, type in wanted.items()}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{name} has {n}" for name, n in counts.items())
        raise DataError(f"every array should have the same number of samples; {said}", path)
    n = next(iter(counts.values()))
    return Samples(arrays, [f"{path.name}[{i}]" for i in range(n)])


def _table(path: Path, wanted: Mapping[str, TensorType], columns: Columns) -> Samples:
    table = parse(path, ",", True)
    arrays: dict[str, np.ndarray] = {}
    for name, type in wanted.items():
        if name in table.names:
            arrays[name] = _fitted(path, name, _cells(path, table, [name], columns)[:, 0], type)
        elif type.rank == 2:
            parts = _features(path, table.names, size_at(type.shape[1], 1), columns)
            arrays[name] = _fitted(path, name, _cells(path, table, parts, columns), type)
    _complete(path, [*table.names, *arrays], wanted, "column")
    return Samples(arrays, [f"{path.name}:{line}" for line in table.lines])


def _features(path: Path, names: Sequence[str], size: int, columns: Columns) -> Sequence[str]:
    """The columns that stand side by side in one: those of the training table, or as many as there are."""
    labels = {n for n, c in columns.items() if c.classes is not None}
    known = [n for n, c in columns.items() if not c.shape and n not in labels and c.dtype.kind in "if"]
    if len(known) == size:
        for name in known:
            if name not in names:
                raise DataError(
                    f"there is no column '{name}'", path, help=f"the network reads {', '.join(known)}"
                )
        return known
    unlabelled = [name for name in names if name not in {*labels, "label"}]
    if len(unlabelled) != size:
        raise DataError(f"there are {len(unlabelled)} columns, and the network reads {size} numbers", path)
    return unlabelled


def _cells(path: Path, table: Any, names: Sequence[str], columns: Columns) -> np.ndarray:
    """The cells [row, column] of a table; names of classes as their numbers."""
    places = [table.names.index(name) for name in names]
    numbers = np.empty((len(table.rows), len(names)))
    for i, (line, row) in enumerate(zip(table.lines, table.rows, strict=True)):
        for k, (place, name) in enumerate(zip(places, names, strict=True)):
            numbers[i, k] = _number(
                path, f"line {line}, column '{name}'", row[place].strip(), columns.get(name)
            )
    return numbers


def _number(path: Path, place: str, cell: str, column: Column | None) -> float:
    if column is not None and column.classes is not None and cell in column.classes:
        return column.classes.index(cell)
    try:
        return float(cell)
    except ValueError:
        known = ", ".join(column.classes) if column is not None and column.classes else ""
        help = f"the classes are {known}" if known else ""
        raise DataError(f"{cell!r} is not a {'class' if known else 'number'}", path, place, help) from None


def _picture(path: Path, wanted: Mapping[str, TensorType]) -> Samples:
    name, type = next(iter(wanted.items()))
    if len(wanted) != 1 or type.rank != 4 or type.dtype != "uint8":
        said = ", ".join(f"{n}: {t}" for n, t in wanted.items())
        raise DataError("the network reads no pictures", path, help=f"it reads {said}; give it an .npz file")
    channels, height, width = (size_at(d, 1) for d in type.shape[1:])
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise DataError("reading pictures needs Pillow", path, help="pip install 'netc[images]'") from None
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels)
    if mode is None:
        raise DataError(f"the network reads {channels} channels, and pictures have 1, 3 or 4", path)
    try:
        with Image.open(path) as image:
            picture = image.convert(mode)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise DataError(f"this is no picture that can be read ({error})", path) from None
    if (picture.width, picture.height) != (width, height):
        size, wants = f"{picture.width} × {picture.height}", f"{width} × {height}"
        message = f"the picture has {size} pixels, and the network reads {wants}"
        raise DataError(message, path, help="crop or resize it first")
    pixels = np.asarray(picture).reshape(height, width, channels).transpose(2, 0, 1)
    return Samples({name: pixels[None].copy()}, [path.name])


def _fitted(path: Path, name: str, array: np.ndarray, type: TensorType) -> np.ndarray:
    """The array as the type that the network reads."""
    expected = tuple(size_at(d, len(array) if array.ndim else 1) for d in type.shape)
    if array.shape != expected or not len(array):
        shape = f"[{', '.join(map(str, type.shape))}]"
        raise DataError(f"{name} should be {shape}, and is {list(array.shape)}", path)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} holds {array.dtype}, and should hold {type.dtype}", path)
    if not np.isfinite(array).all():
        raise DataError(f"{name} holds values that are no finite numbers", path)
    given = array.astype(type.dtype)
    if not type.is_float and not (given == array).all():
        raise DataError(f"{name} should hold {type.dtype}, and some values are not", path)
    return given


def _complete(path: Path, found: Sequence[str], wanted: Mapping[str, TensorType], what: str) -> None:
    for name, type in wanted.items():
        if name not in found:
            said = ", ".join(f"{n}{[str(d) for d in t.shape]}".replace("'", "") for n, t in wanted.items())
            raise DataError(
                f"there is no {what} called {name} ({type})", path, help=f"the network reads {said}"
            )
