"""MNIST and Fashion-MNIST, in the IDX files of their publishers, plain or gzipped."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from . import lazy
from .kinds import PATH
from .lazy import Array, FileArray, fill, held, parts
from .published import check_folder, folder_of
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source

MOST_PACKED = 1032  # bytes that a byte of a deflated stream may stand for

LAYOUT = (
    "the folder should hold train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte, each plain or as .gz"
)
FOLDERS = {
    "mnist": (".", "raw", "mnist", "MNIST", "MNIST/raw"),
    "fashion_mnist": (".", "raw", "fashion_mnist", "fashion-mnist", "FashionMNIST", "FashionMNIST/raw"),
}
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        *("t-shirt/top", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
}


def read_mnist(
    train_images: str, train_labels: str, test_images: str, test_labels: str
) -> dict[str, dict[str, np.ndarray]]:
    """Read four IDX files: a header of 16 bytes for images, 8 for labels, then a byte a pixel or label."""
    import gzip

    def read(path: str, header: int) -> np.ndarray:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    def split(images: str, labels: str) -> dict[str, np.ndarray]:
        return {"image": read(images, 16).reshape(-1, 1, 28, 28), "label": read(labels, 8)}

    return {"train": split(train_images, train_labels), "test": split(test_images, test_labels)}


def mnist(name: str, summary: str) -> Source:
    """The source of one of the two data sets, which differ in their folders and classes alone."""

    def describe(arguments: Arguments) -> Columns:
        return {
            "image": Column(np.dtype(np.uint8), (1, 28, 28)),
            "label": Column(np.dtype(np.uint8), (), CLASSES[name], 10),
        }

    def call(arguments: Arguments) -> dict[str, Any]:
        return {part: str(path) for part, path in found(arguments).items()}

    def found(arguments: Arguments) -> dict[str, Path]:
        return locate(folder_of(arguments, name, holds), FOLDERS[name])

    def holds(folder: Path) -> bool:
        return any(path.is_file() for path in locate(folder, FOLDERS[name]).values())

    def load(arguments: Arguments) -> Dataset:
        check_folder(folder_of(arguments, name, holds), arguments, name, LAYOUT)
        paths = found(arguments)
        splits: dict[str, dict[str, Array]] = {}
        for split in ("train", "test"):
            images = open_idx(paths[f"{split}_images"], 2051, (1, 28, 28))
            labels = open_idx(paths[f"{split}_labels"], 2049, ())
            if len(images) != len(labels):
                message = f"there are {len(labels)} labels for {len(images)} images"
                raise DataError(message, paths[f"{split}_labels"])
            check_labels(labels, paths[f"{split}_labels"])
            splits[split] = {"image": images, "label": labels}
        return Dataset.of(describe(arguments), held(splits))

    return Source(name, summary, (Parameter("folder", PATH, None),), describe, load, read_mnist, call)


def locate(folder: Path, below: tuple[str, ...]) -> dict[str, Path]:
    """The path of each of the four files, however spelt; as its publishers spell it if it is missing."""
    found: dict[str, Path] = {}
    for part, stem, kind in (
        ("train_images", "train-images", "idx3-ubyte"),
        ("train_labels", "train-labels", "idx1-ubyte"),
        ("test_images", "t10k-images", "idx3-ubyte"),
        ("test_labels", "t10k-labels", "idx1-ubyte"),
    ):
        spellings = [f"{stem}{mark}{kind}{end}" for end in ("", ".gz") for mark in "-."]
        paths = (folder / inner / spelling for inner in below for spelling in spellings)
        found[part] = next((path for path in paths if path.is_file()), folder / spellings[0])
    return found


def open_idx(path: Path, magic: int, sample: tuple[int, ...]) -> Array:
    """The samples of an IDX file. Raises DataError unless the file is as its header says."""
    if not path.is_file():
        raise DataError("there is no such file", path, help=LAYOUT)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            data = file.read(4 * max(2, 1 + len(sample)))
            count = check_header(data, path, magic, sample)
            length, size = count * math.prod(sample), path.stat().st_size
            if path.suffix != ".gz":
                check_length(size, len(data) + length, path)
                return FileArray(path, len(data), np.dtype(np.uint8), (count, *sample))
            # Nothing is unpacked that a file of this size cannot hold, or that memory would not.
            if length > MOST_PACKED * size:
                raise EOFError("it cannot hold as many samples as its header says")
            if length > lazy.HELD_BYTES:
                message = f"it unpacks to {length} bytes, too many to hold in memory"
                raise DataError(message, path, help=f"unpack it, to have it read bit by bit: gunzip {path}")
            values = np.empty((count, *sample), np.uint8)
            rest = fill(file, values)
            check_length(len(data) + length - rest + len(file.read(1)), len(data) + length, path)
            return values
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"the gzip file is damaged or cut short ({error})", path) from None


def check_header(data: bytes, path: Path, magic: int, sample: tuple[int, ...]) -> int:
    """The number of samples that an IDX header tells. Raises DataError if it is another file's."""
    if len(data) < 4 * max(2, 1 + len(sample)):
        raise DataError(f"the file is cut short: {len(data)} bytes are less than its header", path)
    found, count, *sizes = (int(number) for number in np.frombuffer(data, ">u4"))
    if found != magic:
        raise DataError(f"this is no such IDX file: it starts with {found}, not {magic}", path, "byte 0")
    if tuple(sizes) != sample[1:]:
        raise DataError(f"the images are {sizes[0]} by {sizes[1]} pixels, not 28 by 28", path, "byte 8")
    if count == 0:
        raise DataError("the file holds no samples", path, "byte 4")
    return count


def check_length(found: int, expected: int, path: Path) -> None:
    """Raise DataError unless a file is as long as its header says."""
    if found != expected:
        state = "is cut short" if found < expected else "is too long"
        raise DataError(f"the file {state}: {found} bytes, not the {expected} that its header says", path)


def check_labels(labels: Array, path: Path) -> None:
    """Raise DataError at a label that is no class."""
    for begin, part in parts(labels):
        if (wrong := np.flatnonzero(part > 9)).size:
            place = f"sample {begin + int(wrong[0])}"
            raise DataError(f"label {part[wrong[0]]} is not one of 0..9", path, place)


MNIST = mnist("mnist", "70000 handwritten digits, 28 by 28 pixels, from IDX files")
FASHION_MNIST = mnist("fashion_mnist", "70000 pictures of clothes, 28 by 28 pixels, from IDX files")
