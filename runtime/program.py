"""Loads a program onto a device and runs it."""

from __future__ import annotations

import linecache
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..compiler.emit.program import IMPORT, Array, Program
from ..compiler.ir import Graph, Result
from .device import Device

if TYPE_CHECKING:
    from .native.executable import NativeExecutable

_loaded = count(1)


class Runnable(Protocol):
    """What every target's program says of itself."""

    @property
    def graph(self) -> Graph: ...
    @property
    def n(self) -> int: ...
    @property
    def feeds(self) -> tuple[Array, ...]: ...
    @property
    def variables(self) -> tuple[Array, ...]: ...
    @property
    def results(self) -> tuple[Result, ...]: ...
    @property
    def arena_bytes(self) -> int: ...


class Executable(ABC):
    """A program on a device, over the arrays of its parameters and states, which it changes in place.

    Executables for several batch sizes share `variables` and the device's arena. Assign to the arrays of
    `variables` in place: the program has bound them.
    """

    def __init__(self, program: Runnable, device: Device, variables: Mapping[str, Any]) -> None:
        """variables: by name, arrays on the device. Raises ValueError unless they fit."""
        self.device = device
        self._program = program
        for expected in program.variables:
            if expected.name not in variables:
                raise ValueError(f"{expected.name} is missing: {_described(expected)} is expected")
            array = variables[expected.name]
            if (array.dtype, array.shape) != (expected.dtype, expected.shape):
                raise ValueError(f"{expected.name} should be {_described(expected)}, not {_described(array)}")
            if not array.flags.c_contiguous:
                raise ValueError(f"{expected.name} should be a contiguous array")
        self._variables = {array.name: variables[array.name] for array in program.variables}
        self._known = frozenset(node.name for node in program.graph if node.op in ("input", "column"))

    def run(
        self,
        feeds: Mapping[str, Any],
        step: int = 0,
        steps: int = 1,
        seed: int = 0,
        epoch: int = 0,
        rows: Any = None,
        *,
        copy: bool = True,
    ) -> dict[Result, Any]:
        """Run once on the fed arrays; parameters and states take their new values.

        rows: the samples' numbers in their split, int64[n], by which they are augmented; counted from 0
        unless given. Without `copy` the results are valid only until a program runs on this device again.
        Raises ValueError where a fed array is missing, unknown, or of another shape or kind of number, and
        DeviceError where the memory does not suffice; nothing is changed then.
        """
        arrays = [self._fed(expected, feeds) for expected in self._program.feeds]
        # An input may be fed that no result depends on any more: 0 * y is 0 for every y.
        if not self._known.issuperset(feeds):
            unknown = sorted(feeds.keys() - self._known)
            raise ValueError(f"{unknown[0]} is no input; the inputs are {', '.join(sorted(self._known))}")
        values = self._values(arrays, {"step": step, "steps": steps, "seed": seed, "epoch": epoch}, rows)
        taken = [self.device.xp.array(value) if copy else value for value in values]
        return dict(zip(self._program.results, taken, strict=False))

    @property
    def repeating(self) -> NativeExecutable | None:
        """The program itself if it can make many steps in one call."""
        return None

    @abstractmethod
    def _values(self, arrays: Sequence[Any], counters: dict[str, Any], rows: Any) -> Sequence[Any]:
        """The results, in the program's order, for fed arrays that fit."""

    def _fed(self, expected: Array, feeds: Mapping[str, Any]) -> Any:
        if expected.name not in feeds:
            raise ValueError(f"{expected.name} is not given: {_described(expected)} is expected")
        given = feeds[expected.name]
        array = given if isinstance(given, self.device.xp.ndarray) else np.asarray(given)
        same = array.dtype == expected.dtype  # most often, and found in a tenth of the time
        if array.shape != expected.shape or not (
            same or np.can_cast(array.dtype, expected.dtype, "same_kind")
        ):
            raise ValueError(f"{expected.name} should be {_described(expected)}, not {_described(array)}")
        return self.device.array(array, expected.dtype)


class ArrayExecutable(Executable):
    """A program of NumPy's or CuPy's calls."""

    def __init__(self, program: Program, device: Device, variables: Mapping[str, Any]) -> None:
        super().__init__(program, device, variables)
        self.program = program
        self._factory = _factory(program, device)
        self._function: Callable[..., Any] | None = None
        self._arena: Any = None

    def _values(self, arrays: Sequence[Any], counters: dict[str, Any], rows: Any) -> Sequence[Any]:
        if "rows" in self.program.counters:
            counters["rows"] = self.device.array(np.arange(self.program.n) if rows is None else rows)
        function = self._bound()
        # Infinities are the network's affair: the trainer looks at the loss.
        with np.errstate(all="ignore"):
            values = function(*arrays, *(counters[name] for name in self.program.counters))
        return values if len(self.program.results) > 1 else (values,)

    def _bound(self) -> Callable[..., Any]:
        """The function over the arena that the device has now."""
        arena = self.device.reserve(self.program.arena_bytes)
        if self._function is None or arena is not self._arena:
            with np.errstate(all="ignore"):
                self._function = self._factory(self._variables, arena)
            self._arena = arena
        return self._function


def load(program: Program, device: Device, variables: Mapping[str, Any]) -> ArrayExecutable:
    """Make a program ready to run. variables: its parameters and states by name, arrays on the device."""
    return ArrayExecutable(program, device, variables)


def _factory(program: Program, device: Device) -> Callable[..., Callable[..., Any]]:
    source = program.text.source
    if device.name == "cuda":
        source = source.replace(IMPORT, IMPORT.replace("numpy", "cupy"), 1)
    # The lines stand in the cache of sources, so that tracebacks and debuggers show them.
    filename = f"<netc {program.name} {next(_loaded)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {}
    exec(compile(source, filename, "exec"), namespace)
    return namespace[f"make_{program.name}"]


def _described(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"
