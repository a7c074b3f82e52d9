"""Samples to predict from or to judge by: pictures, arrays, tables, or the test split of a network's data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .compiler.ir import TensorType, size_at
from .compiler.pipeline import Purpose
from .figures import memory
from .runtime.answers import target_column
from .runtime.data import lazy
from .runtime.data.csv_file import parse
from .runtime.data.errors import DataError
from .runtime.data.image_folder import SUFFIXES, Pictures
from .runtime.data.npy import members
from .runtime.data.source import Column, Columns, Dataset
from .runtime.data.sources import open_source
from .runtime.model import Model

BEGINNINGS = {
    b"PK": ".npz", b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp",
    b"P5": ".pgm", b"P6": ".ppm", b"II*": ".tif", b"MM\0*": ".tif",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a network reads of each sample.

    types: by the name of a column, or of an input where there is no data block. counts: of the classes of
    those that hold classes. columns: those of the training data. source: the data block's, with its
    arguments.
    """

    types: Mapping[str, TensorType]
    counts: Mapping[str, int]
    columns: Columns
    source: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Arrays [n, …] by the name of a column (or input), and what each sample is called."""

    arrays: Mapping[str, np.ndarray]
    names: Sequence[str]


def wanted_by(model: Model, purpose: Purpose, columns: Columns) -> Wanted:
    """What the program for a purpose reads. columns: of the training data, as far as they are known.

    Raises DataError for wrong arguments of the data source.
    """
    network = model.compiled.network
    leaves = [node for node in model.compiled.graph(purpose) if node.op in ("column", "input")]
    read = {leaf.name: leaf.type for leaf in leaves}
    classes = {name: input.classes for name, input in network.inputs.items() if input.classes}
    counts = {target_column(network, name) or name: count for name, count in classes.items()}
    spec = network.data
    arguments: Mapping[str, Any] = {}
    if spec is not None:
        arguments = open_source(spec.source, spec.positional, spec.keywords, model.base, spec.length).call()
    return Wanted(
        read,
        {name: count for name, count in counts.items() if name in read},
        columns,
        spec.source if spec is not None else "",
        arguments,
    )


def from_argument(given: Path, wanted: Wanted) -> Samples:
    """The samples that an argument of a command names; `-` is standard input. Raises DataError."""
    if str(given) != "-":
        return from_path(given, wanted)
    data = sys.stdin.buffer.read(lazy.HELD_BYTES + 1)
    if len(data) > lazy.HELD_BYTES:
        message = f"there are more than {memory(lazy.HELD_BYTES)}, too many to hold in memory"
        raise DataError(message, "stdin", help="give it in parts")
    return _from_stream(data, wanted)


def from_path(path: Path, wanted: Wanted) -> Samples:
    """The samples of a file, or of all pictures in a folder and its sub-folders.

    The class of a picture, where it is wanted, is the name of the folder that it lies in. Raises DataError.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not found:
            raise DataError("there are no pictures in this folder", path)
        return _pictures(found, [str(p.relative_to(path)) for p in found], wanted)
    if not path.is_file():
        raise DataError("there is no such file", path)
    if suffix == ".npz":
        return _arrays(path, wanted)
    if suffix in (".csv", ".tsv"):
        return _table(path, wanted)
    if suffix in SUFFIXES:
        return _pictures([path], [path.name], wanted)
    raise DataError("netc reads .npz, .csv and pictures such as .png here", path)


def from_test(dataset: Dataset, indices: Sequence[int], types: Mapping[str, TensorType]) -> Samples:
    """Samples of the test split by their index, with all of its columns. Raises DataError."""
    if dataset.test is None:
        raise DataError("the data have no test split to take samples from")
    count = len(next(iter(dataset.test.values())))
    for index in indices:
        if not 0 <= index < count:
            raise DataError(f"there is no sample {index} in the test split: it has 0 to {count - 1}")
    arrays = {name: dataset.test[name][list(indices)] for name in types}
    return Samples(arrays, [f"sample {index}" for index in indices])


def _from_stream(data: bytes, wanted: Wanted) -> Samples:
    """The samples of a picture, an .npz file or a table."""
    suffix = next((suffix for start, suffix in BEGINNINGS.items() if data.startswith(start)), ".csv")
    if suffix in SUFFIXES and wanted.types.keys() & wanted.counts.keys():
        help = "name its file, in a folder of its class"
        raise DataError("a picture here has no class to be compared with", "stdin", help=help)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"stdin{suffix}"
        path.write_bytes(data)
        try:
            return from_path(path, wanted)
        except DataError as error:
            error.path = "stdin"
            raise


def _arrays(path: Path, wanted: Wanted) -> Samples:
    found = members(path)
    _complete(path, list(found), wanted, "array")
    arrays = {name: np.asarray(found[name].open()) for name in wanted.types}
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{name} has {n}" for name, n in counts.items())
        raise DataError(f"every array should have the same number of samples; {said}", path)
    names = [f"{path.name}[{i}]" for i in range(next(iter(counts.values())))]
    return Samples({name: _fitted(path, name, array, wanted, names) for name, array in arrays.items()}, names)


def _table(path: Path, wanted: Wanted) -> Samples:
    table = parse(path, wanted.arguments.get("delimiter", ","), wanted.arguments.get("header", True))
    places = [f"line {line}" for line in table.lines]
    headers = {name: name for name in table.names}
    label = wanted.arguments.get("label")
    if label in headers:
        headers.setdefault("label", label)
    arrays: dict[str, np.ndarray] = {}
    for name, type in wanted.types.items():
        if name in headers:
            cells = _cells(path, table, [headers[name]], wanted.columns)[:, 0]
        elif type.rank == 2:
            parts = _features(path, table.names, size_at(type.shape[1], 1), wanted.columns)
            cells = _cells(path, table, parts, wanted.columns)
        else:
            continue
        arrays[name] = _fitted(path, name, cells, wanted, places)
    _complete(path, [*headers, *arrays], wanted, "column")
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


def _pictures(paths: Sequence[Path], names: Sequence[str], wanted: Wanted) -> Samples:
    read = [(n, t) for n, t in wanted.types.items() if t.rank == 4 and t.dtype == "uint8"]
    labels = [name for name in wanted.types if name in wanted.counts]
    if len(read) != 1 or len(labels) != len(wanted.types) - 1 or len(labels) > 1:
        said = ", ".join(f"{n}: {t}" for n, t in wanted.types.items())
        raise DataError(
            "the network reads no pictures", paths[0], help=f"it reads {said}; give it an .npz file"
        )
    name, type = read[0]
    channels, height, width = (size_at(d, 1) for d in type.shape[1:])
    if find_spec("PIL") is None:
        raise DataError("reading pictures needs Pillow", paths[0], help="pip install 'netc[images]'")
    if channels not in (1, 3, 4):
        raise DataError(f"the network reads {channels} channels, and pictures have 1, 3 or 4", paths[0])
    pictures = Pictures(paths, (channels, height, width))
    if wanted.source != "images":  # whose pictures are brought to size for the training too
        for path, size in zip(paths, pictures.sizes, strict=True):
            if size != (width, height):
                given, wants = f"{size[0]} × {size[1]}", f"{width} × {height}"
                message = f"the picture has {given} pixels, and the network reads {wants}"
                raise DataError(message, path, help="crop or resize it first")
    arrays = {name: np.asarray(pictures)}
    for label in labels:
        arrays[label] = np.array([_class(path, label, wanted) for path in paths], wanted.types[label].dtype)
    return Samples(arrays, names)


def _class(path: Path, label: str, wanted: Wanted) -> int:
    """The class of a picture, by its folder's name."""
    column = wanted.columns.get(label)
    classes = (column and column.classes) or tuple(map(str, range(wanted.counts[label])))
    folder = path.absolute().parent.name
    if folder not in classes:
        help = f"put each picture into a folder of its class: {', '.join(classes)}"
        raise DataError(f"the picture's folder is called {folder}, and that is no class", path, help=help)
    return classes.index(folder)


def _fitted(path: Path, name: str, array: np.ndarray, wanted: Wanted, places: Sequence[str]) -> np.ndarray:
    """The array as the type that the network reads. places: what each sample is called. Raises DataError."""
    type, count = wanted.types[name], wanted.counts.get(name)
    expected = tuple(size_at(d, len(array) if array.ndim else 1) for d in type.shape)
    if array.shape != expected or not len(array):
        shape = f"[{', '.join(map(str, type.shape))}]"
        raise DataError(f"{name} should be {shape}, and is {list(array.shape)}", path)
    with np.errstate(over="ignore"):
        given = array.astype(type.dtype)
    if not type.is_float and not (given == array).all():
        raise DataError(f"{name} should hold {type.dtype}, and some values are not", path)
    wrong, why = ~np.isfinite(given), "which is not a finite number"
    if count:
        wrong, why = (given < 0) | (given >= count), f"but the classes are 0..{count - 1}"
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(f"{name} is {array[index]}, {why}", path, places[index[0]])
    return given


def _complete(path: Path, found: Sequence[str], wanted: Wanted, what: str) -> None:
    for name, type in wanted.types.items():
        if name not in found:
            reads = wanted.types.items()
            said = ", ".join(f"{n}{[str(d) for d in t.shape]}".replace("'", "") for n, t in reads)
            raise DataError(
                f"there is no {what} called {name} ({type})", path, help=f"the network reads {said}"
            )
