from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from netc.runs import Run
from netc.runtime.interrupt import Interrupted
from netc.runtime.train import EpochDone

from .conftest import Netc


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_training(netc: Netc, small: Path) -> None:
    ran = netc("train", "small.net")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0].split() == ["train", "valid", "test"]
    assert lines[1].split() == ["epoch", *["loss", "accuracy"] * 3, "time"]
    assert [line.split()[0] for line in lines[2:4]] == ["1", "2"]
    assert lines[-1].startswith("test: loss ")
    # 64·8 + 8 + 8·10 + 10
    assert "small: 610 parameters, on the CPU" in ran.err
    assert "parameters: runs/small/best.safetensors" in ran.err
    found = {p.name for p in Path("runs/small").iterdir()}
    assert found >= {"best.safetensors", "history.csv", "last.safetensors"}
    assert [row["epoch"] for row in rows(Path("runs/small"))] == ["1", "2"]


def test_what_is_piped_has_no_bar_and_no_colour(netc: Netc, small: Path) -> None:
    ran = netc("train", "small.net")
    assert "\x1b" not in ran.out + ran.err
    assert "━" not in ran.err


def test_each_run_has_its_folder(netc: Netc, small: Path) -> None:
    for _ in range(3):
        assert netc("train", "small.net", "train.epochs=1").status == 0
    assert sorted(p.name for p in Path("runs").iterdir()) == ["small", "small-2", "small-3"]
    assert netc("train", "small.net", "train.epochs=1", 'train.save="kept/here"').status == 0
    assert netc("train", "small.net", "train.epochs=1", "--out", "there").status == 0
    assert Path("kept/here/last.safetensors").exists()
    assert Path("there/last.safetensors").exists()


def test_overrides(netc: Netc, small: Path) -> None:
    assert netc("train", "small.net", "H=2*3", "train.epochs=1").status == 0
    assert load_file("runs/small/last.safetensors")["logits.dense1.W"].shape == (64, 6)
    # and a trained network is read back with the dims that it was trained with
    assert netc("eval", "small.net").status == 0


def test_json_lines(netc: Netc, small: Path) -> None:
    ran = netc("train", "small.net", "--json")
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [e["event"] for e in events] == ["began", "epoch", "epoch", "done"]
    # 1437 training digits, of which 10 % are for validation
    assert events[0]["samples"] == 1437 - 144
    assert events[0]["parameters"] == 610
    assert events[-1]["parameters"] == "runs/small/best.safetensors"


def test_a_training_from_standard_input(netc: Netc, small: Path) -> None:
    ran = netc("train", "-", "train.epochs=1", stdin=small.read_text())
    assert ran.status == 0
    assert Path("runs/stdin/last.safetensors").exists()


def test_strict_takes_warnings_for_errors(netc: Netc, small: Path) -> None:
    small.write_text(small.read_text().replace("dim H", "param unused[3] ~ zeros\ndim H"))
    assert netc("train", "small.net", "train.epochs=1").status == 0
    ran = netc("train", "small.net", "--strict", "--out", "strict")
    assert ran.status == 1
    assert "warning" in ran.err
    assert not Path("strict").exists()


def test_a_resumed_run_is_as_one_that_went_through(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert netc("train", "small.net", "train.epochs=4", "--out", "whole").status == 0
    keep = Run.keep

    def interrupted(run: Run, done: EpochDone) -> None:
        keep(run, done)
        if done.epoch == 2:
            raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(Run, "keep", interrupted)
    ran = netc("train", "small.net", "train.epochs=4")
    assert ran.status == 130
    assert "interrupted after epoch 2" in ran.err
    monkeypatch.undo()
    os.chdir(small.parent)
    ran = netc("train", "small.net", "--resume")
    assert ran.status == 0
    whole, parts = load_file("whole/last.safetensors"), load_file("runs/small/last.safetensors")
    assert whole.keys() == parts.keys()
    for name, array in whole.items():
        assert (parts[name] == array).all(), name
    assert [row["train.loss"] for row in rows(Path("whole"))] == [
        row["train.loss"] for row in rows(Path("runs/small"))
    ]
    ran = netc("train", "small.net", "--resume")
    assert "nothing to do: 4 epochs are done" in ran.err


def test_a_full_disk_leaves_the_last_epoch_whole(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert netc("train", "small.net", "train.epochs=1", "--out", "run").status == 0
    before = Path("run/last.safetensors").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("netc.runtime.atomic.os.fsync", full)
    ran = netc("train", "small.net", "train.epochs=2", "--out", "run", "--resume")
    assert ran.status == 1
    assert "No space left on device" in ran.err
    assert "make room on the disk" in ran.err
    assert Path("run/last.safetensors").read_bytes() == before
    assert not [p for p in Path("run").iterdir() if p.name.startswith(".last")]


def test_a_loss_that_is_no_number(netc: Netc, small: Path) -> None:
    small.write_text(small.read_text().replace("(logits, y)", "(logits, y) / sum(0 * x)", 1))
    ran = netc("train", "small.net")
    assert ran.status == 1
    assert "the loss is no longer a finite number" in ran.err
    assert "small.net:7" in ran.err


def test_ctrl_c_saves_and_ends_with_130(small: Path) -> None:
    command = [sys.executable, "-m", "netc", "train", "small.net", "train.epochs=100000"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=small.parent
    )
    assert process.stdout is not None
    for _ in range(4):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "`netc train small.net --resume` goes on" in err
    assert np.isfinite(load_file(small.parent / "runs/small/last.safetensors")["logits.dense1.W"]).all()


def test_a_reader_that_goes_away(small: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "netc", "show"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_results_that_cannot_be_written(small: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "netc", "show"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr and "Exception ignored" not in ran.stderr
