"""Going on with a training: the same bits, whatever stopped it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import Source
from netc.runtime.checkpoint import restore, save
from netc.runtime.interrupt import Interrupted, Interrupts
from netc.runtime.model import Model
from netc.runtime.opening import open_model
from netc.runtime.train import EpochDone, Event, History, Place, fit

ROOT = Path(__file__).parents[2]
NET = """
input x[N, 2]
input y[N] : class(2)
logits = x -> dense(8) -> batchnorm -> dropout(0.2) -> dense(2)
loss   cross_entropy(logits, y)
metric accuracy(logits, y)
data   moons(n = 120, noise = 0.1) { x = noise(standardize(features), 0.1), y = label, valid = 20% }
train  adam(lr = 0.01) { epochs = 4, batch = 16, schedule = cosine, stop = patience(3, on = valid.loss) }
"""


def model() -> Model:
    return open_model(Source("moons.net", NET), Path(), device="cpu")


class Stop(Exception):
    pass


def same(first: Model, second: Model) -> bool:
    return all(first.memory[n].tobytes() == second.memory[n].tobytes() for n in first.memory)


def figures(history: History) -> list[tuple[int, int, dict[str, float]]]:
    return [(e.epoch, e.step, dict(e.values)) for e in history.epochs]


def after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the trainer tell of each step by itself."""
    monkeypatch.setattr("netc.runtime.train.PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr("netc.runtime.steps.CALL_SECONDS", 0.0)


@pytest.mark.parametrize("steps", [0, 1, 4, 5, 6, 11, 17])
def test_a_training_goes_on_from_every_step(
    tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_every_step(monkeypatch)
    whole, first, second = model(), model(), model()
    expected = fit(whole, place=Place())
    place, path = Place(), tmp_path / "a.safetensors"

    def stop(event: Event) -> None:
        if first.step_number == steps and not isinstance(event, EpochDone):
            raise Stop

    with pytest.raises(Stop):
        fit(first, listener=stop, place=place)
    save(first, path, place)
    found = restore(second, path).place
    history = fit(second, place=found)
    assert same(whole, second)
    assert figures(history) == figures(expected)


def test_a_signal_waits_for_a_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    after_every_step(monkeypatch)
    m, place = model(), Place()

    def ask(event: Event) -> None:
        if m.step_number == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as raised:
        fit(m, listener=ask, place=place)
    assert raised.value.status == 143
    assert (m.step_number, place.batch) == (3, 3)
    assert signal.getsignal(signal.SIGTERM) == before
    whole = model()
    fit(whole, place=Place())
    fit(m, place=place)
    assert same(whole, m)


def test_a_second_signal_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_that_nobody_asked_for_is_told_at_the_end() -> None:
    with pytest.raises(Interrupted), Interrupts():
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_stopped_training_stays_stopped() -> None:
    m, place = model(), Place()
    place.history.epochs += [EpochDone(n + 1, 0, 0.0, {"valid.loss": float(n)}) for n in range(4)]
    place.epoch = 5
    assert len(fit(m, epochs=9, place=place).epochs) == 4
    assert m.step_number == 0


def test_fit_goes_on_where_it_stopped() -> None:
    whole, parts = model(), model()
    fit(whole)
    for _ in range(2):
        fit(parts, epochs=1)
    assert parts.step_number == 10
    # The schedule must be told of all epochs, so that only the states' names and the steps are compared.
    fit(parts)
    assert parts.step_number == whole.step_number == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 needs a POSIX system")
def test_kills_at_random_moments_cost_no_bit() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "kill.py"), "5"], capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    assert "the same, bit for bit" in ran.stdout


@pytest.mark.parametrize("width", [40, 300])
def test_a_terminal_changes_no_bit(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from netc.__main__ import main
    from netc.runtime.checkpoint import read

    monkeypatch.chdir(tmp_path)
    Path("moons.net").write_text(NET)
    for out in ("piped", "shown"):
        if out == "shown":
            monkeypatch.setenv("COLUMNS", str(width))
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setattr("netc.runtime.train.PROGRESS_SECONDS", -1.0)
            monkeypatch.setattr(sys, "stderr", Terminal())
        with pytest.raises(SystemExit):
            main(["train", "moons.net", "--out", out, "--device", "cpu"])
    capsys.readouterr()
    first, second = (read(Path(out) / "last.safetensors")[0] for out in ("piped", "shown"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
