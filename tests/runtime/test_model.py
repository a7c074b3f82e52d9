"""The Python API of a model: results against NumPy formulas, and refusals that change nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netc.compiler.diagnostics import Source
from netc.runtime.model import Model
from netc.runtime.opening import open_model

MLP = """
dim H = 5
input x[N, 4]
input y[N] : class(3)
h      = tanh(dense(x, H))
logits = h -> dense(3)
output p = softmax(logits)
loss   cross_entropy(logits, y)
metric accuracy(logits, y)
train  sgd(lr = 0.5) { precision = float64 }
"""
random = np.random.default_rng(3)
X, Y = random.normal(size=(7, 4)), random.integers(0, 3, 7)


def model(text: str = MLP) -> Model:
    return open_model(Source("test.net", text), Path(), device="cpu")


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_hand(m: Model) -> dict[str, np.ndarray]:
    """The network's figures and gradients, from the chain rule written out."""
    p = m.parameters
    h = np.tanh(X @ p["h.dense1.W"] + p["h.dense1.b"])
    z = h @ p["logits.W"] + p["logits.b"]
    q = softmax(z)
    dz = (q - np.eye(3)[Y]) / len(X)
    dh = dz @ p["logits.W"].T * (1 - h**2)
    return {
        "h": h,
        "logits": z,
        "p": q,
        "loss": -np.log(q[np.arange(7), Y]).mean(),
        "accuracy": (z.argmax(1) == Y).mean(),
        "d logits.W": h.T @ dz,
        "d logits.b": dz.sum(0),
        "d h.dense1.W": X.T @ dh,
        "d h.dense1.b": dh.sum(0),
    }


def test_forward_gives_losses_metrics_outputs_and_wanted_values() -> None:
    m = model()
    expected = by_hand(m)
    found = m.forward(x=X, y=Y, want=["h", "logits"])
    assert set(found) == {"loss", "accuracy", "p", "h", "logits"}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12)


def test_forward_without_labels_gives_what_needs_none() -> None:
    assert set(model().forward(x=X)) == {"p"}


def test_gradients_and_step_follow_the_chain_rule() -> None:
    m = model()
    expected = by_hand(m)
    found = m.gradients(x=X, y=Y)
    assert set(found) == set(m.parameters)
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[f"d {name}"], rtol=1e-10, atol=1e-14)
    before = dict(m.parameters.items())
    assert m.step(x=X, y=Y) == pytest.approx(float(expected["loss"]), rel=1e-12)
    for name in before:
        np.testing.assert_allclose(m.parameters[name], before[name] - 0.5 * expected[f"d {name}"], rtol=1e-10)


def test_predict_gives_the_output_or_the_last_tensor_before_the_loss() -> None:
    m = model()
    np.testing.assert_allclose(m.predict(x=X), by_hand(m)["p"], rtol=1e-12)
    bare = model(MLP.replace("output p = softmax(logits)\n", ""))
    np.testing.assert_allclose(bare.predict(x=X), by_hand(bare)["logits"], rtol=1e-12)


def test_batches_of_other_sizes_share_the_parameters() -> None:
    m = model()
    whole = np.asarray(m.predict(x=X))
    for n in (1, 3, 7):
        np.testing.assert_allclose(m.predict(x=X[:n]), whole[:n], rtol=1e-12)


def test_the_same_seed_gives_the_same_start_whatever_else_the_file_holds() -> None:
    other = model(MLP.replace("h      =", "extra = dense(x, 2)\nh      ="))
    m = model()
    for name in m.parameters:
        np.testing.assert_array_equal(m.parameters[name], other.parameters[name])
    seeded = model(MLP.replace("precision", "seed = 8, precision"))
    assert (m.parameters["logits.W"] != seeded.parameters["logits.W"]).any()


def test_parameters_are_copies_until_assigned() -> None:
    m = model()
    m.parameters["logits.b"][:] = 9
    assert (m.parameters["logits.b"] == 0).all()
    m.parameters["logits.b"] = [1, 2, 3]
    np.testing.assert_array_equal(m.parameters["logits.b"], [1, 2, 3])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("logits.b", np.zeros(4), "shape"),
        ("logits.b", np.zeros((3, 1)), "shape"),
        ("logits.b", ["a", "b", "c"], "holds"),
        ("logits.b", np.zeros(3, complex), "holds"),
        ("nothing", np.zeros(3), "there is no param"),
        ("logits.c", np.zeros(3), "logits.W"),
    ],
)
def test_a_wrong_assignment_is_refused_and_changes_nothing(name: str, value: Any, words: str) -> None:
    m = model()
    before = dict(m.parameters.items())
    with pytest.raises(ValueError, match=words):
        m.parameters[name] = value
    assert all((before[k] == v).all() for k, v in m.parameters.items())


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"x": X}, "y is missing"),
        ({"x": X, "y": Y, "z": Y}, "no input called 'z'; the inputs are x, y"),
        ({"x": X[:, :2], "y": Y}, r"x\[N, 4\] is expected, and the array has shape \(7, 2\)"),
        ({"x": X, "y": Y[:3]}, "x has 7, y has 3"),
        ({"x": X, "y": Y + 1}, "classes 0 to 2, and the array goes from"),
        ({"x": X, "y": Y * 1.5}, "y holds int64, and the array holds float64"),
        ({"x": X[:0], "y": Y[:0]}, "no samples"),
        ({"x": "text", "y": Y}, "is expected"),
    ],
)
def test_wrong_inputs_are_refused_and_change_nothing(inputs: dict[str, Any], words: str) -> None:
    m = model()
    before = dict(m.parameters.items())
    with pytest.raises(ValueError, match=words):
        m.step(**inputs)
    assert all((before[k] == v).all() for k, v in m.parameters.items())
    assert m.step_number == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", ">i4"])
def test_every_batch_has_its_classes_looked_at(dtype: str) -> None:
    m = model()
    m.step(x=X, y=Y.astype(dtype))
    wrong = Y.astype(dtype)
    wrong[3] = 3 if dtype == "uint8" else -1
    with pytest.raises(ValueError, match=r"classes 0 to 2, and the array goes from (-1|0) to"):
        m.step(x=X, y=wrong)
    assert m.step_number == 1


def test_arrays_that_must_not_be_written_and_lie_apart() -> None:
    spread = np.zeros((14, 4))
    spread[::2] = X
    fixed = np.asfortranarray(X)
    fixed.flags.writeable = False
    losses = [model().step(x=x, y=Y) for x in (X, spread[::2], fixed)]
    assert losses[0] == losses[1] == losses[2]


def test_an_unknown_wanted_value_is_named() -> None:
    with pytest.raises(ValueError, match="no tensor called 'hh'; there are h, logits"):
        model().forward(x=X, want=["hh"])


def test_a_spec_without_train_block_cannot_step() -> None:
    text = MLP[: MLP.index("train")]
    with pytest.raises(ValueError, match="no train block"):
        model(text).step(x=X, y=Y)


def test_the_graphs_are_networkx() -> None:
    m = model()
    assert m.graph.number_of_nodes() > 5
    assert any(data["node"].op == "matmul" for _, data in m.backward.nodes(data=True))
