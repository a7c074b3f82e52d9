"""Tables with a row a sample, as text with commas or another delimiter."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from .kinds import DELIMITER, FLAG, NAMES, PATH, TEST, TEXT
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source, decode, nearest


def read_csv(
    path: str, label: str | None, test: float | str | None, delimiter: str, header: bool, skip: list[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Read a table: an array a column, named by its header, and `features`, the numeric ones side by side."""
    import csv
    import re
    from pathlib import Path

    def read(name: str) -> list[list[str]]:
        with Path(name).open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file, delimiter=delimiter) if row]

    def convert(cells: list[str]) -> np.ndarray:
        for number, dtype in ((int, np.int64), (float, np.float32)):
            try:
                return np.array([number(cell) for cell in cells], dtype)
            except (ValueError, OverflowError):
                pass
        names, index = np.unique([cell.strip() for cell in cells], return_inverse=True)
        return index.astype(np.min_scalar_type(len(names) - 1))  # a name's place in the alphabet

    def identifier(name: str) -> str:
        return re.sub(r"^(?=\d)", "c", re.sub(r"\W+", "_", name).strip("_"))

    rows = read(path)
    names = [identifier(name) for name in (rows.pop(0) if header else map(str, range(1, len(rows[0]) + 1)))]
    count = len(rows)
    if isinstance(test, str):
        rows += read(test)[header:]
        held = np.arange(count, len(rows))
    else:  # tables are often sorted, so the rows to test with come from all over
        held = np.sort(np.random.default_rng(0).permutation(count)[: round(count * (test or 0))])
    kept = np.delete(np.arange(len(rows)), held)

    cells = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns = {name: convert(cells[name]) for name in names if name not in skip}
    if label is not None:
        columns["label"] = columns[label]
    numeric = [name for name in columns if name not in (label, "label") and columns[name].dtype.kind in "if"]
    if numeric and "features" not in columns:
        columns["features"] = np.stack([columns[name] for name in numeric], axis=1).astype(np.float32)
    splits = {"train": {name: columns[name][kept] for name in columns}}
    if len(held):
        splits["test"] = {name: columns[name][held] for name in columns}
    return splits


@dataclass(frozen=True, slots=True)
class Table:
    path: Path
    delimiter: str
    header: bool
    names: list[str]  # as expressions call the columns
    columns: list[tuple[str, ...]]  # the cells, by column

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return list(zip(*self.columns, strict=True))

    @property
    def lines(self) -> list[int]:
        """Where each row ends, for which the file is read again. Raises DataError."""
        return [line for line, _ in islice(_rows(self.path, self.delimiter), int(self.header), None)]

    def line(self, row: int) -> int:
        """Where one row ends; row -1 is the header. Raises DataError."""
        return next(islice(_rows(self.path, self.delimiter), row + self.header, None))[0]


@dataclass(frozen=True, slots=True)
class Values:
    """A column, and its values in all tables."""

    column: Column
    array: np.ndarray


def parse(path: Path, delimiter: str, header: bool) -> Table:
    """The cells of a table. Raises DataError unless each row has a cell for each of the distinct names."""
    rows = [row for _, row in _rows(path, delimiter)]
    if not rows:
        raise DataError("the file is empty", path)
    first = f"line {next(_rows(path, delimiter))[0]}"
    heads = rows[0]
    if len(heads) == 1 and (others := [mark for mark in ";\t|," if mark in heads[0]]):
        mend = 'write delimiter = "tab"' if others[0] == "\t" else f'write delimiter = "{others[0]}"'
        raise DataError(f"the cells are not separated by {delimiter!r}", path, first, help=mend)
    if header:
        rows = rows[1:]
        if all(_number(cell) is not None for cell in heads):
            message = "the first line should name the columns, but it holds numbers alone"
            raise DataError(message, path, first, help="write header = false if there are no names")
        if not rows:
            raise DataError("there are no rows below the header", path, first)
    names = [identifier(name) for name in (heads if header else map(str, range(1, len(heads) + 1)))]
    for i, name in enumerate(names):
        if not name:
            raise DataError(f"column {i + 1} has no name", path, first)
        if name in names[:i]:
            raise DataError(f"two columns are called {name}", path, first)
    try:
        return Table(path, delimiter, header, names, [cells[1:] for cells in zip(names, *rows, strict=True)])
    except ValueError:
        at = next(i for i, row in enumerate(rows) if len(row) != len(names))
    message = f"there are {len(rows[at])} cells in this row, but {len(names)} columns"
    raise DataError(message, path, f"line {Table(path, delimiter, header, names, []).line(at)}")


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, and the line at which each ends. Raises DataError."""
    reader = csv.reader(io.StringIO(decode(path), newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"the table cannot be read ({error})", path, f"line {reader.line_num}") from None


def identifier(name: str) -> str:
    """A header as a name of the language: `sepal length (cm)` is sepal_length_cm, `2` is c2."""
    return re.sub(r"^(?=\d)", "c", re.sub(r"\W+", "_", name).strip("_"))


def infer(name: str, tables: Sequence[Table]) -> Values:
    """What a column holds: integers, numbers, or the names of classes.

    Raises DataError at an empty cell, a number that float32 does not hold, and a cell that is no number in a
    column where more than half of the cells are numbers.
    """
    cells = [cell for table in tables for cell in table.columns[table.names.index(name)]]
    try:
        numbers = np.array(list(map(float, cells)))
    except ValueError:
        return _named(name, tables, cells)
    wrong = ~(np.abs(numbers) <= np.finfo(np.float32).max)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise _at(f"{cells[at].strip()} is not a finite float32", name, tables, at)
    try:
        integers = np.array(list(map(int, cells)), np.int64)
    except (ValueError, OverflowError):
        return Values(Column(np.dtype(np.float32), ()), numbers.astype(np.float32))
    count = int(integers.max()) + 1 if integers.min() >= 0 else None
    return Values(Column(integers.dtype, (), None, count), integers)


def _named(name: str, tables: Sequence[Table], cells: list[str]) -> Values:
    """The values of a column that does not hold numbers alone."""
    names = [cell.strip() for cell in cells]
    counts = Counter(names)
    numeric = 2 * sum(count for cell, count in counts.items() if _number(cell) is not None) > len(names)
    if "" in counts:
        raise _at("the cell is empty", name, tables, names.index(""))
    if numeric:
        at = next(i for i, cell in enumerate(names) if _number(cell) is None)
        raise _at(f"{names[at]!r} is not a number", name, tables, at)
    classes = tuple(sorted(counts))
    numbers = {cell: number for number, cell in enumerate(classes)}
    dtype = np.min_scalar_type(len(classes) - 1)
    return Values(
        Column(dtype, (), classes, len(classes)), np.array([numbers[cell] for cell in names], dtype)
    )


def _at(message: str, name: str, tables: Sequence[Table], at: int) -> DataError:
    """An error at a cell of a column, by its place among those of all tables."""
    table = tables[0]
    for table in tables:
        if at < len(table.columns[0]):
            break
        at -= len(table.columns[0])
    mend = f'mend the cell, or leave the column out: skip = "{name}"'
    return DataError(message, table.path, f"line {table.line(at)}, column '{name}'", mend)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def call(arguments: Arguments) -> dict[str, Any]:
    label, test = arguments["label"], arguments["test"]
    return {
        "path": str(arguments.path("path")),
        "label": None if label is None else identifier(label),
        "test": str(arguments.path("test")) if isinstance(test, str) else test,
        "delimiter": arguments["delimiter"],
        "header": arguments["header"],
        "skip": [identifier(name) for name in arguments["skip"]],
    }


def describe(arguments: Arguments) -> Columns:
    """The columns, for which all of the table is read. Raises DataError for whatever is wrong with it."""
    return {name: values.column for name, values in contents(arguments)[0].items()}


def load(arguments: Arguments) -> Dataset:
    columns, train, test = contents(arguments)
    splits = {"train": {name: values.array[train] for name, values in columns.items()}}
    if len(test):
        splits["test"] = {name: values.array[test] for name, values in columns.items()}
    return Dataset.of({name: values.column for name, values in columns.items()}, splits)


def contents(arguments: Arguments) -> tuple[dict[str, Values], np.ndarray, np.ndarray]:
    """The columns over all tables, and the rows to train and to test with. Raises DataError."""
    test = arguments["test"]
    paths = [arguments.file("path"), *([arguments.file("test")] if isinstance(test, str) else [])]
    tables = [parse(path, arguments["delimiter"], arguments["header"]) for path in paths]
    path, names, count = tables[0].path, tables[0].names, len(tables[0].columns[0])
    for table in tables[1:]:
        if table.names != names:
            raise DataError(
                f"the columns are not those of {path}", table.path, f"line {table.line(-table.header)}"
            )
    if isinstance(test, float) and test and not 0 < round(count * test) < count:
        raise DataError(f"test = {test:g} of {count} rows leaves none on one side", path)
    rows = np.arange(sum(len(table.columns[0]) for table in tables))
    if isinstance(test, str):
        held = rows[count:]
    else:  # the rows that the reader takes
        held = np.sort(np.random.default_rng(0).permutation(count)[: round(count * (test or 0))])
    return columns(arguments, tables), np.delete(rows, held), held


def columns(arguments: Arguments, tables: Sequence[Table]) -> dict[str, Values]:
    """The columns that expressions may use, by name. Raises DataError."""
    path, names, keywords = tables[0].path, tables[0].names, call(arguments)
    for name in [*keywords["skip"], *([keywords["label"]] if keywords["label"] is not None else [])]:
        if name not in names:
            known = nearest(name, names) or f"the columns are {', '.join(names)}"
            raise DataError(f"there is no column '{name}'", path, help=known)
    found = {name: infer(name, tables) for name in names if name not in keywords["skip"]}
    label = keywords["label"]
    if label is not None and label not in found:
        raise DataError(f"the column '{label}' is the label, and cannot be skipped", path)
    if label not in (None, "label") and "label" in found:
        message = f"label = '{label}' hides the column that is called label"
        raise DataError(message, path, help='write skip = "label" if it is not needed')
    if label is not None:
        found["label"] = found[label]
    numeric = [n for n, v in found.items() if n not in (label, "label") and v.array.dtype.kind in "if"]
    if numeric and "features" not in found:
        features = np.stack([found[name].array for name in numeric], axis=1).astype(np.float32)
        found["features"] = Values(Column(features.dtype, features.shape[1:]), features)
    return found


CSV = Source(
    "csv",
    "a table as text: a column for each header, names as classes, and all numeric columns as features",
    (
        Parameter("path", PATH),
        Parameter("label", TEXT, None),
        Parameter("test", TEST, None),
        Parameter("delimiter", DELIMITER, ","),
        Parameter("header", FLAG, True),
        Parameter("skip", NAMES, []),
    ),
    describe,
    load,
    read_csv,
    call,
)
