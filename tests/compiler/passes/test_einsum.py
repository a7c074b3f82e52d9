"""Long einsums, two factors at a time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.build import Builder
from netc.compiler.ir import Dim, Graph, N, Result, TensorType
from netc.compiler.passes import optimise, two_at_a_time
from netc.compiler.plan import plan
from netc.compiler.verify import verify

from .graphs import agree, formula


def einsum(spec: str, sizes: dict[str, Dim]) -> Graph:
    graph = Graph()
    build = Builder(graph)
    factors = [
        build.add("input", (), TensorType("float64", tuple(sizes[letter] for letter in own)), name=f"x{k}")
        for k, own in enumerate(spec.partition("->")[0].split(","))
    ]
    graph.results[Result("value", "y")] = factors[0].op("einsum", *factors[1:], spec=spec).id
    return graph


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ({"i": 50, "j": 40, "k": 30, "l": 2}, "einsum(x0, einsum(x1, x2, spec=jk,kl->jl), spec=ij,jl->li)"),
        ({"i": 2, "j": 30, "k": 40, "l": 50}, "einsum(einsum(x0, x1, spec=ij,jk->ik), x2, spec=ik,kl->li)"),
        ({"i": N, "j": 30, "k": 40, "l": 2}, "einsum(x0, einsum(x1, x2, spec=jk,kl->jl), spec=ij,jl->li)"),
        ({"i": 2, "j": 3, "k": 40, "l": N}, "einsum(einsum(x0, x1, spec=ij,jk->ik), x2, spec=ik,kl->li)"),
    ],
)
def test_the_cheapest_two_first(sizes: dict[str, Dim], wanted: str) -> None:
    """Of a chain of matrices: i·j·k + i·k·l products from the left, j·k·l + i·j·l from the right."""
    assert formula(two_at_a_time(einsum("ij,jk,kl->li", sizes), 64)) == wanted


def test_two_factors_are_left_alone() -> None:
    graph = einsum("ij,jk->ik", {"i": 2, "j": 3, "k": 4})
    assert two_at_a_time(graph, 8) is graph


letters = st.lists(st.sampled_from("nabc"), max_size=3, unique=True).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(letters, min_size=3, max_size=4), st.data())
def test_the_meaning_stays(names: list[str], data: st.DataObject) -> None:
    """Also of factors that have nothing in common, and of letters that one alone has."""
    known = sorted({letter for own in names for letter in own})
    result = "".join(data.draw(st.lists(st.sampled_from(known), unique=True))) if known else ""
    graph = einsum(f"{','.join(names)}->{result}", {"n": 4, "a": 2, "b": 3, "c": 5})
    after = two_at_a_time(graph, 8)
    verify(after, "two_at_a_time")
    agree(graph, after)
    assert all(len(after.operands(node.id)) <= 2 for node in after if node.op == "einsum")


def test_only_what_runs_is_divided() -> None:
    """What people read has the einsums that were written."""
    graph = einsum("ij,jk,kl->li", {"i": N, "j": 3, "k": 4, "l": 5})
    assert formula(optimise(graph)) == "einsum(x0, x1, x2, spec=ij,jk,kl->li)"
    counts = [len(p.graph.operands(n.id)) for p in [plan(graph, 7)] for n in p.graph if n.op == "einsum"]
    assert counts == [2, 2]
