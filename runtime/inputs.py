"""What is given to a graph by name: arrays of the declared type, all checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiler.ir import Graph, TensorType
from ..compiler.network import Network
from .device import Device

Array = NDArray[Any]


class Inputs:
    """The inputs that one graph reads.

    Which shapes and dtypes fit is found once for each: to look at them anew would take longer than a small
    network's step.
    """

    def __init__(self, graph: Graph, network: Network, device: Device) -> None:
        self._types = {node.name: node.type for node in graph if node.op == "input"}
        self._fitting: dict[str, set[tuple[Any, Any]]] = {name: set() for name in self._types}
        self._network, self._device = network, device

    def arrays(self, given: Mapping[str, Any]) -> tuple[dict[str, Array], int]:
        """The arrays on the device, and how many samples they have. Raises ValueError."""
        declared = self._network.inputs
        for name in given:
            if name not in declared:
                raise ValueError(f"there is no input called {name!r}; the inputs are {', '.join(declared)}")
        for name in self._types:
            if name not in given:
                raise ValueError(f"{name} is missing: the inputs are {', '.join(self._types)}")
        arrays = {name: self._array(name, given[name]) for name in self._types}
        sizes = {array.shape[0] for array in arrays.values()}
        if len(sizes) > 1:
            said = ", ".join(f"{name} has {array.shape[0]}" for name, array in arrays.items())
            raise ValueError(f"every input must have the same number of samples; {said}")
        return arrays, sizes.pop() if sizes else 1

    def _array(self, name: str, value: Any) -> Array:
        array = value if isinstance(value, self._device.xp.ndarray) else np.asarray(value)
        type, form = self._types[name], (array.shape, array.dtype)
        if form not in self._fitting[name]:
            _check(name, type, array)
            self._fitting[name].add(form)
        classes = self._network.inputs[name].classes
        # Seen without a sign, a negative number is larger than any class.
        if classes and int(array.view(f"{array.dtype.byteorder}u{array.itemsize}").max()) >= classes:
            low, high = int(array.min()), int(array.max())
            raise ValueError(
                f"{name} holds classes 0 to {classes - 1}, and the array goes from {low} to {high}"
            )
        return self._device.array(array, type.dtype)


def _check(name: str, type: TensorType, array: Array) -> None:
    """Raise ValueError unless an array of this shape and dtype holds what an input declares."""
    said = f"{name}[{', '.join(map(str, type.shape))}]"
    if array.ndim != type.rank or any(
        isinstance(d, int) and d != s for d, s in zip(type.shape, array.shape, strict=False)
    ):
        raise ValueError(f"{said} is expected, and the array has shape {tuple(array.shape)}")
    if array.shape[0] == 0:
        raise ValueError(f"{said} is expected, and the array has no samples")
    kinds = "iub" if not type.is_float else "fiub"
    if array.dtype.kind not in kinds:
        raise ValueError(f"{name} holds {type.dtype}, and the array holds {array.dtype}")
