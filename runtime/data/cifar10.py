"""CIFAR-10, in the binary batches of its publisher."""

from pathlib import Path
from typing import Any

import numpy as np

from .kinds import PATH
from .lazy import Array, FileArray, JoinedArray, held, parts
from .published import check_folder, folder_of
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source

BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
RECORD = 1 + 3 * 32 * 32
LAYOUT = (
    "the folder, or cifar-10-batches-bin in it, should hold data_batch_1.bin to data_batch_5.bin and "
    "test_batch.bin (cifar-10-binary.tar.gz unpacked)"
)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def read_cifar10(folder: str) -> dict[str, dict[str, np.ndarray]]:
    """Read records of a label and 3072 pixels: 32 rows of 32, first red, then green, then blue."""

    def split(*names: str) -> dict[str, np.ndarray]:
        records = [np.fromfile(f"{folder}/{name}.bin", np.uint8).reshape(-1, 3073) for name in names]
        image = np.concatenate([record[:, 1:] for record in records]).reshape(-1, 3, 32, 32)
        return {"image": image, "label": np.concatenate([record[:, 0] for record in records])}

    return {"train": split(*(f"data_batch_{i}" for i in range(1, 6))), "test": split("test_batch")}


def locate(folder: Path) -> Path:
    """The folder of the batches: this one, or the one that the archive unpacks to."""
    below = folder / "cifar-10-batches-bin"
    return below if below.is_dir() and not (folder / BATCHES[0]).exists() else folder


def found(arguments: Arguments) -> Path:
    def holds(folder: Path) -> bool:
        return any((locate(folder) / name).is_file() for name in BATCHES)

    return locate(folder_of(arguments, "cifar10", holds))


def describe(arguments: Arguments) -> Columns:
    return {
        "image": Column(np.dtype(np.uint8), (3, 32, 32)),
        "label": Column(np.dtype(np.uint8), (), names(found(arguments)), 10),
    }


def names(folder: Path) -> tuple[str, ...]:
    """The classes that the data set's own list names, or those of the publisher if it has none that fits."""
    try:
        listed = tuple((folder / "batches.meta.txt").read_text("utf-8").split())
    except (OSError, UnicodeDecodeError):
        return CLASSES
    return listed if len(set(listed)) == 10 else CLASSES


def call(arguments: Arguments) -> dict[str, Any]:
    return {"folder": str(found(arguments))}


def load(arguments: Arguments) -> Dataset:
    folder = found(arguments)
    check_folder(folder, arguments, "cifar10", LAYOUT)
    records = [open_batch(folder / name) for name in BATCHES]

    def split(files: list[dict[str, FileArray]]) -> dict[str, Array]:
        return {name: JoinedArray([file[name] for file in files]) for name in files[0]}

    return Dataset.of(describe(arguments), held({"train": split(records[:5]), "test": split(records[5:])}))


def open_batch(path: Path) -> dict[str, FileArray]:
    """The images and labels of a file. Raises DataError unless it is whole and its labels are classes."""
    if not path.is_file():
        raise DataError("there is no such file", path, help=LAYOUT)
    count, rest = divmod(path.stat().st_size, RECORD)
    if count == rest == 0:
        raise DataError("the file is empty", path)
    if rest:
        message = f"the file is cut short: {count * RECORD + rest} bytes are no multiple of {RECORD}"
        raise DataError(message, path, f"record {count}")
    dtype = np.dtype(np.uint8)
    images = FileArray(path, 1, dtype, (count, 3, 32, 32), RECORD)
    labels = FileArray(path, 0, dtype, (count,), RECORD)
    for begin, part in parts(labels):
        if (wrong := np.flatnonzero(part > 9)).size:
            place = f"record {begin + int(wrong[0])}"
            raise DataError(f"label {part[wrong[0]]} is not one of 0..9", path, place)
    return {"image": images, "label": labels}


CIFAR10 = Source(
    "cifar10",
    "60000 colour pictures of ten kinds of things, 32 by 32 pixels, from binary batches",
    (Parameter("folder", PATH, None),),
    describe,
    load,
    read_cifar10,
    call,
)
