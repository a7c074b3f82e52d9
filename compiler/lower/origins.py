"""Where a size came from: the sentences under a shape error."""

from __future__ import annotations

from collections.abc import Mapping

from .. import ast
from ..ir import Attr, Graph, TensorType, product
from .context import Context

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def origin(context: Context, id: int, axis: int, name: str = "") -> str:
    """One sentence on the size of a node's axis: its number, name and way here; '' if none can be told.

    name: what the source calls the node, if it has a name there.
    """
    graph = context.builder.graph
    size = graph[id].type.shape[axis]
    leaf, leaf_axis = _trace(context, graph, id, axis)
    declared = context.shapes.get(leaf)
    if declared is None or declared.shaped.shape is None or graph[leaf].type.shape[leaf_axis] != size:
        return ""
    call = declared.frame.call
    if declared.frame.library.standard and call is not None:
        return f"{size} comes from {' '.join(call.text.split())} on line {call.line}"
    shaped, dims = declared.shaped, declared.shaped.shape.dims
    if any(isinstance(d, ast.Ellipsis_) for d in dims) or leaf_axis >= len(dims):
        return ""
    dim = dims[leaf_axis]
    bound = declared.frame.dims().get(dim.text) if isinstance(dim, ast.Name) else None
    if isinstance(dim, ast.Name) and bound is not None and bound.value == size:
        place = f"{size} is {dim.text}, from line {bound.span.line}"
        if leaf == id:
            return place
        return f"{place}; it reached {name or 'this'} through {shaped.span.text} on line {shaped.span.line}"
    ordinal = _ORDINALS[leaf_axis] if leaf_axis < len(_ORDINALS) else f"{leaf_axis + 1}th"
    return f"{size} is the {ordinal} axis of {shaped.name.text}, from line {shaped.span.line}"


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
    op: str, attrs: Mapping[str, Attr], type: TensorType, operands: list[TensorType], axis: int
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
            source = axes[axis] if isinstance(axes, tuple) else None
            return (0, source) if isinstance(source, int) else None
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
            return (0, 0) if product(before) == size and before else None
        case _:
            for position, operand in enumerate(operands):
                same = axis - (type.rank - operand.rank)
                if 0 <= same < operand.rank and operand.shape[same] == size:
                    return (position, same)
            return None
