"""The train block's keys: averages, frozen parameters, a start from another run; and weights of classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import Source, SpecError
from netc.runtime.checkpoint import restore, save
from netc.runtime.model import Model
from netc.runtime.opening import open_data, open_model
from netc.runtime.rates import search
from netc.runtime.start import Started
from netc.runtime.train import Event, evaluate, fit

NET = """
input x[N, 2]
input y[N] : class(2)
h = x -> dense({width}) -> batchnorm -> tanh
logits = h -> dense(2)
loss   cross_entropy(logits, y{weights})
metric accuracy(logits, y)
data   moons(n = 101, noise = 0.1) {{ x = features, y = label }}
train  sgd(lr = 0.1, momentum = 0.9) {{ epochs = 2, batch = 16{train} }}
"""


def model(train: str = "", weights: str = "", width: int = 8, text: str = NET) -> Model:
    train = f", {train}" if train else ""
    source = Source("moons.net", text.format(train=train, weights=weights, width=width))
    return open_model(source, Path(), device="cpu")


def batch(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"x": random.standard_normal((12, 2)).astype(np.float32), "y": random.integers(0, 2, 12)}


def test_averages_are_those_of_the_formula() -> None:
    m, plain = model("average = 0.8"), model()
    seen: list[np.ndarray] = []
    for i in range(7):
        m.step(**batch(i))
        plain.step(**batch(i))
        seen.append(m.parameters["logits.W"])
        # Σ d^(t-k) (1 - d) w_k, with the weights divided by their sum, 1 - d^t
        weights = 0.8 ** np.arange(i, -1, -1) * 0.2 / (1 - 0.8 ** (i + 1))
        expected = sum(w * a.astype(np.float64) for w, a in zip(weights, seen, strict=True))
        np.testing.assert_allclose(m.state["logits.W.average"], expected, rtol=1e-5, atol=1e-7)
    # and the training itself goes as without them
    np.testing.assert_array_equal(m.parameters["logits.W"], plain.parameters["logits.W"])


def test_averages_evaluate_in_the_parameters_place() -> None:
    m = model("average = 0.8")
    before = m.forward(**batch())["loss"]
    for i in range(5):
        m.step(**batch(i))
    after = m.forward(**batch())["loss"]
    assert after != before
    other = model()
    for name in other.parameters:
        other.parameters[name] = m.state[f"{name}.average"]
    for name in other.state:
        if name in m.state:
            other.state[name] = m.state[name]
    assert other.forward(**batch())["loss"] == after
    m.parameters["logits.b"] = np.full(2, 3.0)
    np.testing.assert_array_equal(m.state["logits.b.average"], [3, 3])


def test_averages_are_saved_and_needed(tmp_path: Path) -> None:
    m, other = model("average = 0.8"), model("average = 0.8")
    fit(m)
    save(m, tmp_path / "a.safetensors")
    restore(other, tmp_path / "a.safetensors", optimizer=False)
    assert evaluate(other) == evaluate(m)
    assert fit(m).column("test.loss")[-1:] == [] or True


def test_frozen_parameters_stay() -> None:
    m = model('freeze = ["h.*.W", "logits.b"]')
    before = {name: m.parameters[name] for name in m.parameters}
    fit(m)
    changed = {name for name in before if (before[name] != m.parameters[name]).any()}
    frozen = {"h.dense1.W", "logits.b"}
    # The bias before batch norm has a gradient of zero, up to rounding.
    assert set(before) - frozen - {"h.dense1.b"} <= changed <= set(before) - frozen
    assert not any(name.startswith(("h.dense1.W.", "logits.b.")) for name in m.state)


def test_clipping_looks_at_what_is_trained() -> None:
    # One step of plain gradient descent with a tiny limit moves by lr · clip, whatever is frozen.
    text = NET.replace("momentum = 0.9", "momentum = 0")
    m = model('freeze = "h.*", clip = 0.001', text=text)
    before = {name: m.parameters[name].astype(np.float64) for name in m.parameters}
    m.step(**batch())
    moved = sum(((m.parameters[n] - before[n]) ** 2).sum() for n in before)
    np.testing.assert_allclose(np.sqrt(moved), 0.1 * 0.001, rtol=1e-3)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ('freeze = "g.*"', r'no parameter is called "g\.\*"'),
        ('freeze = "*"', "every parameter is frozen"),
        ("freeze = h", "freeze wants the names of parameters"),
        ("average = 1", "between 0 and 1"),
        ("start = 3", "start wants a folder's name"),
        ("averag = 0.9", "train has no setting called averag"),
    ],
)
def test_wrong_settings(train: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        model(train)


def test_the_nearest_key_is_suggested() -> None:
    with pytest.raises(SpecError) as raised:
        model("averag = 0.9")
    assert "average" in raised.value.diagnostics[0].help


def test_weights_of_classes() -> None:
    m = model(weights=", weights = [1, 2.5]")
    given = batch()
    values = m.forward(**given, want=["logits"])
    z = values["logits"].astype(np.float64)
    losses = np.log(np.exp(z).sum(1)) - z[np.arange(12), given["y"]]
    np.testing.assert_allclose(values["loss"], (losses * np.array([1, 2.5])[given["y"]]).mean(), rtol=1e-5)
    with pytest.raises(SpecError, match="declared \\[2\\], and its value has \\[3\\]"):
        model(weights=", weights = [1, 2, 3]")


def test_a_start_from_another_run(tmp_path: Path) -> None:
    first = model(width=6)
    fit(first)
    save(first, tmp_path / "best.safetensors")
    events: list[Event] = []
    text = NET.replace("dense(2)", "dense(3)[:, 0:2]").replace("h -> dense(3)", "(h -> dense(3) as top)")
    second = model(f'start = "{tmp_path}"', width=6, text=text)
    fit(second, epochs=0, listener=events.append)
    started = next(e for e in events if isinstance(e, Started))
    assert {"h.dense1.W", "h.dense1.b", "h.batchnorm1.mean"} <= set(started.taken)
    np.testing.assert_array_equal(second.parameters["h.dense1.W"], first.parameters["h.dense1.W"])
    np.testing.assert_array_equal(second.state["h.batchnorm1.mean"], first.state["h.batchnorm1.mean"])
    assert set(started.left) and all("top" in name for name in started.left)
    assert set(started.unused) == {"logits.W", "logits.b"}


def test_a_search_for_a_learning_rate_begins_there_too(tmp_path: Path) -> None:
    first = model(width=6)
    fit(first, epochs=20)
    save(first, tmp_path / "best.safetensors")
    there, anew = (
        search(m, open_data(m.compiled.network, m.base, m.seed)).losses[0]
        for m in (model(f'start = "{tmp_path}"', width=6), model(width=6))
    )
    assert there < 0.5 * anew


def test_a_start_with_other_shapes(tmp_path: Path) -> None:
    first, events = model(width=6), []
    save(first, tmp_path / "last.safetensors")
    second = model(f'start = "{tmp_path}"', width=7)
    fit(second, epochs=0, listener=events.append)
    started = next(e for e in events if isinstance(e, Started))
    assert started.refused["h.dense1.W"] == (2, 6)
    assert "logits.b" in started.taken


def test_a_start_that_is_not_there_or_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        fit(model(f'start = "{tmp_path}/none"'))
    (tmp_path / "last.safetensors").write_bytes(b"no")
    with pytest.raises(SpecError, match="no whole file"):
        fit(model(f'start = "{tmp_path}"'))


def test_the_script_evaluates_averages_too(tmp_path: Path) -> None:
    m = model('average = 0.8, freeze = "h.batchnorm1.*"')
    path = tmp_path / "moons.py"
    path.write_text(m.code, encoding="utf-8")
    command = [sys.executable, "-I", "-W", "error", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stderr == ""
    values = fit(m).epochs[-1].values
    expected = f"test loss {values['test.loss']:.4f} accuracy {values['test.accuracy']:.4f}"
    assert expected in done.stdout.splitlines()[-1]
