"""Common subexpressions: what is computed twice is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..build import Builder, Value
from ..ir import Attrs, Graph, TensorType
from ..verify import LEAVES
from .pattern import COMMUTATIVE
from .rewrite import rebuild


def cse(graph: Graph) -> Graph:
    """Operations of one name with the same operands and attributes become one, the first of them.

    Commutative operations may have their operands in either order. Random tensors are the same if their key
    is.
    """
    return rebuild(graph, _Sharing(Graph()))


_Key = tuple[str, tuple[int, ...], str, TensorType]


@dataclass(slots=True)
class _Sharing(Builder):
    known: dict[_Key, Value] = field(default_factory=dict[_Key, Value])

    def add(
        self, op: str, operands: Sequence[Value], type: TensorType, attrs: Attrs = (), name: str = ""
    ) -> Value:
        if op in LEAVES:
            return Builder.add(self, op, operands, type, attrs, name)
        ids = tuple(v.id for v in operands)
        if op in COMMUTATIVE:
            ids = tuple(sorted(ids))
        # Attributes by their text, for 0.0 and -0.0 are equal, and so are 1 and true.
        key = (op, ids, repr(attrs), type)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Builder.add(self, op, operands, type, attrs, name)
        return found
