"""The train block: settings, optimizers, schedules, and the updates that they make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netc.compiler.ir import Result
from netc.compiler.network import Patience

from .networks import lower, mistake, mistakes, values

RNG = np.random.default_rng(2)
X, Y, W = RNG.normal(size=(5, 3)), RNG.normal(size=5), RNG.normal(size=3)
NET = "input x[N, 3]\ninput y[N]\nparam w[3] ~ zeros\nloss mse(sum(x * w, axis = 1), y)\n"


def gradient() -> np.ndarray:
    return 2 / 5 * X.T @ (X @ W - Y)


def step(train: str, definitions: str = "", **states: Any) -> dict[str, np.ndarray]:
    """What a step makes of the parameter and the states, in float64. step and steps may be given."""
    graph = lower(definitions + NET + train, precision="float64").training
    wanted = {name: Result("update", name) for name in graph.of_kind("update")}
    return values(graph, wanted, {"x": X, "y": Y, "w": W, "step": 0, "steps": 10, **states})


def test_gradients_are_in_the_graph_with_or_without_a_train_block() -> None:
    for text in (NET, NET + "train sgd() { epochs = 1 }"):
        graph = lower(text, precision="float64").training
        (found,) = values(graph, {"w": Result("gradient", "w")}, {"x": X, "y": Y, "w": W}).values()
        np.testing.assert_allclose(found, gradient(), rtol=1e-12)


def test_sgd_steps_down_the_gradient() -> None:
    assert list(step("train sgd(0.1)")) == ["w"]
    np.testing.assert_allclose(step("train sgd(lr = 0.1)")["w"], W - 0.1 * gradient())


def test_later_lines_of_an_optimizer_read_what_earlier_ones_made() -> None:
    v = RNG.normal(size=3)
    made = step("train sgd(lr = 0.1, momentum = 0.9)", **{"w.v": v})
    np.testing.assert_allclose(made["w.v"], 0.9 * v + gradient())
    np.testing.assert_allclose(made["w"], W - 0.1 * (0.9 * v + gradient()))


def test_an_optimizer_of_ones_own() -> None:
    own = """
    optimizer mine(lr, p = 2) {
        state n[] ~ ones
        state last ~ zeros
        way = gradient + last
        n    <- n + 1
        last <- gradient
        if p == 2 { param <- param - lr * way / n } else { param <- param }
    }
    """
    states = {"w.n": np.array(3.0), "w.last": np.ones(3)}
    made = step("train mine(0.1)", own, **states)
    np.testing.assert_allclose(made["w"], W - 0.1 * (gradient() + 1) / 4)
    np.testing.assert_allclose(made["w.last"], gradient())
    assert made["w.n"] == 4
    np.testing.assert_array_equal(step("train mine(0.1, p = 1)", own, **states)["w"], W)


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        ("constant", lambda t: 1.0),
        ("linear", lambda t: (10 - t) / 10),
        ("cosine", lambda t: (1 + np.cos(np.pi * t / 10)) / 2),
        ("cosine(warmup = 4)", lambda t: (t + 1) / 5 if t < 4 else (1 + np.cos(np.pi * (t - 4) / 6)) / 2),
        ("step(every = 3, factor = 0.5)", lambda t: 0.5 ** (t // 3)),
        ("half(4)", lambda t: 1 / (1 + (t + 1) / 4)),
    ],
)
def test_a_schedule_multiplies_the_rate(schedule: str, factor: Any) -> None:
    own = "layer half(step[], steps[], time) { return 1 / (1 + step / time) }\n"
    for t in (0, 1, 4, 9):
        made = step(f"train sgd(lr = 0.1) {{ schedule = {schedule} }}", own, step=t)
        np.testing.assert_allclose(made["w"], W - 0.1 * factor(t) * gradient(), rtol=1e-6)


def test_clip_limits_the_joint_norm() -> None:
    size = np.linalg.norm(gradient())
    made = step(f"train sgd(lr = 1) {{ clip = {size / 2} }}")["w"]
    np.testing.assert_allclose(made, W - gradient() / 2, rtol=1e-5)
    np.testing.assert_allclose(step(f"train sgd(lr = 1) {{ clip = {2 * size} }}")["w"], W - gradient())


def test_states_of_the_network_are_updated_too() -> None:
    text = "input x[N, 3]\nstate m[3] ~ zeros\nm <- 0.9 * m + 0.1 * mean(x, axis = 0)\nh = x - m"
    network = lower(text, precision="float64")
    m = RNG.normal(size=3)
    made = values(network.training, {"m": Result("update", "m")}, {"x": X, "m": m})["m"]
    np.testing.assert_allclose(made, 0.9 * m + 0.1 * X.mean(0))
    assert network.evaluating.of_kind("update") == {}


def test_settings() -> None:
    text = """train sgd() {
        steps = 7, batch = 3, seed = 4, clip = 2, save = "runs/a", precision = float64,
        stop = patience(3, on = valid.accuracy), schedule = cosine
    }"""
    training = lower(f"{NET}metric accuracy = mean(x)\n{text}").train
    assert training is not None
    found = (training.epochs, training.steps, training.batch, training.seed, training.clip, training.save)
    assert found == (None, 7, 3, 4, 2.0, "runs/a")
    assert training.precision == "float64" and training.stop == Patience(3, "valid.accuracy")
    network = lower(NET + "train sgd() { precision = float64 }")
    assert {str(i.type.dtype) for i in network.inputs.values()} == {"float64"}
    assert {v.type.dtype for v in network.variables.values()} == {"float64"}


def test_overrides_replace_settings_and_arguments() -> None:
    text = NET + "train sgd(0.5) { epochs = 2 }"
    network = lower(
        text, train={"lr": "0.25", "momentum": "0.9", "batch": "2 * 4", "steps": "9"}, precision="float64"
    )
    assert network.train is not None
    assert (network.train.batch, network.train.steps, network.train.epochs) == (8, 9, None)
    given = {"x": X, "y": Y, "w": W, "w.v": np.zeros(3), "step": 0, "steps": 1}
    made = values(network.training, {"w": Result("update", "w")}, given)["w"]
    np.testing.assert_allclose(made, W - 0.25 * gradient())


def test_mistyped_overrides() -> None:
    text = NET + "train sgd() { epochs = 2 }"
    wrong = mistake(text, train={"epoch": "3"})
    assert wrong.title == "train has no setting called epoch, and sgd has no argument called epoch"
    assert wrong.help == "did you mean epochs?" and wrong.span is not None and wrong.span.text == "3"
    dim = mistake("dim HIDDEN = 3\n" + text, dims={"HIDEN": "3"})
    assert dim.title == "test.net has no dim called HIDEN" and dim.help == "did you mean HIDDEN?"
    assert "no train block" in mistake(NET, train={"lr": "3"}).title
    assert mistake("dim H = 3\n" + text, dims={"H": "true"}).title == "H must be a number"


@pytest.mark.parametrize(
    ("train", "title"),
    [
        ("sgd() { epoch = 3 }", "train has no setting called epoch"),
        ("sdg() { epochs = 3 }", "there is no optimizer called sdg"),
        ("sgd(rate = 3)", "sgd has no argument called rate"),
        ("sgd(0.1, lr = 0.2)", "sgd was given lr twice"),
        ("sgd(1, 2, 3, 4, 5)", "sgd was given too many arguments"),
        ("sgd(lr = -1)", "a learning rate cannot be -1"),
        ("sgd() { epochs = 1, steps = 2 }", "a training has epochs or steps, not both"),
        ("sgd() { epochs = 1.5 }", "epochs must be a whole number from 0 on, not 1.5"),
        ("sgd() { batch = 0 }", "batch must be a whole number from 1 on, not 0"),
        ("sgd() { clip = 0 }", "clip is the largest norm allowed, above 0"),
        ("sgd() { precision = float16 }", "precision is float32 or float64"),
        ("sgd() { save = 3 }", 'save wants a folder\'s name in quotes, such as save = "runs/mlp"'),
        ("sgd() { stop = 3 }", "stop wants a rule, such as patience(3, on = valid.accuracy)"),
        ("sgd() { stop = patience(on = 3) }", "patience wants a number of epochs, and on = what it watches"),
        ("sgd() { schedule = cosin }", "there is no schedule called cosin"),
        ("sgd() { schedule = 3 }", "a schedule is cosine, linear, step, constant, or a layer of your own"),
        ("sgd() { seed = 1, seed = 2 }", "seed is set twice"),
    ],
)  # fmt: skip
def test_wrong_settings(train: str, title: str) -> None:
    assert mistake(NET + "train " + train).title == title


def test_a_mistake_in_an_optimizer_is_told_once() -> None:
    two = NET.replace("param w[3]", "param w[3], u[3]").replace("x * w", "x * w * u")
    wrong = mistake("optimizer o(lr = 1) { param <- param - lr * gradent }\n" + two + "train o()")
    assert wrong.title == "there is no tensor or number called `gradent` here"
    assert wrong.help == "did you mean gradient?"
    assert [c.text for c in wrong.calls] == ["in o, for w"]
    assert (
        "no new value"
        in mistake("optimizer o() { state v ~ zeros\n v <- gradient }\n" + two + "train o()").title
    )
    assert "neither param nor" in mistake("optimizer o() { v <- gradient }\n" + two + "train o()").title
    shape = mistake("optimizer o() { param <- sum(gradient) }\n" + two + "train o()")
    assert shape.title == "param is [3], and what it becomes is []"


def test_what_a_training_lacks() -> None:
    assert mistake("input x[N]\ntrain sgd()").title == "there is a train block, but no loss to train on"
    (warning,) = lower(NET + "param idle[2] ~ zeros").warnings
    assert warning.title == "the loss does not depend on idle, so it never changes"
    many = "\n".join(f"param idle{i}[2] ~ zeros" for i in range(7))
    (warning,) = lower(NET + many).warnings
    expected = "the loss does not depend on idle0, idle1, idle2, idle3 and 3 more, so they never change"
    assert warning.title == expected


def test_the_whole_file_is_told_its_mistakes_in_one_run() -> None:
    text = """\
input x[N, 3]
input y[N]
param W[3, 2] ~ glorott
loss mse(q, y)
metric r2(y, yy)
data npz() { z = 3 }
train sgd(lrr = 1) { epch = 3 }
"""
    assert [d.span.line for d in mistakes(text) if d.span] == [3, 4, 5, 6, 7, 7]
