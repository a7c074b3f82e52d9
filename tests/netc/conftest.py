from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from netc.__main__ import main

SMALL = """# small.net: one hidden layer
dim H = 8
input x[N, 64]
input y[N] : class(10)
logits = x -> dense(H) -> relu -> dense(10)
output probabilities = softmax(logits)
loss cross_entropy(logits, y)
metric accuracy(logits, y)
data digits() { x = flatten(image) / 16, y = label, valid = 10% }
train adam(lr = 0.01) { epochs = 2, batch = 64, seed = 3 }
"""


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


Netc = Callable[..., Ran]


@pytest.fixture(autouse=True)
def no_reports(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Trainings write no pages, which would take longer than they do."""
    if "reports" not in request.keywords:
        monkeypatch.setattr("netc.commands.train.write_trained", lambda *_: "none")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small(folder: Path) -> Path:
    path = folder / "small.net"
    path.write_text(SMALL)
    return path


@pytest.fixture
def netc(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Netc:
    """Run the command line in the working directory. No exception but its exit may get out."""

    def run(*arguments: str, stdin: str | bytes = "") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        with pytest.raises(SystemExit) as exit:
            main(arguments)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert isinstance(exit.value.code, int)
        return Ran(exit.value.code, captured.out, captured.err)

    return run
