"""Arrays that NumPy has saved: the first axis of each counts the samples."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .kinds import PATH, TEST
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source


def read_npz(path: str, test: float | str | None) -> dict[str, dict[str, np.ndarray]]:
    """Read arrays by name; test_x and valid_x are the column x of those splits."""
    splits: dict[str, dict[str, np.ndarray]] = {"train": {}, "valid": {}, "test": {}}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            split, _, column = name.partition("_")
            if split in ("valid", "test") and column in file.files:
                splits[split][column] = file[name]
            else:
                splits["train"][name] = file[name]
    if isinstance(test, str):
        with np.load(test, allow_pickle=False) as file:
            splits["test"] = {name: file[name] for name in splits["train"]}
    elif test:  # arrays are often sorted, so the samples to test with come from all over
        count = len(next(iter(splits["train"].values())))
        held = np.sort(np.random.default_rng(0).permutation(count)[: round(count * test)])
        splits["test"] = {name: array[held] for name, array in splits["train"].items()}
        splits["train"] = {name: np.delete(array, held, axis=0) for name, array in splits["train"].items()}
    return {split: columns for split, columns in splits.items() if columns}


# What a damaged or encrypted archive raises. RuntimeError is zipfile's word for what it does not support.
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError)
Header = tuple[tuple[int, ...], np.dtype[Any]]


def headers(path: Path) -> dict[str, Header]:
    """The shape and dtype of each array of a file, without its values. Raises DataError."""
    found: dict[str, Header] = {}
    name = None
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                name = entry.removesuffix(".npy")
                with archive.open(entry) as file:
                    version = np.lib.format.read_magic(file)
                    read = {(1, 0): np.lib.format.read_array_header_1_0}
                    shape, _, dtype = read.get(version, np.lib.format.read_array_header_2_0)(file)
                found[name] = shape, dtype
    except DAMAGE as error:
        place = None if name is None else f"array '{name}'"
        raise DataError(f"this is no whole .npz file ({error})", path, place) from None
    if not found:
        raise DataError("the file holds no arrays", path)
    for name, (shape, dtype) in found.items():
        if dtype.kind not in "biuf":
            raise DataError(f"{dtype} is no type of numbers", path, f"array '{name}'")
        if not shape:
            raise DataError("a single number has no axis of samples", path, f"array '{name}'")
    return found


def split_of(name: str, names: dict[str, Header]) -> tuple[str, str]:
    """The split and the column that an array belongs to: test_x is x of test if there is an x."""
    split, _, column = name.partition("_")
    return (split, column) if split in ("valid", "test") and column in names else ("train", name)


def describe(arguments: Arguments) -> Columns:
    """The columns, from the arrays' headers alone. Raises DataError if they do not fit each other."""
    path, test = arguments.file("path"), arguments["test"]
    arrays = headers(path)
    splits: dict[str, dict[str, Header]] = {"train": {}, "valid": {}, "test": {}}
    for name, header in arrays.items():
        split, column = split_of(name, arrays)
        splits[split][column] = header
    if test and splits["test"]:
        raise DataError("the file has test arrays of its own, so test = … is one too many", path)
    if isinstance(test, str):
        check_split(arguments.file("test"), "", splits["train"], headers(arguments.file("test")))
    for split in ("train", "valid", "test"):
        if splits[split]:
            check_split(path, "" if split == "train" else f"{split}_", splits["train"], splits[split])
    count = next(iter(splits["train"].values()))[0][0]
    if isinstance(test, float) and test and not 0 < round(count * test) < count:
        raise DataError(f"test = {test:g} of {count} samples leaves none on one side", path)
    return {
        name: Column(dtype.newbyteorder("="), shape[1:]) for name, (shape, dtype) in splits["train"].items()
    }


def check_split(path: Path, prefix: str, train: dict[str, Header], split: dict[str, Header]) -> None:
    """Raise DataError unless a split has the columns of the training split, with as many samples in each."""
    counts = {name: split[name][0][0] for name in train if name in split}
    first = next(iter(counts), None)
    for name, (shape, dtype) in train.items():
        place = f"array '{prefix}{name}'"
        if name not in split:
            raise DataError("there is no such array", path, place)
        found, sort = split[name]
        if found[1:] != shape[1:] or sort != dtype:
            raise DataError(f"a sample is {sort}{list(found[1:])}, not {dtype}{list(shape[1:])}", path, place)
        if counts[name] == 0:
            raise DataError("the array is empty", path, place)
        if first is not None and counts[name] != counts[first]:
            message = f"there are {counts[name]} samples, but {counts[first]} in '{prefix}{first}'"
            raise DataError(message, path, place)


def call(arguments: Arguments) -> dict[str, Any]:
    test = arguments["test"]
    return {
        "path": str(arguments.path("path")),
        "test": str(arguments.path("test")) if isinstance(test, str) else test,
    }


def load(arguments: Arguments) -> Dataset:
    columns = describe(arguments)
    path = arguments.path("path")
    try:
        splits = read_npz(**call(arguments))
    except DAMAGE as error:
        raise DataError(f"the arrays cannot be read ({error})", path) from None
    for split, arrays in splits.items():
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                index = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
                place = f"array '{name}' of the {split} split, index {index}"
                raise DataError(f"{array[tuple(index)]} is not a finite number", path, place)
            if array.dtype != columns[name].dtype:
                arrays[name] = array.astype(columns[name].dtype)  # the machine's own byte order
    return Dataset.of({name: _counted(column, splits, name) for name, column in columns.items()}, splits)


def _counted(column: Column, splits: dict[str, dict[str, np.ndarray]], name: str) -> Column:
    """The column with its number of classes, which the values alone tell."""
    values = [arrays[name] for arrays in splits.values()]
    if column.dtype.kind not in "iu" or column.shape or min(array.min() for array in values) < 0:
        return column
    return Column(column.dtype, column.shape, count=int(max(array.max() for array in values)) + 1)


NPZ = Source(
    "npz",
    "arrays saved by NumPy, by name; test_x and valid_x belong to those splits",
    (Parameter("path", PATH), Parameter("test", TEST, None)),
    describe,
    load,
    read_npz,
    call,
)
