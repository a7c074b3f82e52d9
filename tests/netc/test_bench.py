"""netc bench"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netc.__main__ import main
from netc.compiler.emit import native


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["bench", *arguments])
    return int(ended.value.code or 0)


def test_the_kernels_make_up_the_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("digits", "--seconds", "0", "--threads", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["threads"] == 1
    assert told["hosts"] == []
    names = [part["name"] for part in told["parts"]]
    assert any(name.startswith("matmul") for name in names)
    assert any(name.startswith("∂matmul") for name in names)
    # Of 64 × 128 and 128 × 10 for 32 samples: forward, and for the weights; the second for its input too.
    products = sum(part["operations"] for part in told["parts"] if "matmul" in part["name"])
    assert products == 2 * 32 * (2 * 64 * 128 + 3 * 128 * 10)
    assert sum(part["seconds"] for part in told["parts"]) > 0
    assert told["peak"] > 1e9


def test_what_python_takes_is_no_kernels_time(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "small.net"
    path.write_text(
        "input x[N]\nparam w ~ zeros\nloss mean((w - x) ^ 2)\ntrain sgd(lr = 0.1) { batch = 1 }\n"
    )
    assert run(str(path), "--seconds", "0.2", "--threads", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 < sum(part["seconds"] for part in told["parts"]) < told["seconds"] / 2


def test_what_numpy_does_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "turned.net"
    path.write_text(
        "input x[N, 3]\ninput y[N]\nz = x -> dense(1)\nh = squeeze(z + flip(z, axis = 0), axis = 1)\n"
        "loss mse(h, y)\ntrain sgd(lr = 0.1) { epochs = 1, batch = 8 }\n"
    )
    assert run(str(path), "--seconds", "0", "--threads", "1") == 0
    shown = capsys.readouterr().out
    assert "flip" in shown
    assert "by NumPy" in shown


def test_only_what_has_no_layout_is_numpys(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "pairs.net"
    path.write_text(
        "input x[N, 3]\nz = x -> dense(2)\nloss mean(z @ z.T)\n"
        "train sgd(lr = 0.1) { epochs = 1, batch = 8 }\n"
    )
    assert run(str(path), "--seconds", "0", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [part["name"] for part in told["hosts"]] == ["matmul, sum"]
    assert any(part["name"].startswith("∂matmul") for part in told["parts"])


def test_a_graph_without_native_code_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> None:
        raise native.Unsupported("a fed array without samples")

    monkeypatch.setattr(native, "build", build)
    assert run("digits", "--seconds", "0") == 1
    assert "computed by NumPy, for want of native code for a fed array" in capsys.readouterr().out
