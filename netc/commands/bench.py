"""netc bench"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..console import paint, result, sentence
from ..figures import memory
from ..locate import find
from ..runtime.device import Device
from ..runtime.opening import open_model
from ..trained import parsed
from . import arguments

if TYPE_CHECKING:
    from ..runtime.model import Model
    from ..runtime.native.profile import Part, Profile

SHOWN = 25  # kernels in the table; the rest stands in one row


@click.command()
@arguments.spec
@arguments.overrides
@click.option("--batch", type=click.IntRange(1), help="Samples in a batch, instead of the spec's.")
@arguments.threads
@click.option("--seconds", type=click.FloatRange(0.0), default=2.0, help="How long to measure, at least.")
@arguments.as_json
def command(
    spec: str,
    overrides: arguments.Overrides,
    batch: int | None,
    threads: int | None,
    seconds: float,
    as_json: bool,
) -> int:
    """The time of a training step, kernel by kernel, on random inputs."""
    found = find(spec)
    device = Device("cpu", threads=threads)
    model = open_model(found.source, found.base, *parsed(overrides.texts, "command line"), device)
    train = model.compiled.network.train
    n = batch or (train.batch if train else 32)
    from ..compiler.emit.native import Unsupported
    from ..runtime.native.profile import profile

    try:
        profiled = profile(model.compiled.graph("step"), n, device, model.memory, _inputs(model, n), seconds)
    except Unsupported as reason:
        result(f"{model.compiled.network.name} is computed by NumPy, for want of native code for {reason}")
        return 1
    if as_json:
        result(json.dumps(asdict(profiled), ensure_ascii=False, indent=2))
    else:
        _show(model.compiled.network.name, n, profiled)
    return 0


def _inputs(model: Model, n: int) -> dict[str, Any]:
    """Random samples, the same at each call."""
    import numpy as np

    draws = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for name, spec in model.compiled.network.inputs.items():
        shape = [n, *(d for d in spec.type.shape[1:] if isinstance(d, int))]
        drawn = (
            draws.standard_normal(shape)
            if spec.type.is_float
            else draws.integers(0, spec.classes or 2, shape)
        )
        found[name] = drawn.astype(spec.type.dtype)
    return found


def _show(name: str, n: int, profiled: Profile) -> None:
    total = sum(part.seconds for part in (*profiled.parts, *profiled.hosts))
    rest = profiled.parts[SHOWN:]
    parts = [*profiled.parts[:SHOWN], *([_joined(f"{len(rest)} others", rest)] if rest else [])]
    rows = [_row(part, total, profiled.peak) for part in parts]
    rows += [(*_row(part, total, profiled.peak)[:4], "by NumPy", "", "") for part in profiled.hosts]
    heading = ("kernel", "calls", "time", "share", "GFLOP/s", "of peak", "moved")
    widths = [max(len(row[i]) for row in (heading, *rows)) for i in range(len(heading))]
    for i, row in enumerate((heading, *rows)):
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        line = "  ".join((f"{row[0]:<{widths[0]}}", *cells)).rstrip()
        result(paint(line, "heading") if i == 0 else line)
    several = "threads" if profiled.threads > 1 else "thread"
    sentence(
        f"{name}, batch {n}: {_time(profiled.seconds)} a step on {profiled.threads} {several}; the kernels "
        f"take {_time(total)}, and the peak of the vector registers is {profiled.peak / 1e9:.0f} GFLOP/s"
    )


def _joined(name: str, parts: Iterable[Part]) -> Part:
    from ..runtime.native.profile import Part

    known = list(parts)
    return Part(
        name,
        sum(part.kernels for part in known),
        sum(part.seconds for part in known),
        sum(part.operations for part in known),
        sum(part.bytes for part in known),
    )


def _row(part: Part, total: float, peak: float) -> tuple[str, ...]:
    rate = part.operations / part.seconds if part.seconds > 0 else 0.0
    return (
        part.name,
        str(part.kernels),
        _time(part.seconds),
        f"{100 * part.seconds / total:.1f} %" if total else "",
        f"{rate / 1e9:.1f}" if rate else "",
        f"{100 * rate / peak:.0f} %" if rate else "",
        memory(part.bytes),
    )


def _time(seconds: float) -> str:
    for unit, least in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= least:
            return f"{seconds / least:.2f} {unit}"
    return f"{seconds * 1e6:.1f} µs"
