"""Which metrics are functions of sums over samples, and what becomes of the others."""

from __future__ import annotations

import numpy as np
import pytest

from netc.compiler.extract import select
from netc.compiler.ir import Graph, Result
from netc.compiler.metrics import accumulate

from .lower.networks import lower, values

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(11, 3)), RNG.normal(size=(11, 3))
HEAD = "input x[N, 3]\ninput y[N, 3]\n"


def in_batches(formula: str, *sizes: int) -> tuple[float, list[float]]:
    """A metric over batches of these sizes, by its statistics; and what each batch gives alone."""
    graph = lower(f"{HEAD}metric m = {formula}", precision="float64").evaluating
    parts = accumulate(select(graph, lambda r: r.kind == "metric"))
    totals: dict[str, np.ndarray] = {}
    alone: list[float] = []
    start = 0
    for size in sizes:
        batch = {"x": X[start : start + size], "y": Y[start : start + size]}
        for name, value in values(parts.statistics, named(parts.statistics), batch, size).items():
            totals[name] = totals.get(name, np.zeros(())) + value
        alone.append(float(values(graph, named(graph), batch, size)["m"]))
        start += size
    return float(values(parts.finish, named(parts.finish), totals)["m"]), alone


def named(graph: Graph) -> dict[str, Result]:
    return {r.name: r for r in graph.results if r.kind == "metric"}


@pytest.mark.parametrize(
    "formula",
    [
        "mse(x, y)",
        "sum(x) / N",
        "mae(x, y) + 1",
        "r2(x, y)",
        "sqrt(mean(square(x - y)))",
        "mean(x) * mean(y)",
        "sum(x * y) / sqrt(sum(square(x)) * sum(square(y)))",
        "mean(softmax(x) * y)",
        "mean(concat([x, y]))",
    ],
)
def test_functions_of_sums_are_exact(formula: str) -> None:
    (whole,) = in_batches(formula, 11)[1]
    assert in_batches(formula, 4, 5, 2)[0] == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    "formula",
    [
        "var(x)",
        "mean(square(x - mean(x, axis = 0)))",
        "max(x)",
        "sum(x * softmax(x, axis = 0))",
        "sum(x * x[::-1])",
        "sum(x @ y.T)",
        "sum(cumsum(x, axis = 0))",
        "sum(x / N)",
        "sum(x[1:] * x[:-1])",
    ],
)
def test_what_mixes_samples_is_the_weighted_mean_over_batches(formula: str) -> None:
    figure, alone = in_batches(formula, 4, 5, 2)
    assert figure == pytest.approx(np.average(alone, weights=[4, 5, 2]), rel=1e-12)
