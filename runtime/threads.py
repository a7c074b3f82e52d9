"""How many threads NumPy's matrix library may take."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ..compiler.cost import multiply_adds
from ..compiler.ir import Graph

# About a tenth of a millisecond of work. In products below that, threads wait for one another: alone on a
# machine that gains little, and where something else runs they lost a factor of 25.
SHARED_PRODUCT = 8_000_000


def threads_for(graph: Graph, n: int) -> AbstractContextManager[object]:
    """While it lasts, one thread for the products of a graph that are all small for batches of n.

    It depends on the graph and n alone, so that the same training gives the same bits.
    """
    largest = max((multiply_adds(graph, node.id, n) for node in graph), default=0)
    if largest >= SHARED_PRODUCT:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")
