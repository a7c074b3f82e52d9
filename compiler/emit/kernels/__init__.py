"""What the generated program needs beyond single NumPy calls: functions whose source text is pasted into it.

Each is written with `np` alone, which may be NumPy or CuPy, and other kernels, without annotations, as
students will read it. `out` is contiguous and takes the result; `work` is scratch memory, a uint8
array as long as the operation's workspace rule says, or longer.
"""

from collections.abc import Callable
from importlib import import_module
from inspect import getmembers, isfunction
from pkgutil import iter_modules


def _gathered() -> dict[str, Callable[..., object]]:
    found: dict[str, Callable[..., object]] = {}
    for module in iter_modules(__path__):
        for name, function in getmembers(import_module(f".{module.name}", __name__), isfunction):
            if found.setdefault(name, function) is not function:
                raise ImportError(f"two kernels are called {name}")
    return found


KERNELS = _gathered()
