"""What every data source shares: its arguments, the columns that it offers, and its errors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError
from .lazy import Array, parts


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of a column before its data are read."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]  # of one sample
    classes: tuple[str, ...] | None = None  # the names of the classes of an integer column
    count: int | None = None  # its integers are 0..count-1
    sequence: bool = False  # a window of T + 1 tokens: [:-1] is the input, [1:] what follows it


Columns = Mapping[str, Column]
Split = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Arrays [n, …] by column, one mapping a split: read-only, strided views, or read when asked for."""

    columns: Columns
    train: Split
    valid: Split | None = None
    test: Split | None = None

    @classmethod
    def of(cls, columns: Columns, splits: Mapping[str, Split]) -> "Dataset":
        return cls(columns, splits["train"], splits.get("valid"), splits.get("test"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of argument: how errors call it, and its conversion, which raises ValueError for others."""

    expected: str
    convert: Callable[[Any], Any]


REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: Kind
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Arguments:
    """The values of a source's parameters, checked and complete."""

    values: Mapping[str, Any]
    base: Path  # the folder of the .net file
    length: int | None = None  # T, from the shape of the network's token input

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def path(self, name: str) -> Path:
        """The path as seen from the .net file, or else from the working directory."""
        given: str = self.values[name]
        path = Path.home() / given[2:] if given.startswith("~/") else Path(given)
        beside, here = self.base / path, Path.cwd() / path
        return here if here.exists() and not beside.exists() else beside

    def file(self, name: str) -> Path:
        """The path of a file that exists. Raises DataError."""
        path = self.path(name)
        if path.is_dir():
            raise DataError("this is a folder, where a file is needed", path)
        if not path.is_file():
            raise DataError("there is no such file", path, help=self._searched())
        return path

    def either(self, name: str) -> Path:
        """The path of a file or folder that exists. Raises DataError."""
        return self.path(name) if self.path(name).is_dir() else self.file(name)

    def folder(self, name: str, layout: str) -> Path:
        """The path of a folder that exists. Raises DataError, with the layout that it should have."""
        path = self.path(name)
        if path.is_file():
            raise DataError("this is a file, where a folder is needed", path, help=layout)
        if not path.is_dir():
            raise DataError("there is no such folder", path, help=f"{layout}; {self._searched()}")
        return path

    def _searched(self) -> str:
        return f"a relative path starts at the .net file ({self.base.absolute()}) or at {Path.cwd()}"


@dataclass(frozen=True, slots=True)
class Source:
    """A place that data come from.

    describe gives the columns, by as little reading as tells them; load checks the data and reads them.
    read, which does the reading, needs NumPy and the standard library alone, so that a generated program
    can hold its text; call gives its keyword arguments, and reads nothing.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    describe: Callable[[Arguments], Columns]
    load: Callable[[Arguments], Dataset]
    read: Callable[..., dict[str, dict[str, np.ndarray]]]
    call: Callable[[Arguments], dict[str, Any]]

    @property
    def signature(self) -> str:
        """How the source is written in a .net file, with its defaults."""
        return f"{self.name}({', '.join(_written(parameter) for parameter in self.parameters)})"

    def bind(
        self, positional: Sequence[Any], keywords: Mapping[str, Any], base: Path, length: int | None = None
    ) -> Arguments:
        """Match what is written to the parameters. Raises DataError."""
        usage = f"write {self.signature}"
        names = [parameter.name for parameter in self.parameters]
        if len(positional) > len(names):
            raise DataError(f"{self.name} takes {_counted(len(names))}, not {len(positional)}", help=usage)
        given = dict(zip(names, positional, strict=False))
        for name, value in keywords.items():
            if name not in names:
                near = nearest(name, names)
                raise DataError(f"{self.name} has no argument named {name}", help=near or usage)
            if name in given:
                raise DataError(f"{self.name} is given {name} twice", help=usage)
            given[name] = value
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name not in given:
                if parameter.default is REQUIRED:
                    raise DataError(f"{self.name} needs {parameter.name}", help=usage)
                values[parameter.name] = parameter.default
                continue
            value = given[parameter.name]
            try:
                values[parameter.name] = parameter.kind.convert(value)
            except (ValueError, TypeError, OverflowError):
                wanted = f"{parameter.name} of {self.name} should be {parameter.kind.expected}"
                raise DataError(f"{wanted}, not {value!r}", help=usage) from None
        return Arguments(values, base, length)


def nearest(name: str, known: Sequence[str]) -> str | None:
    """Help for a mistyped name: the nearest of those known, if one is near."""
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else None


def decode(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark, line ends as \\n. Raises DataError."""
    data = contents(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        place = f"line {line}, byte {error.start}"
        raise DataError("the text is not UTF-8", path, place, help="save the file as UTF-8") from None
    if (at := text.find("\0")) >= 0:
        place = f"line {text.count(chr(10), 0, at) + 1}"
        raise DataError("the file holds a zero byte, and is no UTF-8 text", path, place, "save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def contents(path: Path) -> bytes:
    """The bytes of a file. Raises DataError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror})", path) from None


def check_classes(dataset: Dataset, name: str, count: int) -> None:
    """Raise DataError, with the index of the sample, unless the integers of a column are 0..count-1."""
    for split in ("train", "valid", "test"):
        arrays: Split | None = getattr(dataset, split)
        if arrays is not None:
            check_parts(parts(arrays[name]), split, name, count)


def check_parts(values: Iterable[tuple[int, np.ndarray]], split: str, name: str, count: int) -> None:
    """The same for the parts of a split, each with the number of its first sample."""
    for begin, part in values:
        wrong = (part < 0) | (part >= count)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = f"{split} split, sample {begin + index[0]}"
            raise DataError(f"{name} is {part[index]}, but the classes are 0..{count - 1}", place=place)


def _written(parameter: Parameter) -> str:
    match parameter.default:
        case bool() as flag:
            return f"{parameter.name} = {str(flag).lower()}"
        case None:
            return f"{parameter.name} = none"
        case str() as text:
            return f'{parameter.name} = "{text}"'
        case default:
            return parameter.name if default is REQUIRED else f"{parameter.name} = {default}"


def _counted(count: int) -> str:
    return "no arguments" if count == 0 else "one argument" if count == 1 else f"at most {count} arguments"
