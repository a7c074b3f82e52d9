"""Parameters and states in a file: it appears whole or not at all, and fits or changes nothing.

A safetensors file with a tensor for each variable, by its full name. Its metadata hold what is needed to use
them again: the spec's text, dims, seed and precision, and what the columns of the data were, since a trained
network must serve where its data are not.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as packed

from ..compiler.ir import TensorType
from ..compiler.network import Network
from .data import Column, Columns, DataError, open_source
from .model import Model


class CheckpointError(Exception):
    """A file of parameters is damaged, or belongs to another network; one sentence says how."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a checkpoint says of itself.

    epoch: how many were finished. columns: those of the data source. optimizer: the states that only training
    needs. overrides: the texts of DIM=… and train.KEY=…, by what stands before the equals sign.
    """

    spec: str
    dims: Mapping[str, int]
    step: int
    epoch: int
    seed: int
    precision: str
    netc: str = ""
    columns: Columns = field(default_factory=dict[str, Column])
    optimizer: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])


def save(model: Model, path: Path, epoch: int = 0, columns: Columns | None = None) -> None:
    """Write parameters and states. Raises OSError; the file that was there before stays whole then.

    columns: of the data, if the caller knows them; else their source is asked.
    """
    network = model.compiled.network
    described = Description(
        network.source.text,
        network.dims,
        model.step_number,
        epoch,
        model.seed,
        _precision(network),
        _version(),
        _columns(model) if columns is None else columns,
        optimizer_states(network),
        network.overrides,
    )
    tensors = {name: np.ascontiguousarray(model.device.numpy(a)) for name, a in model.memory.items()}
    replace(path, packed(tensors, _written(described)))


def restore(model: Model, path: Path, optimizer: bool = True) -> Description:
    """Read parameters, states and the step's number.

    optimizer: whether its states must be there too; without it they are left as they are.
    Raises CheckpointError, OSError; then nothing is changed.
    """
    network = model.compiled.network
    found, described = _read(path)
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
    return _read(path)[1]


def optimizer_states(network: Network) -> tuple[str, ...]:
    """The states that neither the network nor its data need when they are used."""
    used = {
        n.name for graph in (network.evaluating, network.evaluating_data) for n in graph if n.op == "state"
    }
    return tuple(v.name for v in network.variables.values() if v.kind == "state" and v.name not in used)


def replace(path: Path, data: bytes) -> None:
    """Write a file whole, or leave what was there. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    # Only then does the new name survive a power cut.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> tuple[dict[str, np.ndarray], Description]:
    with path.open("rb"):
        pass  # what the system refuses is told as it tells it
    try:
        with safe_open(path, "numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is no whole file of parameters ({error})") from None
    try:
        return tensors, _understood(metadata)
    except (KeyError, ValueError, TypeError):
        raise CheckpointError(f"{path} was not written by netc: its description is missing") from None


def _written(d: Description) -> dict[str, str]:
    """A description as safetensors takes it: texts by name."""
    columns = {n: [c.dtype.name, c.shape, c.classes, c.count, c.sequence] for n, c in d.columns.items()}
    texts = {"netc": d.netc, "spec": d.spec, "precision": d.precision}
    numbers = {"step": d.step, "epoch": d.epoch, "seed": d.seed}
    mappings = {"dims": dict(d.dims), "overrides": dict(d.overrides), "columns": columns}
    values = {**numbers, **mappings, "optimizer": d.optimizer}
    return {**texts, **{name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}}


def _understood(metadata: Mapping[str, str]) -> Description:
    """Raises KeyError, ValueError or TypeError where it is none of netc's."""
    texts = {name: metadata[name] for name in ("netc", "spec", "precision")}
    names = ("step", "epoch", "seed", "dims", "overrides", "columns", "optimizer")
    values = {name: json.loads(metadata[name]) for name in names}
    values["columns"] = {name: _column(*written) for name, written in values["columns"].items()}
    values["optimizer"] = tuple(values["optimizer"])
    return Description(**texts, **values)


def _column(
    dtype: str, shape: list[int], classes: list[str] | None, count: int | None, sequence: bool
) -> Column:
    names = None if classes is None else tuple(classes)
    return Column(np.dtype(dtype), tuple(shape), names, count, sequence)


def _columns(model: Model) -> Columns:
    """The columns of the model's data, where they can be told."""
    spec = model.compiled.network.data
    if spec is None:
        return {}
    try:
        return open_source(spec.source, spec.positional, spec.keywords, model.base, spec.length).describe()
    except DataError:
        return {}


def _precision(network: Network) -> str:
    return network.train.precision if network.train else "float32"


def _described(type: TensorType) -> str:
    return f"{type.dtype}{list(type.shape)}"


def _version() -> str:
    try:
        return version("netc")
    except PackageNotFoundError:  # run from the source tree
        return ""
