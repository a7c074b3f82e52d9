"""grad(e, t) as an expression, against formulas and differences."""

from __future__ import annotations

import numpy as np
import pytest

from netc.compiler.ir import Result

from .networks import bound, lower, mistake, values

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 3))
INPUT = "input x[N, 3]\n"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("grad(sum(x ^ 3), x)", 3 * X**2),
        ("sum(x ^ 3) -> grad(x)", 3 * X**2),
        ("grad(sum(sin(x)), x)", np.cos(X)),
        ("grad(sum(grad(sum(sin(x)), x)), x)", -np.sin(X)),
        ("grad(sum(x * grad(sum(x ^ 3), x)), x)", 9 * X**2),
        ("grad(sum(grad(sum(square(grad(sum(x ^ 3), x))), x)), x)", 108 * X**2),
        ("grad(mean(square(x)), x)", 2 * X / 15),
        ("2 * grad(sum(exp(x)), x) + x", 2 * np.exp(X) + X),
    ],
)
def test_formulas(formula: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(bound(f"{INPUT}h = {formula}", "h", x=X), expected, rtol=1e-12)


def test_of_a_named_tensor_in_the_middle() -> None:
    h = bound(INPUT + "a = square(x)\nb = sum(a ^ 3)\nh = grad(b, a)", "h", x=X)
    np.testing.assert_allclose(h, 3 * X**4)


def test_of_a_parameter_as_an_output() -> None:
    text = INPUT + "param W[3, 2] ~ glorot\nh = tanh(x @ W)\nslope = grad(sum(h), W)\noutput s = slope"
    W = RNG.normal(size=(3, 2))
    np.testing.assert_allclose(bound(text, "slope", x=X, W=W), X.T @ (1 - np.tanh(X @ W) ** 2))


def test_inside_a_layer() -> None:
    text = INPUT + "layer slope(x[N, d]) {\n y = sum(cos(x))\n return grad(y, x)\n}\nh = slope(x)"
    np.testing.assert_allclose(bound(text, "h", x=X), -np.sin(X))


def test_a_penalty_has_gradients_of_second_order() -> None:
    """Gradients of a loss with a gradient in it, against differences."""
    text = """
    param W[3, 4], V[4, 1] ~ glorot
    f = tanh(x @ W) @ V
    loss mean(square(f)) + sum(square(grad(sum(f), x)), axis = 1)
    """
    graph = lower(INPUT + text, precision="float64").training
    at = {"x": X, "W": RNG.normal(size=(3, 4)), "V": RNG.normal(size=(4, 1))}

    def loss(step: float, way: dict[str, np.ndarray]) -> float:
        moved = {k: v + step * way[k] if k in way else v for k, v in at.items()}
        return float(values(graph, {"loss": Result("loss", "loss")}, moved)["loss"])

    gradients = values(graph, {k: Result("gradient", k) for k in ("W", "V")}, at)
    for _ in range(5):
        way = {k: RNG.normal(size=at[k].shape) for k in ("W", "V")}
        slope = sum(float((gradients[k] * way[k]).sum()) for k in way)
        difference = (loss(1e-5, way) - loss(-1e-5, way)) / 2e-5
        assert slope == pytest.approx(difference, rel=1e-6)


def test_through_random_masks_the_same_numbers_flow() -> None:
    text = INPUT + "h = dropout(x)\ng = grad(sum(h), x)"
    h, g = bound(text, "h", "g", x=X, training=True)
    np.testing.assert_allclose(h, g * X)


def test_what_does_not_matter_has_gradient_zero_and_a_warning() -> None:
    network = lower(INPUT + "input v[N]\nh = grad(sum(x), v)")
    (warning,) = network.warnings
    assert warning.title == "sum(x) does not depend on v"
    text = INPUT + "input v[N]\nh = grad(sum(x), v)"
    np.testing.assert_array_equal(bound(text, "h", x=X, v=np.ones(5)), np.zeros(5))


def test_what_has_no_gradient() -> None:
    error = mistake(INPUT + "h = grad(square(x), x)")
    assert error.title == "grad wants a scalar, and was given square(x)[N, 3]"
    assert error.help == "write grad(sum(square(x)), x)"
    classes = "input y[N] : class(3)\n"
    assert "no gradient" in mistake(INPUT + classes + "h = grad(sum(x), y)").title
    assert "no gradient" in mistake(INPUT + classes + "h = grad(sum(y), x)").title
    assert "no gradient" in mistake(INPUT + "h = grad(3, x)").title
    assert "grad(e, t), and was given 1 argument" in mistake(INPUT + "h = grad(sum(x))").title
    assert mistake(INPUT + "h = grad(sum(x), x, axis = 1)").title == "grad has no argument called axis"


def test_a_layer_of_the_users_may_be_called_grad() -> None:
    np.testing.assert_array_equal(bound(INPUT + "layer grad(x[...]) { return x }\nh = grad(x)", "h", x=X), X)
