"""The syntax tree as an indented text that people can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import cast

from . import ast

Node = ast.Module | ast.Item | ast.Statement | ast.Expr

_KINDS = {
    "DimDef": "dim",
    "LayerDef": "layer",
    "OptimizerDef": "optimizer",
    "ListExpr": "list",
    "Ellipsis_": "...",
}
_INLINE = ("name", "function", "target", "counter", "item", "pin")  # names that stand in their node's line
_ROLES = ("count", "default", "initialiser", "condition", "orelse", "classes", "start", "stop", "step")


def show(node: Node) -> str:
    """One node a line, what it consists of below it, with the part that it plays where that is not plain."""
    return "\n".join(_lines(node, "", 0)) + "\n"


def _lines(node: object, role: str, depth: int) -> Iterator[str]:
    kind = type(node).__name__
    words = [role] * bool(role) + [_KINDS.get(kind, kind.lower())]
    below: list[tuple[str, object]] = []
    for field in fields(cast(ast.Module, node)):
        name, value = field.name, getattr(node, field.name)
        match value:
            case ast.Name() if name in _INLINE:
                words.append(f"as {value.text}" if name in ("counter", "item", "pin") else value.text)
            case ast.Shape() if (sizes := _sizes(value)) is not None:
                words.append(sizes)
            case bool():
                words += [name] * value
            case str() | int() | float():
                words.append(f'"{value}"' if isinstance(node, ast.String) else str(value))
            case tuple():
                below += [(name, part) for part in cast(tuple[object, ...], value)]
            case None:
                pass
            case _ if not name.endswith("span"):
                below.append((name, value))
            case _:
                pass
    yield "  " * depth + " ".join(words)
    for name, part in below:
        yield from _lines(part, name if name in _ROLES else "", depth + 1)


def _sizes(shape: ast.Shape) -> str | None:
    """A shape of plain names and numbers, in one line."""
    words: list[str] = []
    for dim in shape.dims:
        match dim:
            case ast.Name():
                words.append(dim.text)
            case ast.Number():
                words.append(str(dim.value))
            case ast.Ellipsis_():
                words.append("...")
            case _:
                return None
    return f"[{', '.join(words)}]"
