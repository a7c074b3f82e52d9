"""Beginning a training with the parameters of another run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compiler.diagnostics import Diagnostic, SpecError
from .checkpoint import CheckpointError, read
from .model import Model

FILES = ("best.safetensors", "last.safetensors", "previous.safetensors")


@dataclass(frozen=True, slots=True)
class Started:
    """What a training began with. taken: parameters and states that were there by name and shape. refused:
    those of another shape, with that shape. left: those that the file does not hold. unused: what else it
    holds.
    """

    path: Path
    taken: tuple[str, ...]
    refused: Mapping[str, tuple[int, ...]]
    left: tuple[str, ...]
    unused: tuple[str, ...]


def start(model: Model, place: str) -> Started:
    """Take parameters, and the network's own states, by name from a run's folder or a checkpoint.

    Where the run kept running averages, these are the parameters. Raises SpecError where there is no such
    run, or nothing in it fits; then nothing is changed.
    """
    network = model.compiled.network
    try:
        path = _file(place, model.base)
        found, described = read(path)
    except (OSError, CheckpointError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise _error(model, f"the training cannot start from {place} ({reason})") from None
    suffix = ".average"
    averages = {n.removesuffix(suffix): a for n, a in found.items() if n.endswith(suffix)}
    kept = {n: a for n, a in found.items() if n not in described.optimizer and not n.endswith(suffix)}
    kept |= {name: array for name, array in averages.items() if name in kept}
    wanted = {
        v.name: v
        for v in network.variables.values()
        if v.kind == "param" or (v.name in kept and v.initial[0] != "statistic")
    }
    refused = {n: kept[n].shape for n, v in wanted.items() if n in kept and kept[n].shape != v.type.shape}
    taken = tuple(n for n in wanted if n in kept and n not in refused)
    if not any(wanted[name].kind == "param" for name in taken):
        names = ", ".join(f"{n}{list(a.shape)}" for n, a in kept.items())
        raise _error(model, f"no parameter of {path} fits by name and shape: it holds {names}")
    for name in taken:
        variables = model.parameters if wanted[name].kind == "param" else model.state
        variables[name] = kept[name].astype(np.dtype(wanted[name].type.dtype))
    left = tuple(name for name in wanted if name not in kept)
    unused = tuple(name for name in kept if name not in wanted and not name.startswith("data."))
    return Started(path, taken, refused, left, unused)


def _file(place: str, base: Path) -> Path:
    """The checkpoint of a run's folder, or a file, as seen from here or from the spec. Raises OSError."""
    here = Path(place).expanduser()
    path = here if here.exists() else base / here
    if path.is_dir():
        return next((path / name for name in FILES if (path / name).exists()), path / FILES[0])
    return path


def _error(model: Model, title: str) -> SpecError:
    train = model.compiled.network.train
    return SpecError(Diagnostic("train", title, train.span if train else None))
