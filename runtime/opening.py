"""From a text to a model, and from a model to its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from ..compiler import ast
from ..compiler.diagnostics import Diagnostic, Source, SpecError
from ..compiler.ir import DType, TensorType
from ..compiler.network import ColumnType, DataSpec, Network
from ..compiler.pipeline import Compiled, compile
from .answers import target_column
from .data.errors import DataError
from .data.source import Columns, Dataset, check_classes
from .data.sources import open_source

if TYPE_CHECKING:
    from .device import Device
    from .model import Model


def open_model(
    source: Source,
    base: Path,
    dims: Mapping[str, ast.Expr] | None = None,
    train: Mapping[str, ast.Expr] | None = None,
    device: Device | Literal["auto", "cpu", "numpy", "cuda"] = "auto",
) -> Model:
    """Compile a text for a device. base: the folder that its paths are relative to.

    Where the data cannot be described yet (a file is missing), the network is compiled without its data
    block; training it then says what is missing. Raises SpecError, DeviceError.
    """
    from .device import open_device
    from .model import Model

    found = open_device(device)[0] if isinstance(device, str) else device
    return Model(compile_source(source, base, dims, train), found, base)


def compile_source(
    source: Source,
    base: Path,
    dims: Mapping[str, ast.Expr] | None = None,
    train: Mapping[str, ast.Expr] | None = None,
    precision: DType | None = None,
) -> Compiled:
    """Compile a text with the columns of its data source. precision: instead of its own. Raises SpecError."""
    return compile(
        source, dims, train, lambda path: read(path, base), lambda spec: _columns(spec, base), precision
    )


def read(path: str, base: Path) -> Source:
    """An included file. Raises OSError, UnicodeDecodeError."""
    found = Path(path) if Path(path).is_absolute() or Path(path).exists() else base / path
    return Source(path, found.read_text(encoding="utf-8"))


def _columns(spec: DataSpec, base: Path) -> dict[str, ColumnType] | None:
    try:
        columns = open_source(spec.source, spec.positional, spec.keywords, base, spec.length).describe()
    except DataError as error:
        if error.path is not None:
            return None  # said again, with all that is known, when the data are opened to train
        raise located(error, spec) from None
    return column_types(columns)


def column_types(columns: Columns) -> dict[str, ColumnType]:
    """What the compiler knows of columns."""
    found: dict[str, ColumnType] = {}
    for name, column in columns.items():
        dtype = cast(DType, column.dtype.name)
        classes = column.count or (len(column.classes) if column.classes else 0)
        found[name] = ColumnType(TensorType(dtype, column.shape), classes, column.sequence)
    return found


def known_columns(model: Model) -> Columns:
    """The columns of the model's data; none where they cannot be told."""
    spec = model.compiled.network.data
    if spec is None:
        return {}
    try:
        return open_source(spec.source, spec.positional, spec.keywords, model.base, spec.length).describe()
    except DataError:
        return {}


def located(error: DataError, spec: DataSpec) -> SpecError:
    """A mistake in the data, shown at the data block."""
    return SpecError(Diagnostic("data", str(error), spec.span, "", (), error.help or ""))


def open_data(network: Network, base: Path, seed: int) -> Dataset:
    """Open the data of a network and split off its validation set. Raises SpecError at the data block."""
    from .data.batches import split_valid
    from .labels import check_labels

    spec = network.data
    if spec is None:
        title = f"{network.name} has no data block, so there is nothing to train on"
        help = "write, for example: data digits() { x = flatten(image) / 16, y = label }"
        raise SpecError(Diagnostic("data", title, None, "", (), help))
    try:
        dataset = open_source(spec.source, spec.positional, spec.keywords, base, spec.length).load()
        for name, count in _counts(network).items():
            check_classes(dataset, name, count)
        check_labels(network, dataset)
        return split_valid(dataset, spec.valid, seed)
    except DataError as error:
        raise located(error, spec) from None


def _counts(network: Network) -> dict[str, int]:
    """How many classes the integers of a column may be, by its name: as its source says, or its input."""
    counts: dict[str, int] = {}
    for name, node in network.training_data.leaves("column").items():
        classes = node.attr("classes")
        if isinstance(classes, int) and classes:
            counts[name] = classes
    for name, input in network.inputs.items():
        if input.classes and (column := target_column(network, name)) is not None:
            counts[column] = input.classes
    return counts
