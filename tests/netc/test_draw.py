"""netc draw with values: checkpoints, samples and trainings from the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Netc


@pytest.fixture
def plane(folder: Path) -> Path:
    path = folder / "plane.net"
    path.write_text(
        "input x[N, 2]\ninput y[N] : class(2)\nlogits = x -> dense(3) -> tanh -> dense(2)\n"
        "loss cross_entropy(logits, y)\ndata moons(noise = 0.1) { x = features, y = label }\n"
        "train adam(lr = 0.01) { epochs = 2 }\n"
    )
    return path


def test_the_newest_run_or_a_checkpoint_or_the_start(netc: Netc, small: Path, folder: Path) -> None:
    assert netc("draw", "small.net", "--view", "neurons").out == "small.svg\n"
    assert "starting values" in (folder / "small.svg").read_text(encoding="utf-8")
    assert netc("train", "small.net").status == 0
    netc("draw", "small.net", "--view", "neurons")
    found = re.search(r"after epoch \d", (folder / "small.svg").read_text(encoding="utf-8"))
    assert found is not None
    assert (
        netc("draw", "small.net", "--view", "numbers", "--checkpoint", "runs/small/last.safetensors").status
        == 0
    )
    assert "after epoch 2" in (folder / "small.svg").read_text(encoding="utf-8")


def test_a_sample_by_its_index_or_from_a_file(netc: Netc, small: Path, folder: Path) -> None:
    import numpy as np

    assert netc("draw", "small.net", "--view", "cards", "--sample", "3").status == 0
    assert "sample 3 of the test split" in (folder / "small.svg").read_text(encoding="utf-8")
    np.savez(folder / "one.npz", image=np.zeros((1, 1, 8, 8), np.uint8))
    assert netc("draw", "small.net", "--view", "cards", "--sample", "one.npz").status == 0
    svg = (folder / "small.svg").read_text(encoding="utf-8")
    assert "one.npz" in svg and "data:image/png;base64," in svg


@pytest.mark.parametrize("sample", ["99999", "nowhere.npz"])
def test_a_sample_that_there_is_not(netc: Netc, small: Path, sample: str) -> None:
    ran = netc("draw", "small.net", "--view", "cards", "--sample", sample)
    assert ran.status == 1 and ran.err.startswith("error")


def test_steps_are_a_page(netc: Netc, small: Path, folder: Path) -> None:
    assert netc("draw", "small.net", "--view", "steps").out == "small.html\n"
    ran = netc("draw", "small.net", "--view", "steps", "-o", "small.png")
    assert ran.status == 1 and "help: write it to small.html" in ran.err


def test_geometry_over_the_training(netc: Netc, plane: Path, folder: Path) -> None:
    assert netc("draw", "plane.net", "--view", "geometry", "--over-training").out == "plane.html\n"
    assert "after epoch 2" in (folder / "plane.html").read_text(encoding="utf-8")
    assert netc("draw", "plane.net", "--over-training").status == 2


def test_a_view_that_does_not_suit(netc: Netc, small: Path) -> None:
    ran = netc("draw", "small.net", "--view", "geometry")
    assert ran.status == 1 and "two numbers" in ran.err and "x[N, 64]" in ran.err
