"""Where a size came from: the sentences under a shape error."""

from __future__ import annotations

from .. import ast
from ..ir import Graph, TensorType, product
from .context import Context

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def origin(context: Context, id: int, axis: int, dims: dict[str, object]) -> str:
    """One sentence on the size of a node's axis: its number, its name and its way here; '' if none can be told."""
    graph = context.builder.graph
    size = graph[id].type.shape[axis]
    leaf, leaf_axis = _trace(context, graph, id, axis)
    shaped = context.shapes.get(leaf)
    if shaped is None or shaped.shape is None:
        return ""
    declared = shaped.shape.dims
    if any(isinstance(d, ast.Ellipsis_) for d in declared) or leaf_axis >= len(declared):
        return ""
    dim = declared[leaf_axis]
    line = shaped.span.line
    text = shaped.span.text if leaf != id else ""
    if isinstance(dim, ast.Name) and dim.text in dims and hasattr(dims[dim.text], "span"):
        place = f"{size} is {dim.text}, from line {dims[dim.text].span.line}"  # type: ignore[attr-defined]
        reached = f"; it got here through {text} on line {line}" if text else ""
        return place + reached
    ordinal = _ORDINALS[leaf_axis] if leaf_axis < len(_ORDINALS) else f"{leaf_axis + 1}th"
    return f"{size} is the {ordinal} axis of {shaped.name.text}, from line {line}"


def _trace(context: Context, graph: Graph, id: int, axis: int) -> tuple[int, int]:
    """Follow an axis back through the operations to a declared tensor."""
    while id not in context.shapes:
        node = graph[id]
        operands = graph.operands(id)
        step = _source(node.op, node.arguments, node.type, [graph[o].type for o in operands], axis)
        if step is None:
            break
        id, axis = operands[step[0]], step[1]
    return id, axis


def _source(
    op: str, attrs: dict[str, object], type: TensorType, operands: list[TensorType], axis: int
) -> tuple[int, int] | None:
    """The operand and axis that an axis of the result comes from."""
    size = type.shape[axis]
    match op:
        case "matmul":
            from_right = axis == type.rank - 1
            operand = operands[1 if from_right else 0]
            return (1 if from_right else 0, operand.rank - (type.rank - axis))
        case "transpose":
            axes = attrs["axes"]
            return (0, axes[axis]) if isinstance(axes, tuple) and isinstance(axes[axis], int) else None
        case "conv":
            return (1, 0) if axis == 1 else (0, axis)
        case "sum" | "max" | "min" | "prod":
            reduced = attrs["axis"]
            if attrs["keep"] or not isinstance(reduced, tuple):
                return (0, axis)
            return (0, [i for i in range(operands[0].rank) if i not in reduced][axis])
        case "reshape":
            before, after = operands[0].shape, type.shape
            if axis < len(before) and before[: axis + 1] == after[: axis + 1]:
                return (0, axis)
            tail = len(after) - axis
            if tail <= len(before) and before[-tail:] == after[-tail:]:
                return (0, len(before) - tail)
            return (0, 0) if product(before) == size else None
        case _:
            for position, operand in enumerate(operands):
                same = axis - (type.rank - operand.rank)
                if 0 <= same < operand.rank and operand.shape[same] == size:
                    return (position, same)
            return None
