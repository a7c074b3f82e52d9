"""Where the time of a training step goes, kernel by kernel."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ...compiler.emit import native
from ...compiler.emit.native.calls import CLOCKS
from ...compiler.emit.native.nest import Kernel
from ...compiler.emit.native.peak import operations, peak, room
from ...compiler.ir import Graph
from ..device import Device
from .cores import usable_cores
from .executable import NativeExecutable
from .jit import host, load
from .threads import aligned, team


@dataclass(frozen=True, slots=True)
class Part:
    """One kernel, or several of one name, of a step: seconds, operations (a multiply-add is two) and bytes
    that it reads and writes.
    """

    name: str
    kernels: int
    seconds: float
    operations: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Profile:
    """seconds: of a step as a whole, without the clocks. peak: operations a second that the machine reached
    in a loop of nothing else, on as many threads. hosts: the operations that NumPy does, and their seconds.
    """

    parts: tuple[Part, ...]
    hosts: tuple[Part, ...]
    seconds: float
    threads: int
    peak: float


def profile(
    graph: Graph,
    n: int,
    device: Device,
    variables: Mapping[str, Any],
    feeds: Mapping[str, Any],
    least: float,
) -> Profile:
    """Time the steps of a graph, for at least so many seconds. Raises Unsupported."""
    threads = device.threads or usable_cores()
    fixed = Device(device.name, device.xp, threads)
    plain = NativeExecutable(native.build(graph, n, host().isa), fixed, variables)
    timed = NativeExecutable(native.build(graph, n, host().isa, timed=True), fixed, variables)
    clock = aligned(CLOCKS)
    timed.point("clock", clock)
    whole: list[float] = []
    rounds: list[np.ndarray] = []
    begun: list[float] = []
    ends = time.perf_counter() + least
    for executable in (plain, timed):
        executable.run(feeds, copy=False)  # the first is slower
    while time.perf_counter() < ends or len(whole) < 5:
        whole.append(_seconds(lambda: plain.run(feeds, copy=False)))
        begun.append(time.perf_counter())
        timed.run(feeds, copy=False)
        rounds.append(clock[: _ticks(timed.program)].copy())
    # From the first round to the last, both clocks say how long that was.
    second = int(rounds[-1][0] - rounds[0][0]) / (begun[-1] - begun[0])
    spans = np.median(np.stack([np.diff(ticks) for ticks in rounds]), axis=0) / second
    parts, hosts = _parts(timed.program, spans)
    return Profile(parts, hosts, median(whole), threads, _peak(threads))


def _seconds(call: Any) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _ticks(program: native.NativeProgram) -> int:
    functions = sum(isinstance(step, str) for step in program.steps)
    return len(program.kernels) + functions


def _parts(program: native.NativeProgram, spans: np.ndarray) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """By name, the slowest first. Between two functions stands what NumPy did."""
    found: dict[str, list[tuple[Kernel, float]]] = {}
    hosts: list[Part] = []
    kernels = iter(program.kernels)
    at = 0
    waiting: list[str] = []
    for step, count in zip(program.steps, program.counts, strict=True):
        if not isinstance(step, str):
            waiting.append(step.node.op)
            continue
        if at:
            hosts.append(Part(", ".join(waiting), len(waiting), float(spans[at - 1]), 0, 0))
        waiting.clear()
        for _ in range(count):
            kernel = next(kernels)
            found.setdefault(kernel.about, []).append((kernel, float(spans[at])))
            at += 1
        at += 1
    parts = [
        Part(
            name,
            len(own),
            sum(seconds for _, seconds in own),
            sum(2 * kernel.multiply_adds for kernel, _ in own),
            sum(kernel.moved for kernel, _ in own),
        )
        for name, own in found.items()
    ]
    return tuple(sorted(parts, key=lambda part: -part.seconds)), tuple(hosts)


def _peak(threads: int) -> float:
    isa = host().isa
    with load(peak(isa), None, ("peak",)) as code:
        context = aligned(room(isa, threads))
        runs = [
            _seconds(lambda: team().run(code.address("peak"), context.ctypes.data, threads)) for _ in range(7)
        ]
    return threads * operations(isa) / min(runs)
