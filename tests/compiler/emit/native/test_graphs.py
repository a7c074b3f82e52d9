"""Random graphs as native code and by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.ir import Graph, N, size_at

from ...passes.graphs import graphs
from .running import both

SIZES = st.sampled_from((1, 5, 19))


def with_parameters(graph: Graph) -> Graph:
    """The same, in which what has no batch axis is a parameter, not fed."""
    made = Graph()
    ids: dict[int, int] = {}
    for node in graph:
        op = "param" if node.op == "input" and N not in node.type.shape else node.op
        operands = [ids[o] for o in graph.operands(node.id)]
        ids[node.id] = made.add(op, operands, node.type, node.attrs, node.name)
    made.results |= {result: ids[id] for result, id in graph.results.items()}
    return made


def check(graph: Graph, n: int) -> None:
    rng = np.random.default_rng(n)
    leaves = [node for node in graph if node.op in ("input", "param")]
    arrays: Any = {
        leaf.name: rng.uniform(-1.5, 1.5, [size_at(d, n) for d in leaf.type.shape]) for leaf in leaves
    }
    found, wanted = both(with_parameters(graph), n, {k: np.asarray(v) for k, v in arrays.items()})
    for result, value in wanted.items():
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        np.testing.assert_allclose(found[result], value, rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("gradients", [False, True])
@given(st.data(), SIZES)
@settings(max_examples=40, deadline=None)
def test_samples(gradients: bool, data: Any, n: int) -> None:
    check(data.draw(graphs(gradients, rows=N)), n)


@given(graphs(gradients=True))
@settings(max_examples=40, deadline=None)
def test_without_a_batch_axis(graph: Graph) -> None:
    check(graph, 5)
