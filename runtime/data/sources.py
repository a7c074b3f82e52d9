"""The data sources by name, and how one is opened."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cifar10 import CIFAR10
from .csv_file import CSV
from .digits import DIGITS
from .image_folder import IMAGES
from .iris import IRIS
from .mnist import FASHION_MNIST, MNIST
from .npz_file import NPZ
from .source import Arguments, Columns, DataError, Dataset, Source, nearest
from .text_file import TEXT_FILE
from .toys import TOYS

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (DIGITS, IRIS, *TOYS, CSV, NPZ, TEXT_FILE, IMAGES, MNIST, FASHION_MNIST, CIFAR10)
}


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source with the arguments of one data block."""

    source: Source
    arguments: Arguments

    def describe(self) -> Columns:
        """The columns, by as little reading as tells them. Raises DataError."""
        with self._refusals():
            return self.source.describe(self.arguments)

    def load(self) -> Dataset:
        """The data, checked. Its columns may know more than describe()'s. Raises DataError."""
        with self._refusals():
            return self.source.load(self.arguments)

    def call(self) -> dict[str, Any]:
        """The keyword arguments for the source's pure function; the data may be missing."""
        with self._refusals():
            return self.source.call(self.arguments)

    @contextmanager
    def _refusals(self) -> Generator[None]:
        """What the system refuses (a folder that may not be read, a path that is too long) is a DataError."""
        try:
            yield
        except OSError as error:
            raise DataError(error.strerror or str(error), error.filename) from None
        except MemoryError:
            named = [name for name in ("path", "folder") if self.arguments.values.get(name) is not None]
            path = self.arguments.path(named[0]) if named else None
            raise DataError("the memory does not suffice to read the data", path) from None


def open_source(
    name: str, positional: Sequence[Any], keywords: Mapping[str, Any], base: Path, length: int | None = None
) -> OpenSource:
    """The source that a data block names, as `base`, the folder of its file, sees it.

    length: T, the length of the network's token sequences, which the source `text` cuts its windows by.
    Raises DataError for an unknown source and for wrong arguments, before anything is read.
    """
    if name not in SOURCES:
        help = nearest(name, list(SOURCES)) or f"the sources are {', '.join(SOURCES)}"
        raise DataError(f"there is no data source called {name}", help=help)
    return OpenSource(SOURCES[name], SOURCES[name].bind(positional, keywords, base, length))
