"""What of the language is not written in .net: primitive functions and initialisers, as users see them."""

from __future__ import annotations

import inspect
from string import Formatter

from .compiler.initialisers import INITIALISERS
from .compiler.lower.functions import FUNCTIONS, Function
from .compiler.ops.op import REGISTRY


def definition(name: str) -> str | None:
    """How a primitive is written, with its formula where it is one operation; None where there is none."""
    if name in FUNCTIONS:
        return _function(FUNCTIONS[name])
    if name in INITIALISERS:
        return f"param W[…] ~ {_initialiser(name)}"
    return None


def functions() -> list[str]:
    """The names of the functions, also of those whose name a layer of the standard library has too."""
    return list(FUNCTIONS)


def initialisers() -> list[str]:
    """The names of the initialisers."""
    return list(INITIALISERS)


def _function(function: Function) -> str:
    lines = [f"# {line}".rstrip() for line in (inspect.getdoc(function.build) or "").splitlines()]
    lines.append(function.signature)
    op = REGISTRY.get(function.name)
    formula = _formula(op.math, [p.name for p in function.parameters]) if op is not None else ""
    if formula and not formula.startswith(f"{function.name}("):
        lines.append(f"    = {formula}")
    return "\n".join((*lines, "# a primitive: it is not written in .net"))


class _Names(dict[str, str]):
    """Every attribute stands for itself."""

    def __missing__(self, key: str) -> str:
        return key


def _formula(math: str, names: list[str]) -> str:
    """The formula with its arguments' names for operands."""
    return Formatter().vformat(math, names, _Names(operands=", ".join(names)))


def _initialiser(name: str) -> str:
    parameters = INITIALISERS[name].parameters
    texts = [p.name if p.default is None else f"{p.name} = {p.default:g}" for p in parameters]
    return f"{name}({', '.join(texts)})" if texts else name
