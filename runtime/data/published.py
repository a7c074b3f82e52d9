"""Data sets that others publish: their addresses and digests, and where a copy of them is kept.

The sizes and SHA-256 of what is downloaded are those of TensorFlow Datasets (mnist.txt, fashion_mnist.txt and
cifar10.txt of tensorflow_datasets/url_checksums); those of CIFAR-10's unpacked files also stand in
TorchVision for Ruby (lib/torchvision/datasets/cifar10.rb).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...grammar.store import cache_folder
from .errors import DataError
from .source import Arguments


@dataclass(frozen=True, slots=True)
class File:
    name: str  # of its place in the data set's folder
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file at one of several addresses; an archive if it has members, which are what is kept of it."""

    file: File
    addresses: tuple[str, ...]
    members: tuple[File, ...] = ()


# The author's own address, yann.lecun.com/exdb/mnist, refuses since 2024. CVDF's copy was made with his help.
_MNIST = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
# The same bucket twice: the address that Zalando gives, which knows no https, comes second.
_FASHION = (
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_BATCHES = "cifar-10-batches-bin/"


def _files(bases: tuple[str, ...], *files: tuple[str, int, str]) -> tuple[Download, ...]:
    return tuple(Download(File(*file), tuple(base + file[0] for base in bases)) for file in files)


def _batch(name: str, sha256: str) -> File:
    return File(f"{_BATCHES}{name}.bin", 30730000, sha256)


PUBLISHED: dict[str, tuple[Download, ...]] = {
    "mnist": _files(
        _MNIST,
        (
            "train-images-idx3-ubyte.gz",
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion_mnist": _files(
        _FASHION,
        (
            "train-images-idx3-ubyte.gz",
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "cifar10": (
        Download(
            File(
                "cifar-10-binary.tar.gz",
                170052171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
            ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
            (
                _batch("data_batch_1", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
                _batch("data_batch_2", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
                _batch("data_batch_3", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
                _batch("data_batch_4", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
                _batch("data_batch_5", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
                _batch("test_batch", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
            ),
        ),
    ),
}


def folder_of(arguments: Arguments, name: str, holds: Callable[[Path], bool]) -> Path:
    """The folder that a data block names; the cache's if it names none, or one without any of the files."""
    kept = cache_folder(name)
    if arguments["folder"] is None:
        return kept
    named = arguments.path("folder")
    return kept if not holds(named) and holds(kept) else named


def check_folder(folder: Path, arguments: Arguments, name: str, layout: str) -> None:
    """Raise DataError, with what to do, unless the folder is there."""
    fetch = f"netc data fetch {name} fetches the data set to where it is found"
    if arguments["folder"] is None and not folder.is_dir():
        raise DataError(f"{name} has not been fetched yet", folder, help=fetch)
    if not folder.is_dir():
        try:
            arguments.folder("folder", layout)
        except DataError as error:
            raise DataError(error.message, error.path, error.place, f"{fetch}; {error.help}") from None
