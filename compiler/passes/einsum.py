"""An einsum of several factors as einsums of two.

At once, it makes as many products as the sizes of all letters multiplied; two factors at a time make fewer,
and kernels exist for two. Those two begin for which all that follows makes the fewest.
Source: Lam, Sadayappan & Wenger 1997, "On optimizing a class of multi-dimensional loops with reductions for
parallel execution".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from math import prod

from ..build import Value
from ..ir import Graph, size_at
from ..ops.contraction import letters_of
from .cse import cse
from .rewrite import Term, rewrite


def two_at_a_time(graph: Graph, n: int) -> Graph:
    """The graph for batches of n with every einsum of two factors, or of one."""
    if not any(node.op == "einsum" and len(graph.operands(node.id)) > 2 for node in graph):
        return graph
    return cse(rewrite(graph, {"einsum": (partial(_begun, n),)})[0])


def _begun(n: int, term: Term) -> Value | None:
    """The einsum with its first two factors multiplied, which may have several left."""
    if len(term.operands) < 3:
        return None
    names, result = letters_of(str(term.attr("spec")))
    sizes = {
        letter: size_at(d, n)
        for own, value in zip(names, term.operands, strict=True)
        for letter, d in zip(own, value.shape, strict=True)
    }

    def products(pair: Sequence[int]) -> int:
        """Of the two, and of what they make with all others."""
        kept, others = _kept(names, pair, result), [names[k] for k in range(len(names)) if k not in pair]
        both, rest = "".join(names[k] for k in pair), "".join([kept, *others])
        return sum(prod(sizes[letter] for letter in set(letters)) for letters in (both, rest))

    i, j = min(combinations(range(len(names)), 2), key=products)
    kept = _kept(names, (i, j), result)
    made = term.operands[i].op("einsum", term.operands[j], spec=f"{names[i]},{names[j]}->{kept}")
    left = [k for k in range(len(names)) if k != j]
    first, *rest = (made if k == i else term.operands[k] for k in left)
    return first.op("einsum", *rest, spec=f"{','.join(kept if k == i else names[k] for k in left)}->{result}")


def _kept(names: Sequence[str], pair: Sequence[int], result: str) -> str:
    """The letters of two factors that something else has too, in their order."""
    wanted = {*result, *(letter for k, own in enumerate(names) if k not in pair for letter in own)}
    return "".join(letter for letter in dict.fromkeys("".join(names[k] for k in pair)) if letter in wanted)
