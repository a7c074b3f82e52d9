"""netc eval on files: arrays, tables, pictures by class, standard input."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Netc, Ran

ROOT = Path(__file__).parents[2]


def figures(ran: Ran) -> dict[str, Any]:
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_eval_of_files_is_that_of_the_same_samples_in_a_split(netc: Netc, small: Path, folder: Path) -> None:
    from PIL import Image

    from netc.runtime.data.sources import open_source

    assert netc("train", "small.net", "train.epochs=2").status == 0
    test = open_source("digits", (), {}, folder).load().test
    assert test is not None
    image, label = np.asarray(test["image"]), np.asarray(test["label"])
    np.savez(folder / "first.npz", image=image[:100], label=label[:100], more=np.zeros(3))
    np.savez(folder / "rest.npz", image=image[100:], label=label[100:])
    split = figures(netc("eval", "small.net", "--json"))
    files = figures(netc("eval", "small.net", "first.npz", "rest.npz", "--json"))
    assert files["samples"] == 360 and files["inputs"] == "first.npz rest.npz"
    for name in ("loss", "accuracy"):
        assert files[name] == pytest.approx(split[name], rel=1e-6)

    for i in range(100):
        place = folder / "pictures" / str(label[i]) / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[i, 0]).save(place)
    first = figures(netc("eval", "small.net", "first.npz", "--json"))
    pictures = figures(netc("eval", "small.net", "pictures", "--json"))
    assert pictures["samples"] == 100
    assert pictures["accuracy"] == pytest.approx(first["accuracy"])
    (row,) = csv.DictReader(io.StringIO(netc("eval", "small.net", "pictures/3", "--csv").out))
    assert float(row["accuracy"]) == pytest.approx(_share(netc, "pictures/3", "3"))


def test_a_run_is_named_by_its_folder(netc: Netc, small: Path) -> None:
    assert netc("train", "small.net", "train.epochs=1", "--out", "one").status == 0
    ran = netc("eval", "small.net", "--checkpoint", "one", "--json")
    assert figures(ran)["checkpoint"] == str(Path("one/best.safetensors"))
    assert netc("predict", "small.net", "--sample", "0", "--checkpoint", "one").status == 0
    Path("empty").mkdir()
    ran = netc("eval", "small.net", "--checkpoint", "empty")
    assert ran.status == 1 and "empty holds no run" in ran.err


def _share(netc: Netc, place: str, wanted: str) -> float:
    """How many of the pictures of a folder are taken for a class."""
    answers = json.loads(netc("predict", "small.net", place, "--json").out)
    said = [answer["outputs"]["probabilities"]["class"] for answer in answers]
    return said.count(wanted) / len(said)


def test_eval_of_a_table(netc: Netc, folder: Path) -> None:
    rows = [(i % 7 / 7, i % 5 / 5, "low" if i % 7 < 3 else "high") for i in range(70)]
    (folder / "table.csv").write_text("a;b;kind\n" + "".join(f"{a};{b};{kind}\n" for a, b, kind in rows))
    (folder / "t.net").write_text(
        "input x[N, 2]\ninput y[N] : class(2)\nlogits = x -> dense(8) -> tanh -> dense(2)\n"
        "loss cross_entropy(logits, y)\nmetric accuracy(logits, y)\n"
        'data csv("table.csv", label = kind, delimiter = ";") { x = standardize(features), y = label }\n'
        "train adam(lr = 0.05) { epochs = 40, batch = 10 }\n"
    )
    assert netc("train", "t.net").status == 0
    (folder / "new.csv").write_text("kind;b;a\nlow;0.5;0.1\nhigh;0.5;0.1\nhigh;0.5;0.9\nhigh;0.5;0.9\n")
    assert figures(netc("eval", "t.net", "new.csv", "--json"))["accuracy"] == 0.75
    assert netc("eval", "t.net", "new.csv").out.startswith("4 samples of new.csv: loss ")
    for text, message in {
        "kind;b;a\nmiddle;0.5;0.1\n": "line 2, column 'kind': 'middle' is not a class",
        "b;a\n0.5;0.1\n": "there is no column called label",
        "kind;b;a\nlow;0.5;inf\n": "line 2: features is inf, which is not a finite number",
    }.items():
        (folder / "wrong.csv").write_text(text)
        ran = netc("eval", "t.net", "wrong.csv")
        assert (ran.status, ran.out) == (1, "")
        assert message in ran.err
    assert netc("eval", "t.net", "new.csv", "--split", "test").status == 2


def test_a_whole_number_that_is_no_class_may_be_larger_than_in_the_training(netc: Netc, folder: Path) -> None:
    (folder / "ages.csv").write_text("age,price\n" + "".join(f"{i % 9},{2 * (i % 9)}\n" for i in range(40)))
    (folder / "ages.net").write_text(
        "input x[N, 1]\ninput y[N]\nguess = x -> dense(1) -> squeeze(axis = 1)\nloss mse(guess, y)\n"
        'data csv("ages.csv", label = price) { x = expand(age, 1), y = label }\n'
        "train sgd(lr = 0.01) { epochs = 30, batch = 10 }\n"
    )
    ran = netc("train", "ages.net")
    assert ran.status == 0, ran.err
    (folder / "old.csv").write_text("age,price\n90,180\n")
    assert figures(netc("eval", "ages.net", "old.csv", "--json"))["samples"] == 1


def test_pictures_are_brought_to_the_size_of_the_training(netc: Netc, folder: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, colour in (("blue", (40, 40, 200)), ("red", (200, 40, 40))):
        (folder / "some" / name).mkdir(parents=True)
        for i, (height, width) in enumerate(rng.integers(9, 30, (12, 2))):
            pixels = np.clip(rng.normal(0, 40, (height, width, 3)) + colour, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "some" / name / f"{i}.png")
    (folder / "some.net").write_text(
        "input x[N, 3, 8, 8]\ninput y[N] : class(2)\nlogits = flatten(x) -> dense(2)\n"
        "loss cross_entropy(logits, y)\nmetric accuracy(logits, y)\n"
        'data images("some", size = 8) { x = image / 255, y = label }\n'
        "train sgd(lr = 0.1) { epochs = 5, batch = 4 }\n"
    )
    assert netc("train", "some.net").status == 0
    found = figures(netc("eval", "some.net", "some", "--json"))
    assert found["samples"] == 24
    trained = figures(netc("eval", "some.net", "--split", "train", "--json"))
    assert found["loss"] == pytest.approx(trained["loss"], rel=1e-6)
    (folder / "green").mkdir()
    picture = (folder / "some" / "red" / "0.png").read_bytes()
    (folder / "green" / "0.png").write_bytes(picture)
    assert "is called green, and that is no class" in netc("eval", "some.net", "green").err
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "netc", "eval", "some.net", "-"]
    done = subprocess.run(command, input=picture, capture_output=True, env=environment)
    assert done.returncode == 1 and b"stdin: a picture here has no class" in done.stderr


def test_an_endless_stream_is_not_read_to_its_end(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert netc("train", "small.net", "train.epochs=1").status == 0
    monkeypatch.setattr("netc.runtime.data.lazy.HELD_BYTES", 1000)
    ran = netc("eval", "small.net", "-", stdin=b"0" * 5000)
    assert ran.status == 1
    assert "stdin: there are more than 1.0 kB, too many to hold in memory" in ran.err
