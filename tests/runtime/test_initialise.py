"""Starting values: moments and bounds of the papers' formulas, orthogonality, by seed and name alone."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from netc.compiler.initialisers import INITIALISERS
from netc.runtime.initialise import draw

DENSE = (300, 200)
CONV = (40, 24, 5, 3)  # 24 · 15 = 360 in, 40 · 15 = 600 out


def given(name: str) -> tuple[str | float, ...]:
    return (name, *(7.0 if p.default is None else p.default for p in INITIALISERS[name].parameters))


@pytest.mark.parametrize(
    ("name", "shape", "limit"),
    [
        ("glorot", DENSE, sqrt(6 / 500)),
        ("glorot", CONV, sqrt(6 / 960)),
        ("he", DENSE, sqrt(6 / 300)),
        ("he", CONV, sqrt(6 / 360)),
        ("lecun", DENSE, sqrt(3 / 300)),
        ("lecun", CONV, sqrt(3 / 360)),
        ("fan_in_uniform", DENSE, 1 / sqrt(300)),
        ("fan_in_uniform", CONV, 1 / sqrt(360)),
    ],
)
def test_uniform_by_fans(name: str, shape: tuple[int, ...], limit: float) -> None:
    values = draw("W", shape, given(name), 1, "float64").ravel()
    assert np.abs(values).max() <= limit
    assert stats.kstest(values, stats.uniform(-limit, 2 * limit).cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("initial", "shape", "mean", "std"),
    [
        (("glorot_normal",), DENSE, 0, sqrt(2 / 500)),
        (("glorot_normal",), CONV, 0, sqrt(2 / 960)),
        (("he_normal",), DENSE, 0, sqrt(2 / 300)),
        (("he_normal",), CONV, 0, sqrt(2 / 360)),
        (("normal",), (20_000,), 0, 1),
        (("normal", 3.0, 0.02), (20_000,), 3, 0.02),
    ],
)
def test_normal(initial: tuple[str | float, ...], shape: tuple[int, ...], mean: float, std: float) -> None:
    values = draw("W", shape, initial, 1, "float64").ravel()
    assert stats.kstest(values, stats.norm(mean, std).cdf).pvalue > 0.01


def test_uniform_between_bounds() -> None:
    values = draw("b", (20_000,), ("uniform", 2.0, 5.0), 1, "float64")
    assert stats.kstest(values, stats.uniform(2, 3).cdf).pvalue > 0.01
    values = draw("b", (20_000,), ("fan_in_uniform", 16.0), 1, "float64")
    assert stats.kstest(values, stats.uniform(-0.25, 0.5).cdf).pvalue > 0.01


def test_constants() -> None:
    for initial, value in ((("zeros",), 0), (("ones",), 1), (("constant", 0.3), 0.3)):
        values = draw("b", (3, 2), initial, 1, "float32")
        assert values.dtype == "float32"
        assert (values == np.float32(value)).all()


@pytest.mark.parametrize("shape", [(6, 6), (8, 5), (5, 8), (4, 3, 2, 2), (20, 3, 2, 2)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = draw("W", shape, ("orthogonal",), 1, "float64").reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(min(w.shape)), atol=1e-12)


def test_orthogonal_prefers_no_direction() -> None:
    """Each entry of a matrix drawn by Haar's measure has mean 0 and variance 1 / n."""
    first = np.array([draw(f"W{i}", (3, 3), ("orthogonal",), 1, "float64") for i in range(2000)])
    np.testing.assert_allclose(first.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(first.var(0), 1 / 3, atol=0.05)


@pytest.mark.parametrize("name", INITIALISERS)
def test_the_name_and_the_seed_decide(name: str) -> None:
    first = draw("h.W", (5, 4), given(name), 1, "float64")
    draw("other.W", (7, 3), given(name), 1, "float64")
    np.testing.assert_array_equal(first, draw("h.W", (5, 4), given(name), 1, "float64"))
    np.testing.assert_array_equal(first.astype("float32"), draw("h.W", (5, 4), given(name), 1, "float32"))
    if name not in ("zeros", "ones", "constant"):
        assert not np.isin(first, draw("h.W", (5, 4), given(name), 2, "float64")).any()
        assert not np.isin(first, draw("g.W", (5, 4), given(name), 1, "float64")).any()


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, rule in INITIALISERS.items()
        if not rule.parameters[:1] or name in ("normal", "uniform", "fan_in_uniform")
    ],
)
def test_a_bare_name_means_its_defaults(name: str) -> None:
    bare = draw("W", (5, 4), (name,), 1, "float64")
    np.testing.assert_array_equal(bare, draw("W", (5, 4), given(name), 1, "float64"))


@pytest.mark.parametrize("name", [name for name, rule in INITIALISERS.items() if rule.needs_matrix])
def test_a_vector_has_no_fans(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs two axes, an input and an output; h.b has 1"):
        draw("h.b", (5,), given(name), 1, "float32")


def test_fan_in_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="fan_in of b is -4"):
        draw("b", (5,), ("fan_in_uniform", -4.0), 1, "float32")
