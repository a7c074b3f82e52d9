"""Tables with a row a sample, as text with commas or another delimiter."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
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
    names: list[str]  # as expressions call the columns
    lines: list[int]  # where each row ends
    rows: list[list[str]]


def parse(path: Path, delimiter: str, header: bool) -> Table:
    """The cells of a table. Raises DataError unless each row has a cell for each of the distinct names."""
    reader = csv.reader(io.StringIO(decode(path), newline=""), delimiter=delimiter, strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(f"the table cannot be read ({error})", path, f"line {reader.line_num}") from None
    if not numbered:
        raise DataError("the file is empty", path)
    first, heads = numbered[0]
    if len(heads) == 1 and (others := [mark for mark in ";\t|," if mark in heads[0]]):
        mend = 'write delimiter = "tab"' if others[0] == "\t" else f'write delimiter = "{others[0]}"'
        raise DataError(f"the cells are not separated by {delimiter!r}", path, f"line {first}", help=mend)
    if header:
        numbered = numbered[1:]
        if all(_number(cell) is not None for cell in heads):
            message = "the first line should name the columns, but it holds numbers alone"
            raise DataError(message, path, f"line {first}", help="write header = false if there are no names")
        if not numbered:
            raise DataError("there are no rows below the header", path, f"line {first}")
    names = [identifier(name) for name in (heads if header else map(str, range(1, len(heads) + 1)))]
    for i, name in enumerate(names):
        if not name:
            raise DataError(f"column {i + 1} has no name", path, f"line {first}")
        if name in names[:i]:
            raise DataError(f"two columns are called {name}", path, f"line {first}")
    for line, row in numbered:
        if len(row) != len(names):
            message = f"there are {len(row)} cells in this row, but {len(names)} columns"
            raise DataError(message, path, f"line {line}")
    return Table(path, names, [line for line, _ in numbered], [row for _, row in numbered])


def identifier(name: str) -> str:
    """A header as a name of the language: `sepal length (cm)` is sepal_length_cm, `2` is c2."""
    return re.sub(r"^(?=\d)", "c", re.sub(r"\W+", "_", name).strip("_"))


def infer(name: str, tables: Sequence[Table]) -> Column:
    """What a column holds: integers, numbers, or the names of classes.

    Raises DataError at an empty cell, a number that float32 does not hold, and a cell that is no number in a
    column where more than half of the cells are numbers.
    """
    cells = [
        (table.path, f"line {line}, column '{name}'", row[table.names.index(name)].strip())
        for table in tables
        for line, row in zip(table.lines, table.rows, strict=True)
    ]
    mend = f'mend the cell, or leave the column out: skip = "{name}"'
    numbers = [_number(cell) for _, _, cell in cells]
    numeric = 2 * sum(number is not None for number in numbers) > len(cells)
    for (path, place, cell), number in zip(cells, numbers, strict=True):
        if not cell:
            raise DataError("the cell is empty", path, place, help=mend)
        if numeric and number is None:
            raise DataError(f"{cell!r} is not a number", path, place, help=mend)
        if numeric and number is not None and not abs(number) <= float(np.finfo(np.float32).max):
            raise DataError(f"{cell} is not a finite float32", path, place, help=mend)
    if not numeric:
        classes = tuple(sorted({cell for _, _, cell in cells}))
        return Column(np.min_scalar_type(len(classes) - 1), (), classes, len(classes))
    try:
        integers = np.array([int(cell) for _, _, cell in cells], np.int64)
    except (ValueError, OverflowError):
        return Column(np.dtype(np.float32), ())
    return Column(integers.dtype, (), None, int(integers.max()) + 1 if integers.min() >= 0 else None)


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
    test = arguments["test"]
    paths = [arguments.file("path"), *([arguments.file("test")] if isinstance(test, str) else [])]
    tables = [parse(path, arguments["delimiter"], arguments["header"]) for path in paths]
    path, names, rows = tables[0].path, tables[0].names, tables[0].rows
    for table in tables[1:]:
        if table.names != names:
            raise DataError(f"the columns are not those of {path}", table.path, f"line {table.lines[0] - 1}")
    if isinstance(test, float) and test and not 0 < round(len(rows) * test) < len(rows):
        raise DataError(f"test = {test:g} of {len(rows)} rows leaves none on one side", path)

    keywords = call(arguments)
    for name in [*keywords["skip"], *([keywords["label"]] if keywords["label"] is not None else [])]:
        if name not in names:
            known = nearest(name, names) or f"the columns are {', '.join(names)}"
            raise DataError(f"there is no column '{name}'", path, help=known)
    columns = {name: infer(name, tables) for name in names if name not in keywords["skip"]}
    label = keywords["label"]
    if label is not None and label not in columns:
        raise DataError(f"the column '{label}' is the label, and cannot be skipped", path)
    if label not in (None, "label") and "label" in columns:
        message = f"label = '{label}' hides the column that is called label"
        raise DataError(message, path, help='write skip = "label" if it is not needed')
    if label is not None:
        columns["label"] = columns[label]
    numeric = [name for name in columns if name not in (label, "label") and columns[name].dtype.kind in "if"]
    if numeric and "features" not in columns:
        columns["features"] = Column(np.dtype(np.float32), (len(numeric),))
    return columns


def load(arguments: Arguments) -> Dataset:
    return Dataset.of(describe(arguments), read_csv(**call(arguments)))


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
