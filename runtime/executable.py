"""The program that computes a graph on a device: native code on a CPU, array calls elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..compiler.emit.program import build
from ..compiler.ir import Extent, Graph
from .device import Device
from .program import Executable, load


def executable(
    graph: Graph, n: int, name: str, device: Device, variables: Mapping[str, Any]
) -> tuple[Executable, str]:
    """A graph for batches of n, ready to run, and why it is not native code on a CPU ('' if it is).

    variables: its parameters and states by name, arrays on the device.
    """
    if device.name != "cpu" or not _has_batch(graph):
        return load(build(graph, n, name), device, variables), ""
    from ..compiler.emit import native

    try:
        from .native.executable import NativeExecutable
        from .native.jit import host
    except (ImportError, OSError) as error:  # no llvmlite for this machine, or no memory for LLVM
        return load(build(graph, n, name), device, variables), f"LLVM cannot be loaded: {error}"
    try:
        program = native.build(graph, n, host().isa)
    except native.Unsupported as reason:
        return load(build(graph, n, name), device, variables), str(reason)
    return NativeExecutable(program, device, variables), ""


def _has_batch(graph: Graph) -> bool:
    """Without a batch there are so few numbers that compiling takes longer than it saves."""
    fed = [node for node in graph if node.op in ("input", "column")]
    return any(isinstance(d, Extent) for node in fed for d in node.type.shape)
