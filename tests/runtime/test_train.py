"""The trainer: what it tells, when it stops, and that it does what a plain loop of steps does."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import Source, SpecError
from netc.runtime.data.statistics import channel_statistics
from netc.runtime.model import Model
from netc.runtime.opening import open_model
from netc.runtime.train import Began, EpochDone, Event, Stopped, evaluate, fit

NET = """
input x[N, 2]
input y[N] : class(2)
logits = x -> dense(8) -> tanh -> dense(2)
loss   cross_entropy(logits, y)
metric accuracy(logits, y)
data   moons(n = 101, noise = 0.1) {{ x = {x}, y = label{valid} }}
train  adam(lr = 0.01) {{ {train} }}
"""


def model(train: str = "epochs = 3, batch = 16", valid: str = "", x: str = "features") -> Model:
    text = NET.format(train=train, valid=f", valid = {valid}" if valid else "", x=x)
    return open_model(Source("moons.net", text), Path(), device="cpu")


def test_events_tell_the_whole_training() -> None:
    events: list[Event] = []
    m = model(valid="20%")
    history = fit(m, listener=events.append)
    assert events[0] == Began(samples=65, batches=5, epochs=3, steps=15)
    rows = [e for e in events if isinstance(e, EpochDone)]
    assert rows == history.epochs
    assert [(r.epoch, r.step) for r in rows] == [(1, 5), (2, 10), (3, 15)]
    assert set(rows[0].values) == {
        f"{s}.{v}" for s in ("train", "valid", "test") for v in ("loss", "accuracy")
    }


def test_training_is_repeatable_bit_for_bit_and_the_seed_matters() -> None:
    first, second, other = model(), model(), model("epochs = 3, batch = 16, seed = 1")
    for m in (first, second, other):
        fit(m)
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(value, second.parameters[name])
    assert any((value != other.parameters[name]).any() for name, value in first.parameters.items())


def test_resuming_at_an_epoch_gives_the_same_bits() -> None:
    whole, parts = model("epochs = 4, batch = 16"), model("epochs = 4, batch = 16")
    fit(whole)
    fit(parts, epochs=2)
    fit(parts)
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(value, parts.parameters[name])


def test_an_epoch_has_every_batch_and_the_odd_one() -> None:
    m = model("epochs = 1, batch = 33")
    history = fit(m)
    assert history.epochs[-1].step == 3  # 81 training samples: 33, 33 and 15


def test_steps_end_within_an_epoch() -> None:
    m = model("steps = 7, batch = 16")
    history = fit(m)
    assert [e.step for e in history.epochs] == [6, 7]
    assert m.step_number == 7


def test_training_improves_and_evaluate_agrees_with_the_last_epoch() -> None:
    m = model("epochs = 60, batch = 16")
    history = fit(m)
    losses = history.column("train.loss")
    assert losses[-1] < 0.5 * losses[0]
    assert evaluate(m, "test") == {
        k.removeprefix("test."): v for k, v in history.epochs[-1].values.items() if k.startswith("test.")
    }


def test_patience_stops() -> None:
    events: list[Event] = []
    m = model("epochs = 500, batch = 8, stop = patience(2, on = valid.loss)", valid="30%")
    history = fit(m, listener=events.append)
    assert len(history.epochs) < 500
    losses = history.column("valid.loss")
    assert min(losses) == losses[-3]
    assert isinstance(events[-1], Stopped)


def test_an_unknown_figure_to_stop_on_is_named() -> None:
    with pytest.raises(SpecError, match=r"no figure called valid\.speed to stop on"):
        fit(model("epochs = 2, stop = patience(2, on = valid.speed)"))


def test_a_split_to_stop_on_that_is_missing_is_told_before_the_first_epoch() -> None:
    events: list[Event] = []
    m = model("epochs = 2, stop = patience(2)")
    with pytest.raises(SpecError, match=r"the data have no valid split") as raised:
        fit(m, listener=events.append)
    assert not events and m.step_number == 0
    assert "valid = 10%" in raised.value.diagnostics[0].help


def test_a_diverging_loss_is_told_with_its_step() -> None:
    m = open_model(
        Source(
            "line.net",
            "input x[N, 2]\nparam w[2] ~ ones\nloss square(dot(x, w))\n"
            "data moons(n = 50) { x = 1e6 * features }\ntrain sgd(lr = 10) { epochs = 50, batch = 10 }",
        ),
        Path(),
        device="cpu",
    )
    with pytest.raises(SpecError, match=r"no longer a finite number at step \d+ \(epoch 1, batch \d\)"):
        fit(m)


def test_an_interrupt_leaves_whole_steps() -> None:
    m, plain = model("epochs = 9, batch = 16"), model("epochs = 9, batch = 16")

    def interrupt(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(m, listener=interrupt)
    fit(plain, epochs=2)
    assert m.step_number == plain.step_number == 12


def test_standardize_takes_the_training_split_alone() -> None:
    m = model("epochs = 1", x="standardize(features)")
    fit(m)
    from netc.runtime.opening import open_data

    data = open_data(m.compiled.network, m.base, m.seed)
    train = np.asarray(data.train["features"])
    np.testing.assert_allclose(m.state["data.features.mean"], train.mean(0), rtol=1e-5)
    np.testing.assert_allclose(m.state["data.features.std"], train.std(0), rtol=1e-5)


def test_statistics_are_joined_from_blocks() -> None:
    array = np.random.default_rng(0).integers(0, 256, (2500, 3, 4, 4)).astype(np.uint8)
    array[:, 1] = 7
    mean, std = channel_statistics(array)
    np.testing.assert_allclose(mean, array.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, [array[:, 0].std(), 1, array[:, 2].std()], rtol=1e-12)


def test_a_split_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match="no split called valid; there are train, test"):
        evaluate(model(), "valid")


@pytest.mark.parametrize(
    ("valid", "x", "train"),
    [
        ("", "features", "epochs = 2, batch = 32"),
        ("10%", "standardize(features)", "steps = 5, batch = 30, schedule = cosine"),
        ("7", "noise(features, 0.1)", "epochs = 2, batch = 16, clip = 0.1"),
    ],
)
def test_the_script_alone_trains_as_the_model_does(tmp_path: Path, valid: str, x: str, train: str) -> None:
    m = model(train, valid, x)
    path = tmp_path / "moons.py"
    path.write_text(m.code, encoding="utf-8")
    command = [sys.executable, "-I", "-W", "error", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stderr == ""
    last = done.stdout.splitlines()[-1]
    values = fit(m).epochs[-1].values
    for split in ("train", "valid", "test"):
        if f"{split}.loss" in values:
            expected = (
                f"{split} loss {values[f'{split}.loss']:.4f} accuracy {values[f'{split}.accuracy']:.4f}"
            )
            assert expected in last
