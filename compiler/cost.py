"""How much arithmetic an operation is."""

from __future__ import annotations

from math import prod

from .ir import Graph, TensorType
from .storage import bound


def multiply_adds(graph: Graph, id: int, n: int = 1) -> int:
    """Multiplications, each with an addition, of a product or convolution for a batch of n; 0 for the rest.

    Elementwise operations and sums are left out, as is usual: they are few beside these.
    """
    node = graph[id]
    operands = [graph[o].type for o in graph.operands(id)]
    match node.op:
        case "matmul":
            return _elements(node.type, n) * bound(operands[0], n)[-1]
        case "einsum":
            letters = str(node.attr("spec")).replace(" ", "").partition("->")[0].split(",")
            pairs = zip(letters, operands, strict=True)
            sizes = {
                letter: size for term, t in pairs for letter, size in zip(term, bound(t, n), strict=True)
            }
            return prod(sizes.values()) if len(operands) > 1 else 0
        case "conv":
            return _elements(node.type, n) * prod(bound(operands[1], n)[1:])
        case "conv_input_gradient":
            return _elements(operands[0], n) * prod(bound(operands[1], n)[1:])
        case "conv_weight_gradient":
            return _elements(operands[1], n) * prod(bound(node.type, n)[1:])
        case _:
            return 0


def _elements(type: TensorType, n: int) -> int:
    return prod(bound(type, n))
