"""Arrays that NumPy has saved: the first axis of each counts the samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .kinds import PATH, TEST
from .lazy import Array, SelectedArray, held, parts
from .npy import Header, Member, members
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source


def read_npz(path: str, test: float | str | None) -> dict[str, dict[str, np.ndarray]]:
    """Read arrays by name, of an .npz file or a folder of .npy files; test_x is the column x to test with."""
    from pathlib import Path

    def read(path: str) -> dict[str, np.ndarray]:
        if Path(path).is_dir():
            return {file.stem: np.load(file) for file in sorted(Path(path).glob("*.npy"))}
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    splits: dict[str, dict[str, np.ndarray]] = {"train": {}, "valid": {}, "test": {}}
    arrays = read(path)
    for name, array in arrays.items():
        split, _, column = name.partition("_")
        if split in ("valid", "test") and column in arrays:
            splits[split][column] = array
        else:
            splits["train"][name] = array
    if isinstance(test, str):
        more = read(test)
        splits["test"] = {name: more[name] for name in splits["train"]}
    elif test:  # arrays are often sorted, so the samples to test with come from all over
        count = len(next(iter(splits["train"].values())))
        held = np.sort(np.random.default_rng(0).permutation(count)[: round(count * test)])
        splits["test"] = {name: array[held] for name, array in splits["train"].items()}
        splits["train"] = {name: np.delete(array, held, axis=0) for name, array in splits["train"].items()}
    return {split: columns for split, columns in splits.items() if columns}


@dataclass(frozen=True, slots=True)
class Files:
    """Arrays by split and column."""

    path: Path
    splits: dict[str, dict[str, Member]]


def find(arguments: Arguments) -> Files:
    """The arrays, by their headers alone. Raises DataError if they do not fit each other."""
    path, test = arguments.either("path"), arguments["test"]
    arrays = members(path)
    splits: dict[str, dict[str, Member]] = {"train": {}, "valid": {}, "test": {}}
    for name, member in arrays.items():
        split, _, column = name.partition("_")
        belongs = split in ("valid", "test") and column in arrays
        splits[split if belongs else "train"][column if belongs else name] = member
    if test and splits["test"]:
        raise DataError("the file has test arrays of its own, so test = … is one too many", path)
    for split in ("train", "valid", "test"):
        if splits[split]:
            check_split(path, "" if split == "train" else f"{split}_", splits["train"], splits[split])
    if isinstance(test, str):
        more = members(arguments.either("test"))
        check_split(arguments.either("test"), "", splits["train"], more)
        splits["test"] = {name: more[name] for name in splits["train"]}
    count = next(iter(splits["train"].values())).header.shape[0]
    if isinstance(test, float) and test and not 0 < round(count * test) < count:
        raise DataError(f"test = {test:g} of {count} samples leaves none on one side", path)
    return Files(path, {split: found for split, found in splits.items() if found})


def describe(arguments: Arguments) -> Columns:
    """The columns, from the arrays' headers alone. Raises DataError if they do not fit each other."""
    train = find(arguments).splits["train"]
    return {
        name: Column(member.header.dtype.newbyteorder("="), member.header.shape[1:])
        for name, member in train.items()
    }


def check_split(path: Path, prefix: str, train: dict[str, Member], split: dict[str, Member]) -> None:
    """Raise DataError unless a split has the columns of the training split, with as many samples in each."""
    counts = {name: split[name].header.shape[0] for name in train if name in split}
    first = next(iter(counts), None)
    for name, member in train.items():
        place = f"array '{prefix}{name}'"
        if name not in split:
            raise DataError("there is no such array", path, place)
        wanted, found = member.header, split[name].header
        if found.shape[1:] != wanted.shape[1:] or found.dtype != wanted.dtype:
            raise DataError(f"a sample is {_sample(found)}, not {_sample(wanted)}", path, place)
        if counts[name] == 0:
            raise DataError("the array is empty", path, place)
        if first is not None and counts[name] != counts[first]:
            message = f"there are {counts[name]} samples, but {counts[first]} in '{prefix}{first}'"
            raise DataError(message, path, place)


def _sample(header: Header) -> str:
    return f"{header.dtype}{list(header.shape[1:])}"


def call(arguments: Arguments) -> dict[str, Any]:
    test = arguments["test"]
    return {
        "path": str(arguments.path("path")),
        "test": str(arguments.path("test")) if isinstance(test, str) else test,
    }


def load(arguments: Arguments) -> Dataset:
    columns, found = describe(arguments), find(arguments)
    splits: dict[str, dict[str, Array]] = {
        split: {name: member.open() for name, member in arrays.items()}
        for split, arrays in found.splits.items()
    }
    test = arguments["test"]
    if isinstance(test, float) and test:  # the rows that the reader takes
        count = len(next(iter(splits["train"].values())))
        chosen = np.sort(np.random.default_rng(0).permutation(count)[: round(count * test)])
        kept = np.delete(np.arange(count), chosen)
        splits["test"] = {name: SelectedArray(array, chosen) for name, array in splits["train"].items()}
        splits["train"] = {name: SelectedArray(array, kept) for name, array in splits["train"].items()}
    splits = held(splits)
    return Dataset.of({name: _counted(column, splits, name) for name, column in columns.items()}, splits)


def _counted(column: Column, splits: Mapping[str, Mapping[str, Array]], name: str) -> Column:
    """The column with its number of classes, which the values alone tell."""
    if column.dtype.kind not in "iu" or column.shape:
        return column
    limits = [
        (int(part.min()), int(part.max())) for arrays in splits.values() for _, part in parts(arrays[name])
    ]
    if min(low for low, _ in limits) < 0:
        return column
    return Column(column.dtype, column.shape, count=max(high for _, high in limits) + 1)


NPZ = Source(
    "npz",
    "arrays saved by NumPy, an .npz file or a folder of .npy files; test_x is for the test split",
    (Parameter("path", PATH), Parameter("test", TEST, None)),
    describe,
    load,
    read_npz,
    call,
)
