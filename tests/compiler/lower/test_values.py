"""What formulas mean: their values against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .networks import bound, lower, mistake

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 3, 4))
INPUT = "input x[N, 3, 4]\n"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("2 ^ 3 ^ 2 * x", 512 * X),
        ("-x ^ 2", -(X**2)),
        ("x - 1 - 2", X - 3),
        ("1 / 2 / x", 0.5 / X),
        ("x > 0 and not (x > 1)", (X > 0) & (X <= 1)),
        ("where(x > 0, x, 0)", np.maximum(X, 0)),
        ("x.T", X.swapaxes(1, 2)),
        ("x @ x.T", X @ X.swapaxes(1, 2)),
        ("x - mean(x, axis = [1, 2], keep = true)", X - X.mean((1, 2), keepdims=True)),
        ("sum(x) / N", X.sum() / 5),
        ("x * (1 / N)", X / 5),
        ("x / N / 2", X / 10),
        ("x + N - N", X),
        ("10% * x", 0.1 * X),
        ("(7 / 2) * x", 3.5 * X),
        ("sqrt(4) * x", 2 * X),
        ("x -> exp -> log -> square", X**2),
        ("x -> 3 * tanh", np.tanh(np.tanh(np.tanh(X)))),
        ("x -> maximum(0) -> sum(axis = 1)", np.maximum(X, 0).sum(1)),
        ("concat([x, x])", np.concatenate([X, X], 1)),
        ("stack([x, -x], axis = -1)", np.stack([X, -X], -1)),
        ("reshape(x, [N, -1])", X.reshape(5, -1)),
        ("reshape(x, [N * 3, 4])", X.reshape(15, 4)),
        ("flatten(x)", X.reshape(5, 12)),
        ("flatten(x, axis = 3)", X[..., None]),
        ("transpose(x)", X.T),
        ("transpose(x, [0, -1, 1])", X.swapaxes(1, 2)),
        ("tile(x, [1, 2, 3])", np.tile(X, (1, 2, 3))),
        ("pad(x, [0, 1, [2, 0]], value = 7)", np.pad(X, ((0, 0), (1, 1), (2, 0)), constant_values=7)),
        ("expand(x, 1) -> squeeze", X),
        ("one_hot(argmax(x), 4)", np.eye(4)[X.argmax(-1)]),
        ("cumsum(x, axis = 1)", X.cumsum(1)),
        ("range(4) * x", np.arange(4) * X),
        ("[x, 2 * x][1]", 2 * X),
        ("count(x, axis = [0, 1]) * x", 15 * X),
        ("any(x > 10)", np.array(False)),
        ('einsum("nij,nkj->nik", x, x)', X @ X.swapaxes(1, 2)),
        ("take_along(x, argmax(x) -> expand(-1))", X.max(-1, keepdims=True)),
        ("flip(x, axis = [1, 2])", X[:, ::-1, ::-1]),
        ("(erf(0) + tanh(0) + maximum(2, 3)) * x", 3 * X),
        ("where(training, 0, x)", X),
        ("mean(x, axis = -1)", X.mean(-1)),
    ],
)
def test_formulas(formula: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(bound(f"{INPUT}h = {formula}", "h", x=X), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "index",
    ["0", "-1", "1:", ":-1", ":", "::-1", "...", "..., 0", "0, ...", ":, 1", ":, -1, 2", ":, 0:2", "..., ::2",
     ":, :, ::-2", ":, 1:, -3:-1", "1:, ..., 1", ":, 0:99", "-1, :, 0", "::-1, 0"],
)  # fmt: skip
def test_indices_are_numpys(index: str) -> None:
    expected = eval(f"X[{index}]", {"X": X})
    np.testing.assert_array_equal(bound(f"{INPUT}h = x[{index}]", "h", x=X), expected)


def part(size: int) -> st.SearchStrategy[str]:
    edge = st.one_of(st.just(""), st.integers(-size - 1, size + 1).map(str))
    cut = st.tuples(edge, edge, st.sampled_from(["", ":1", ":2", ":3"])).map(lambda t: f"{t[0]}:{t[1]}{t[2]}")
    return st.one_of(cut, st.integers(-size, size - 1).map(str), st.sampled_from(["::-1", "::-2"]))


@given(st.tuples(part(3), part(4)))
@settings(max_examples=60, deadline=None)
def test_every_index_of_a_fixed_axis(index: tuple[str, str]) -> None:
    text = f":, {', '.join(index)}"
    expected = eval(f"X[{text}]", {"X": X})
    if expected.size:
        np.testing.assert_array_equal(bound(f"{INPUT}h = x[{text}]", "h", x=X), expected)
    else:
        assert mistake(f"{INPUT}h = x[{text}]").code == "shape"


def test_an_integer_tensor_takes_rows() -> None:
    t = np.array([[0, 2], [1, 1], [2, 0]])
    E = RNG.normal(size=(3, 4))
    text = "input t[N, 2] : class(3)\nparam E[3, 4] ~ normal(0, 1)\nh = E[t]\ng = sum(E[t], axis = 1)[:, 0]"
    h, g = bound(text, "h", "g", n=3, t=t, E=E)
    np.testing.assert_array_equal(h, E[t])
    np.testing.assert_allclose(g, E[t].sum(1)[:, 0])


def test_the_batch_may_hold_one_sample() -> None:
    assert mistake(f"{INPUT}h = x[:3]").label == "the batch may hold one sample"
    assert mistake(f"{INPUT}h = x[2]").label == "the batch may hold one sample"
    assert bound(f"{INPUT}h = x[1:] - x[:-1]", "h", x=X).shape == (4, 3, 4)


@pytest.mark.parametrize("index", ["3", "0.5", "x", ":, 3", ":, :, :, 0", "..., ...", ":, ::0", ":, 2:0"])
def test_indices_that_cannot_be(index: str) -> None:
    mistake(f"{INPUT}h = x[{index}]")


def test_an_ellipsis_of_a_pattern_stands_for_its_axes() -> None:
    text = """
    layer first(x[N, ..., d]) { return x[..., 0] * reshape(x[..., 0], [N, ...]) }
    layer same(x[..., d]) {
        y = uniform([..., d])
        return where(y < 2, x, 0)
    }
    h = x -> same
    g = first(x)
    """
    h, g = bound(INPUT + text, "h", "g", x=X)
    np.testing.assert_array_equal(h, X)
    np.testing.assert_array_equal(g, X[..., 0] ** 2)


def test_dim_patterns_bind_sizes() -> None:
    text = "layer f(x[n, c, d], k = 2 * d, m = k + c) { return x * (100 * n / n + 10 * k + m) }\nh = f(x)"
    np.testing.assert_allclose(bound(INPUT + text, "h", x=X), X * (100 + 80 + 11))
    text = "layer f(x[N, c, d], w[d, e]) { return x @ w / e }\nparam W[4, 2] ~ glorot\nh = f(x, W)"
    W = RNG.normal(size=(4, 2))
    np.testing.assert_allclose(bound(INPUT + text, "h", x=X, W=W), X @ W / 2)


def test_a_number_is_a_tensor_without_axes() -> None:
    np.testing.assert_allclose(bound(f"{INPUT}h = mse(x, 0)", "h", x=X), X**2)


def test_a_list_of_tensors_is_one_row_where_a_tensor_is_wanted() -> None:
    text = "param a[2, 3], b[4] ~ ones\nh = l2([a, b])\ng = l1(params)"
    a, b = RNG.normal(size=(2, 3)), RNG.normal(size=4)
    h, g = bound(INPUT + text, "h", "g", a=a, b=b, x=X)
    np.testing.assert_allclose(h, (a**2).sum() + (b**2).sum())
    np.testing.assert_allclose(g, abs(a).sum() + abs(b).sum())


def test_functions_are_handed_on() -> None:
    text = "layer twice(x[...], f = tanh) { return f(f(x)) }\nh = twice(x, f = square)\ng = x -> twice"
    h, g = bound(INPUT + text, "h", "g", x=X)
    np.testing.assert_allclose(h, X**4)
    np.testing.assert_allclose(g, np.tanh(np.tanh(X)))


def test_if_is_decided_while_compiling() -> None:
    text = (
        INPUT + "dim A = 2\nif A > 1 and not training { h = x } else if A == 0 { h = -x } else { h = 0 * x }"
    )
    assert (bound(text, "h", x=X) == X).all()
    assert (bound(text, "h", x=X, training=True) == 0).all()


def test_a_files_own_layer_comes_before_the_standard_one_with_a_warning() -> None:
    network = lower(
        INPUT + "layer relu6(x[...]) { return x }\nlayer silu(x[...]) { return 7 * x }\nh = relu6(silu(x))"
    )
    (warning,) = network.warnings
    assert warning.title == "this layer takes the place of the standard silu"
    text = INPUT + "layer silu(x[...]) { return 7 * x }\nh = silu(x)"
    np.testing.assert_array_equal(bound(text, "h", x=X), 7 * X)


def test_a_dim_is_overridden_with_all_that_follows_from_it() -> None:
    text = INPUT + "dim H = 16, K = 2 * H\nh = x -> flatten -> dense(K)"
    network = lower(text, dims={"H": "3 + 1"})
    assert dict(network.dims) == {"H": 4, "K": 8}
    assert network.variables["h.dense1.W"].type.shape == (12, 8)


def test_included_layers_and_dims_are_known() -> None:
    files = {
        "lib/blocks.net": 'include "more.net"\ndim H = 3\nlayer block(x[N, d]) { return dense(x, H * K) }',
        "lib/more.net": 'include "blocks.net"\ndim K = 2',
    }
    text = 'include "lib/blocks.net"\ninclude "lib/more.net"\ninput x[N, 4]\nh = block(x)'
    network = lower(text, files=files)
    assert network.variables["h.dense1.W"].type.shape == (4, 6) and dict(network.dims) == {"K": 2, "H": 3}


def test_training_sees_what_dropout_does_and_evaluating_does_not() -> None:
    text = INPUT + "h = dropout(x, 0.5)\ng = dropout(x, 0.5)\nk = x -> 2 * noise2\n"
    text += "layer noise2(x[...]) { return x + normal([...]) }"
    h, g = bound(text, "h", "g", x=X, training=True)
    assert ((h == 0) | (h == 2 * X)).all() and (h != g).any()
    assert (bound(text, "h", x=X) == X).all()


def test_the_uses_of_a_shared_layer_draw_different_numbers() -> None:
    text = INPUT + "layer f(x[...]) { return x * uniform([...]) }\nshared s = f()\nh = s(x)\ng = s(x)"
    h, g = bound(text, "h", "g", x=X, training=True)
    assert (h != g).all()
