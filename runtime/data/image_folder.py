"""Folders of pictures, one for each class."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .kinds import CHANNELS, PATH, SIZE
from .lazy import Array, LazyArray, held
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MOST_PIXELS = 1 << 26  # of one picture
LAYOUT = "the folder, or train and test in it, should hold a sub-folder of pictures for each class"
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_images(
    folder: str, size: list[int], channels: int, suffixes: tuple[str, ...]
) -> dict[str, dict[str, np.ndarray]]:
    """Read the pictures of a folder a class, resized to [height, width]; needs Pillow."""
    from pathlib import Path

    from PIL import Image

    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    height, width = size

    def picture(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            if image.mode[0] == "I":  # 16 bits, of which the upper 8 are taken
                image = Image.fromarray(np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8))
            resized = image.convert(mode).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(resized).reshape(height, width, channels).transpose(2, 0, 1)

    def split(root: Path) -> dict[str, np.ndarray]:
        classes = sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
        found = [sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes) for path in classes]
        image = np.empty((sum(map(len, found)), channels, height, width), np.uint8)
        for i, path in enumerate(path for paths in found for path in paths):
            image[i] = picture(path)
        label = np.repeat(np.arange(len(classes)), [len(paths) for paths in found])
        return {"image": image, "label": label.astype(np.min_scalar_type(len(classes) - 1))}

    if not (Path(folder) / "train").is_dir():
        return {"train": split(Path(folder))}
    splits = {name: Path(folder) / name for name in ("train", "valid", "test")}
    return {name: split(path) for name, path in splits.items() if path.is_dir()}


def classes(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def roots(folder: Path) -> list[Path]:
    """The folders that hold the classes: one for each split, or the folder itself for the training split."""
    if not (folder / "train").is_dir():
        return [folder]
    return [folder / name for name in ("train", "valid", "test") if (folder / name).is_dir()]


def describe(arguments: Arguments) -> Columns:
    """The columns, with the names of the sub-folders as classes. Raises DataError if these do not fit."""
    first, *others = roots(arguments.folder("folder", LAYOUT))
    names = tuple(path.name for path in classes(first))
    if not names:
        raise DataError("there are no sub-folders", first, help=LAYOUT)
    for root in others:
        found = tuple(path.name for path in classes(root))
        if different := sorted(set(names) ^ set(found)):
            state = "has no folder" if different[0] in names else "has a folder"
            raise DataError(f"this split {state} {different[0]}, unlike {first}", root, help=LAYOUT)
    for name in names:
        if not _is_text(name):
            raise DataError("the name of a class is not UTF-8", first / name, help="rename the folder")
    for root in (first, *others):
        for path in classes(root):
            if not pictures(path):
                raise DataError("there are no pictures", path, help=f"netc reads {', '.join(SUFFIXES)}")
    label = np.min_scalar_type(len(names) - 1)
    return {
        "image": Column(np.dtype(np.uint8), (arguments["channels"], *arguments["size"])),
        "label": Column(label, (), names, len(names)),
    }


def _is_text(name: str) -> bool:
    """Whether a name is text, and not bytes that Python keeps as halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def call(arguments: Arguments) -> dict[str, Any]:
    return {
        "folder": str(arguments.path("folder")),
        "size": arguments["size"],
        "channels": arguments["channels"],
        "suffixes": SUFFIXES,
    }


def load(arguments: Arguments) -> Dataset:
    if find_spec("PIL") is None:
        raise DataError(
            "images needs Pillow, which is not installed", help="install it: pip install netc[images]"
        )
    columns = describe(arguments)
    splits: dict[str, dict[str, Array]] = {}
    for root in roots(arguments.path("folder")):
        found = [pictures(path) for path in classes(root)]
        label = np.repeat(np.arange(len(found)), [len(paths) for paths in found]).astype(
            columns["label"].dtype
        )
        image = Pictures([path for paths in found for path in paths], columns["image"].shape)
        splits["train" if root == arguments.path("folder") else root.name] = {"image": image, "label": label}
    return Dataset.of(columns, held(splits))


class Pictures(LazyArray):
    """Pictures that are decoded and resized when they are asked for: uint8[n, channels, height, width]."""

    def __init__(self, paths: Sequence[Path], shape: tuple[int, ...]) -> None:
        """Raises DataError at a file that does not begin as a picture does."""
        super().__init__(np.dtype(np.uint8), (len(paths), *shape))
        self._paths = paths
        self.sizes: list[tuple[int, int]] = []  # width and height, before they are resized
        for path in paths:
            with _opened(path) as image:
                self.sizes.append(image.size)

    def read(self, begin: int, out: np.ndarray) -> None:
        from PIL import Image

        channels, height, width = self.shape[1:]
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        for place, path in zip(out, self._paths[begin : begin + len(out)], strict=True):
            with _opened(path) as image:
                resized = _eight_bits(image).convert(mode).resize((width, height), Image.Resampling.BILINEAR)
            place[...] = np.asarray(resized).reshape(height, width, channels).transpose(2, 0, 1)


def _eight_bits(image: "Image") -> "Image":
    """Of 16 bits the upper 8: Pillow would make nearly all of such a picture white."""
    from PIL import Image

    if image.mode[0] != "I":
        return image
    return Image.fromarray(np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8))


@contextmanager
def _opened(path: Path) -> Generator["ImageFile"]:
    """A picture, to be decoded. Raises DataError where it cannot be, or would need too much memory."""
    from PIL import Image

    if not path.is_file():  # a pipe, which would be waited for
        raise DataError("this is no file", path)
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width} by {image.height} pixels, too many")
            yield image
    except Exception as error:  # what a decoder raises for a damaged picture depends on its format
        raise DataError(f"the picture cannot be read ({error})", path) from None


IMAGES = Source(
    "images",
    "pictures in a folder for each class, resized; needs Pillow",
    (Parameter("folder", PATH), Parameter("size", SIZE), Parameter("channels", CHANNELS, 3)),
    describe,
    load,
    read_images,
    call,
)
