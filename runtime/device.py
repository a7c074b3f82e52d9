"""The machine that programs run on: its array library, and the scratch memory that its programs share."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from types import ModuleType
from typing import Any, Literal

import numpy as np

from ..compiler.ir import TensorType
from ..compiler.storage import bound, bytes_of
from .pages import in_pages

ALIGNMENT = 64
DeviceName = Literal["cpu", "numpy", "cuda"]


class DeviceError(Exception):
    """The device cannot be used, or its memory does not suffice; the message says why and what to do."""


@dataclass(slots=True)
class Device:
    """An array library, NumPy or CuPy, and one arena for all programs on it: only one runs at a time.

    name: "cpu" runs native code, "numpy" the readable programs of NumPy calls, "cuda" the same of CuPy's.
    xp is typed as NumPy, whose functions CuPy has too. threads: of native code, None for as many as are worth
    it.
    """

    name: DeviceName
    xp: Any = np
    threads: int | None = None
    arena: Any = field(default=None, repr=False)

    def reserve(self, size: int) -> Any:
        """The arena, of at least `size` bytes; a larger one takes the place of a smaller one."""
        if self.arena is None or len(self.arena) < size:
            self.arena = None  # freed first: the two need not fit together
            try:
                raw = self.xp.empty(size + ALIGNMENT, self.xp.uint8)
            except MemoryError as error:
                raise DeviceError(
                    f"the values of one step take {size / 1e9:.1f} GB, which the memory does not hold: "
                    "take a smaller batch or network"
                ) from error
            skip = -_address(raw) % ALIGNMENT
            self.arena = raw[skip : skip + size]
        return self.arena

    def arrays(self, types: Mapping[str, TensorType]) -> dict[str, Any]:
        """Memory for arrays of these shapes and dtypes, side by side; what it holds is yet to be written.

        Side by side they need fewer pages, and so they may be large ones.
        """
        sizes = {name: bytes_of(type, 1) for name, type in types.items()}
        *starts, end = accumulate((-(-s // ALIGNMENT) * ALIGNMENT for s in sizes.values()), initial=0)
        raw = in_pages(end) if self.xp is np else self.xp.empty(end, self.xp.uint8)
        return {
            name: raw[start : start + sizes[name]].view(type.dtype).reshape(bound(type, 1))
            for (name, type), start in zip(types.items(), starts, strict=True)
        }

    def array(self, values: Any, dtype: Any = None) -> Any:
        """The values as a contiguous array on this device; they are copied only where they must be."""
        return self.xp.asarray(values, dtype=dtype, order="C")

    def numpy(self, array: Any) -> np.ndarray:
        """The array in the memory of the computer; numbers and lists become one."""
        on_gpu = self.xp is not np and isinstance(array, self.xp.ndarray)
        return array.get() if on_gpu else np.asarray(array)


def open_device(
    name: DeviceName | Literal["auto"] = "auto", threads: int | None = None
) -> tuple[Device, str]:
    """The device, and for `auto` a line that says which it is. Raises DeviceError if it cannot be used."""
    if name in ("cpu", "numpy"):
        return Device(name, threads=threads), ""
    try:
        cupy, gpu = _cupy()
    except DeviceError as error:
        if name == "cuda":
            raise
        return Device("cpu", threads=threads), f"running on the CPU: {error}"
    return Device("cuda", cupy), f"running on {gpu}" if name == "auto" else ""


def _cupy() -> tuple[ModuleType, str]:
    try:
        cupy: Any = importlib.import_module("cupy")
    except ImportError:
        raise DeviceError("CuPy is not installed (pip install 'netc[cuda]')") from None
    try:
        # Importing works without a GPU; only a first use tells.
        properties = cupy.cuda.runtime.getDeviceProperties(0)
        cupy.zeros(1).sum()
    except Exception as error:  # CuPy has no common class for what may be missing
        reason = str(error).partition("\n")[0]
        raise DeviceError(f"CuPy finds no GPU that it can use ({reason})") from None
    return cupy, properties["name"].decode()


def _address(array: Any) -> int:
    return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr
