"""netc: a compiler for neural networks that people can read.

model = netc.compile("mlp.net", dims={"H": 32})
model.fit(epochs=3)
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .compiler.diagnostics import SpecError
    from .runtime.checkpoint import CheckpointError
    from .runtime.device import DeviceError
    from .runtime.model import Model

__version__ = "0.1.0"

_HOMES = {
    "Model": ".runtime.model",
    "SpecError": ".compiler.diagnostics",
    "CheckpointError": ".runtime.checkpoint",
    "DeviceError": ".runtime.device",
}


def compile(
    path: str | PathLike[str] | None = None,
    *,
    text: str | None = None,
    dims: Mapping[str, float | str] | None = None,
    train: Mapping[str, float | str] | None = None,
    device: Literal["auto", "cpu", "numpy", "cuda"] = "auto",
) -> Model:
    """Compile a .net file, a shipped example by its name, or a text.

    dims, train: overrides, as in {"H": 32} and {"lr": 0.05, "epochs": 3}; a text is read as an expression.
    Raises SpecError with every mistake in the spec, and DeviceError where the device cannot be used.
    """
    from .locate import find, given
    from .overrides import expressions
    from .runtime.opening import open_model

    if (path is None) == (text is None):
        raise TypeError('give a path or a text: compile("mlp.net") or compile(text="…")')
    spec = given(text) if text is not None else find(str(path))
    return open_model(spec.source, spec.base, expressions(dims), expressions(train), device)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext netc` gives a notebook the cell magic %%net."""
    from .jupyter import load

    load(shell)


def __getattr__(name: str) -> Any:
    # Nothing heavy is imported before it is used, so that `import netc` and `netc --help` are quick.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


__all__ = [
    "CheckpointError",
    "DeviceError",
    "Model",
    "SpecError",
    "__version__",
    "compile",
    "load_ipython_extension",
]
