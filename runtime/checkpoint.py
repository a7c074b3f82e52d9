"""Parameters and states in a file, and where their training stands: a training can go on from it bit for bit.

A safetensors file with a tensor for each variable, by its full name. Its metadata hold what is needed to use
them again: the spec's text, dims, seed and precision, and what the columns of the data were, since a trained
network must serve where its data are not. A digest over all of it tells a damaged file.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as unpacked
from safetensors.numpy import save as packed

from ..compiler.ir import TensorType
from ..compiler.network import Network
from .atomic import replace
from .data.batches import length
from .data.source import Column, Columns, Dataset
from .model import Model
from .opening import known_columns
from .place import EpochDone, History, Place

Tensors = dict[str, np.ndarray]

# What the metadata hold as JSON, by name; a tuple is a list of so many values.
WRITTEN = {
    "step": int,
    "seed": int,
    "batch": int,
    "samples": dict[str, int],
    "dims": dict[str, int],
    "overrides": dict[str, str],
    "columns": dict[str, tuple[str, list[int], list[str] | None, int | None, bool]],
    "optimizer": list[str],
    "versions": dict[str, str],
    "place": tuple[int, int, int, float, dict[str, float]],
    "history": list[tuple[int, int, float, dict[str, float]]],
}


class CheckpointError(Exception):
    """A file of parameters is damaged, or belongs to another network; one sentence says how."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a checkpoint says of itself.

    file: the spec's name, as it was given. place: where the training stands. columns: those of the data
    source; samples: how many, by split; data: their fingerprint, where it is known.
    optimizer: the states that only training needs. overrides: the texts of DIM=… and train.KEY=…, by what
    stands before the equals sign. versions: of netc and what computes for it.
    """

    file: str
    spec: str
    dims: Mapping[str, int]
    step: int
    seed: int
    batch: int
    precision: str
    device: str = "cpu"
    data: str = ""
    place: Place = field(default_factory=Place)
    columns: Columns = field(default_factory=dict[str, Column])
    samples: Mapping[str, int] = field(default_factory=dict[str, int])
    optimizer: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def epoch(self) -> int:
        """How many epochs were finished."""
        return self.place.epoch - 1


def save(model: Model, path: Path, place: Place | None = None, data: Dataset | None = None) -> None:
    """Write parameters and states. Raises OSError; the file that was there before stays whole then."""
    replace(path, pack(model, place, data))


def pack(
    model: Model, place: Place | None = None, data: Dataset | None = None, fingerprint: str = ""
) -> bytes:
    """The contents of a checkpoint.

    data: if they are open; else their source is asked for its columns. fingerprint: theirs.
    """
    network = model.compiled.network
    train = network.train
    described = Description(
        network.source.name,
        network.source.text,
        network.dims,
        model.step_number,
        model.seed,
        train.batch if train else 0,
        train.precision if train else "float32",
        model.device.name,
        fingerprint,
        place or Place(),
        known_columns(model) if data is None else data.columns,
        {} if data is None else samples(data),
        optimizer_states(network),
        network.overrides,
        versions(),
    )
    tensors = {name: np.ascontiguousarray(model.device.numpy(a)) for name, a in model.memory.items()}
    metadata = _written(described)
    return packed(tensors, {**metadata, "digest": _digest(tensors, metadata)})


def restore(model: Model, path: Path, optimizer: bool = True) -> Description:
    """Read parameters, states and the step's number.

    optimizer: whether its states must be there too; without it they are left as they are.
    Raises CheckpointError, OSError; then nothing is changed.
    """
    network = model.compiled.network
    found, described = read(path)
    spare = set() if optimizer else {*described.optimizer, *optimizer_states(network)}
    wanted = {name: v for name, v in network.variables.items() if name not in spare}
    for name, variable in wanted.items():
        what = f"{name}, a {'parameter' if variable.kind == 'param' else 'state'} of {network.name},"
        if name not in found:
            raise CheckpointError(f"{path} holds no {what.rstrip(',')}")
        array, expected = found[name], _described(variable.type)
        if (array.dtype.name, array.shape) != (variable.type.dtype, variable.type.shape):
            got = f"{array.dtype.name}{list(array.shape)}"
            raise CheckpointError(f"{what} is {expected}, and in {path} it is {got}")
    if unknown := [name for name in found if name not in wanted and name not in spare]:
        raise CheckpointError(f"{path} holds {unknown[0]}, and {network.name} has no such parameter or state")
    for name in wanted:
        model.memory[name][...] = model.device.array(found[name])
    model.step_number = described.step
    return described


def describe(path: Path) -> Description:
    """What a checkpoint says of itself. Raises CheckpointError, OSError."""
    return read(path)[1]


def read(path: Path) -> tuple[Tensors, Description]:
    """A checkpoint's arrays by name, and what it says of itself. Raises CheckpointError, OSError."""
    data = path.read_bytes()
    try:
        tensors, metadata = unpacked(data), _metadata(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is no whole file of parameters ({error})") from None
    try:
        digest = metadata.pop("digest")
        if digest != _digest(tensors, metadata):
            raise CheckpointError(f"{path} is damaged: its contents do not have the digest that it names")
        return tensors, _understood(metadata)
    except (KeyError, ValueError, TypeError, RecursionError):
        raise CheckpointError(f"{path} was not written by netc: its description is missing") from None


def optimizer_states(network: Network) -> tuple[str, ...]:
    """The states that neither the network nor its data need when they are used."""
    graphs = (network.evaluating, network.evaluating_data)
    used = {n.name for graph in graphs for n in graph if n.op == "state"} | {*network.averages.values()}
    return tuple(v.name for v in network.variables.values() if v.kind == "state" and v.name not in used)


def samples(data: Dataset) -> dict[str, int]:
    """How many there are, by split."""
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    return {name: length(split) for name, split in splits.items() if split is not None}


def versions() -> dict[str, str]:
    """Of netc and what computes for it."""
    try:
        own = version("netc")
    except PackageNotFoundError:  # run from the source tree
        own = ""
    return {"netc": own, "numpy": np.__version__, "python": platform.python_version()}


def _digest(tensors: Tensors, metadata: Mapping[str, str]) -> str:
    made = hashlib.blake2b(json.dumps(dict(metadata), sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        array = tensors[name]
        made.update(f"{name} {array.dtype.name} {array.shape}".encode())
        made.update(array.tobytes())
    return made.hexdigest()


def _metadata(data: bytes) -> dict[str, Any]:
    """What stands in the header, an object of JSON behind its length; safetensors has checked both."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]).get("__metadata__", {})


def _written(d: Description) -> dict[str, str]:
    """A description as safetensors takes it: texts by name."""
    columns = {n: [c.dtype.name, c.shape, c.classes, c.count, c.sequence] for n, c in d.columns.items()}
    rows = [[row.epoch, row.step, row.seconds, dict(row.values)] for row in d.place.history.epochs]
    p = d.place
    values = {
        "step": d.step,
        "seed": d.seed,
        "batch": d.batch,
        "samples": dict(d.samples),
        "dims": dict(d.dims),
        "overrides": dict(d.overrides),
        "columns": columns,
        "optimizer": d.optimizer,
        "versions": dict(d.versions),
        "place": [p.epoch, p.batch, p.samples, p.seconds, p.sums],
        "history": rows,
    }
    texts = {"file": d.file, "spec": d.spec, "precision": d.precision, "device": d.device, "data": d.data}
    return {**texts, **{name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}}


def _understood(metadata: Mapping[str, str]) -> Description:
    """Raises KeyError, ValueError, TypeError or RecursionError where it is none of netc's."""
    texts = {name: metadata[name] for name in ("file", "spec", "precision", "device", "data")}
    values: dict[str, Any] = {name: json.loads(metadata[name]) for name in WRITTEN}
    for name, kind in WRITTEN.items():
        if not _fits(values[name], kind):
            raise ValueError(f"{name} is no {kind}")
    history = History([EpochDone(*row) for row in values.pop("history")])
    place = Place(*values.pop("place"), history=history)
    if place.epoch < 1 or place.batch < 0 or place.samples < 0 or not 0 <= place.seconds < math.inf:
        raise ValueError("no training stands there")
    columns = {name: _column(*written) for name, written in values.pop("columns").items()}
    optimizer = tuple(values.pop("optimizer"))
    return Description(**texts, **values, columns=columns, optimizer=optimizer, place=place)


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value read from JSON is of a kind such as dict[str, int]."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(v, inner[1]) for v in value.values())
    if origin is list:
        return isinstance(value, list) and all(_fits(v, inner[0]) for v in value)
    if origin is tuple:
        return isinstance(value, list) and len(value) == len(inner) and all(map(_fits, value, inner))
    if origin is UnionType:
        return any(_fits(value, option) for option in inner)
    return type(value) in ((int, float) if kind is float else (kind,))


def _column(
    dtype: str, shape: list[int], classes: list[str] | None, count: int | None, sequence: bool
) -> Column:
    names = None if classes is None else tuple(classes)
    return Column(np.dtype(dtype), tuple(shape), names, count, sequence)


def _described(type: TensorType) -> str:
    return f"{type.dtype}{list(type.shape)}"
