"""scan against loops of NumPy's."""

from __future__ import annotations

import numpy as np

from netc.compiler.ir import Result

from .networks import bound, lower, mistake, shapes, values

RNG = np.random.default_rng(3)
X = RNG.normal(size=(2, 5, 3))
W, U, B = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)
CELL = """
input x[N, 5, 3]
param W[3, 4], U[4, 4] ~ glorot
param b[4] ~ zeros
scan x as xt {
    carry h[N, 4] = 0
    h = tanh(xt @ W + h @ U + b)
}
g = h + 1
"""


def test_a_cell_of_ones_own() -> None:
    h, turns = np.zeros((2, 4)), []
    for t in range(5):
        h = np.tanh(X[:, t] @ W + h @ U + B)
        turns.append(h)
    expected = np.stack(turns, 1)
    found, after = bound(CELL, "h", "g", n=2, x=X, W=W, U=U, b=B)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(after, expected + 1, rtol=1e-12)


def test_several_things_are_carried() -> None:
    text = """
    input x[N, 5, 3]
    start = x[:, 0]
    scan 2 * x as xt {
        carry total[N, 3] = start, count[N, 3] = 1
        count = count + 1
        total = total + xt * count
    }
    """
    total, count = bound(text, "total", "count", n=2, x=X)
    weights = np.arange(2, 7)[:, None]
    np.testing.assert_allclose(total, X[:, :1] + np.cumsum(2 * X * weights, 1))
    np.testing.assert_allclose(count, np.broadcast_to(weights, (2, 5, 3)))


def test_all_turns_share_their_parameters() -> None:
    text = """
    input x[N, 5, 3]
    shared mix = dense(3)
    scan x as xt {
        carry h[N, 3] = 0
        param s[3] ~ ones
        z = xt -> dense(3) -> dense(3) as second
        h = tanh(s * z + mix(h))
    }
    """
    assert list(shapes(text)) == [
        "s", "z.dense1.W", "z.dense1.b", "second.W", "second.b", "mix.W", "mix.b"
    ]  # fmt: skip


def test_the_carried_name_is_the_stack_and_its_turns_are_numbered() -> None:
    graph = lower(CELL).evaluating
    named = graph.of_kind("value")
    assert list(named) == ["h", "h.1", "h.2", "h.3", "h.4", "h.5", "g"]
    assert graph[named["h"]].type.shape[1:] == (5, 4) and graph[named["h"]].name == "h"
    assert [graph[named[f"h.{t}"]].name for t in range(1, 6)] == [f"h.{t}" for t in range(1, 6)]
    assert [graph[named[f"h.{t}"]].scope[-1].repeat for t in range(1, 6)] == [1, 2, 3, 4, 5]


def test_names_of_the_body_end_with_it() -> None:
    error = mistake(CELL + "k = xt")
    assert error.title == "`xt` is what one turn of the scan on line 5 sees, and is known inside it alone"


def test_every_turn_draws_its_own_numbers() -> None:
    text = "input x[N, 5, 3]\nscan x as xt { carry h[N, 3] = 0\n h = uniform([N, 3]) }"
    h = bound(text, "h", n=2, x=X, training=True)
    assert len(np.unique(h)) == h.size


def test_states_go_from_turn_to_turn() -> None:
    text = """
    layer counted(x[N, d]) {
        state m[] ~ zeros
        m <- m + 1
        return x
    }
    input x[N, 5, 3]
    scan x as xt {
        carry h[N, 3] = 0
        h = h -> counted
    }
    """
    graph = lower(text).training
    (name,) = graph.of_kind("update")
    found = values(graph, {"m": Result("update", name)}, {"x": X, name: np.array(10.0)}, 2)
    assert found["m"] == 15


def test_recurrent_layers_of_the_library_run_along_the_sequence() -> None:
    text = "input x[N, 5, 3]\nh = x -> rnn(4) -> gru(3) -> lstm(2)"
    found = shapes(text)
    assert found["h.rnn1.U"] == "[4, 4]" and found["h.gru1.Wr"] == "[4, 3]" and found["h.lstm1.bf"] == "[2]"
    assert (
        str(lower(text).evaluating[lower(text).evaluating.of_kind("value")["h"]].type) == "float32[N, 5, 2]"
    )


def scan(body: str, head: str = "scan x as xt") -> str:
    return f"input x[N, 5, 3]\ninput v[N]\n{head} {{\n{body}\n}}"


def test_what_a_scan_cannot_do() -> None:
    same = "carry h[N, 3] = 0\nh = h + xt"
    assert "none of fixed size" in mistake(scan(same, "scan v as xt")).title
    assert mistake(scan("carry h[N, 3] = 0\nh = xt @ xt.T")).code == "shape"
    shape = mistake(scan("carry h[N, 1] = 0\nh = h + xt"))
    assert shape.title == "h is [N, 1] before a turn, and [N, 3] after it"
    assert mistake(scan("carry h[N, 2] = x[:, 0]\nh = h")).code == "shape"
    assert mistake(scan("carry h[N, 3] = 0\nh = h + q") + "\ng = h").title.startswith("there is no tensor")
