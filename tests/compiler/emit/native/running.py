"""Runs a graph as native code and by NumPy, on the same arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netc.compiler.emit.native import build
from netc.compiler.emit.native.isa import Isa
from netc.compiler.emit.program import Array as TensorArray
from netc.compiler.emit.program import build as build_numpy
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.device import Device
from netc.runtime.native.executable import NativeExecutable
from netc.runtime.native.jit import host
from netc.runtime.program import Executable, load

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
Results = dict[Result, Array]
COUNTERS = {"step": 3, "steps": 10, "seed": -7, "epoch": 2}


def leaf_op(type: TensorType) -> str:
    """Samples are fed; what has no batch axis is a parameter."""
    return "input" if N in type.shape else "param"


def both(
    graph: Graph, n: int, arrays: Arrays, isa: Isa | None = None, **counters: Any
) -> tuple[Results, Results]:
    """The results of one step as native code, and by NumPy, with those of the updates."""
    return by_native(graph, n, arrays, isa, **counters), by_numpy(graph, n, arrays, **counters)


def by_numpy(graph: Graph, n: int, arrays: Arrays, **counters: Any) -> Results:
    program = build_numpy(graph, n)
    own = _variables(program.variables, arrays)
    return _run(load(program, Device("numpy"), own), arrays, counters, own)


def by_native(graph: Graph, n: int, arrays: Arrays, isa: Isa | None = None, **counters: Any) -> Results:
    """The results of one step as native code, with those of the updates.

    Memory is full of NaNs before: what is read and was never written shows.
    """
    program = build(graph, n, isa or host().isa)
    device = Device("cpu", threads=1)
    own = _variables(program.variables, arrays)
    native = NativeExecutable(program, device, own)
    device.reserve(program.arena_bytes)[:] = 0xFF
    return _run(native, arrays, counters, own)


def _variables(expected: Sequence[TensorArray], arrays: Arrays) -> dict[str, Array]:
    return {array.name: arrays[array.name].copy() for array in expected}


def _run(executable: Executable, arrays: Arrays, counters: Mapping[str, Any], own: Arrays) -> Results:
    fed = {array.name: arrays[array.name] for array in executable.program.feeds}
    found = executable.run(fed, **(COUNTERS | counters))
    return found | {Result("update", name): value for name, value in own.items()}


def assert_close(found: Array, wanted: Array, what: str = "", rounding: float = 16) -> None:
    """The same numbers, but for some units in the last place of the largest."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), what
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, what)
        return
    finite = np.abs(wanted[np.isfinite(wanted)])
    tolerance = rounding * float(np.finfo(found.dtype).eps)
    scale = max(1.0, float(finite.max(initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=what)
