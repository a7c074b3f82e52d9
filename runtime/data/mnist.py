"""MNIST and Fashion-MNIST, in the IDX files of their publishers, plain or gzipped."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .kinds import PATH
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source, contents

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
        return {part: str(path) for part, path in locate(arguments.path("folder"), FOLDERS[name]).items()}

    def load(arguments: Arguments) -> Dataset:
        paths = locate(arguments.folder("folder", LAYOUT), FOLDERS[name])
        for split in ("train", "test"):
            images = check(paths[f"{split}_images"], magic=2051, sample=(28, 28))
            labels = check(paths[f"{split}_labels"], magic=2049, sample=())
            if images != labels:
                message = f"there are {labels} labels for {images} images"
                raise DataError(message, paths[f"{split}_labels"])
        return Dataset.of(describe(arguments), read_mnist(**call(arguments)))

    return Source(name, summary, (Parameter("folder", PATH),), describe, load, read_mnist, call)


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


def check(path: Path, magic: int, sample: tuple[int, ...]) -> int:
    """The number of samples of an IDX file. Raises DataError unless all of it is as its header says."""
    if not path.is_file():
        raise DataError("there is no such file", path, help=LAYOUT)
    data = contents(path)
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"the gzip file is damaged or cut short ({error})", path) from None
    header = 4 * (2 + len(sample))
    if len(data) < header:
        raise DataError(f"the file is cut short: {len(data)} bytes are less than its header", path)
    found, count, *sizes = (int(number) for number in np.frombuffer(data[:header], ">u4"))
    if found != magic:
        raise DataError(f"this is no such IDX file: it starts with {found}, not {magic}", path, "byte 0")
    if tuple(sizes) != sample:
        raise DataError(f"the images are {sizes[0]} by {sizes[1]} pixels, not 28 by 28", path, "byte 8")
    if count == 0:
        raise DataError("the file holds no samples", path, "byte 4")
    expected = header + count * int(np.prod(sample))
    if len(data) != expected:
        state = "is cut short" if len(data) < expected else "is too long"
        raise DataError(f"the file {state}: {len(data)} bytes, not the {expected} that its header says", path)
    if not sample and (wrong := np.flatnonzero(np.frombuffer(data, np.uint8, offset=header) > 9)).size:
        label = data[header + int(wrong[0])]
        raise DataError(f"label {label} is not one of 0..9", path, f"sample {wrong[0]}")
    return count


MNIST = mnist("mnist", "70000 handwritten digits, 28 by 28 pixels, from IDX files")
FASHION_MNIST = mnist("fashion_mnist", "70000 pictures of clothes, 28 by 28 pixels, from IDX files")
