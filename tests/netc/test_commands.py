from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from netc import __version__
from netc.commands import COMMANDS

from .conftest import SMALL, Netc

BROKEN = SMALL.replace("x -> dense(H)", "x @ y").replace("accuracy(", "acuracy(")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_help_says(netc: Netc, name: str) -> None:
    ran = netc(name, "--help")
    assert ran.status == 0
    assert COMMANDS[name].partition(",")[0].partition(";")[0] in " ".join(ran.out.split())
    assert name in netc("--help").out


def test_version(netc: Netc) -> None:
    assert netc("--version").out.split()[-1] == __version__


def test_check_shows_layers_and_counts_their_work(netc: Netc, small: Path) -> None:
    ran = netc("check", "small.net")
    assert ran.status == 0
    assert not ran.err
    cells = [line.split() for line in ran.out.splitlines()]
    assert ["logits.dense1", "dense", "[N,", "8]", "520", "512"] in cells  # 64·8 + 8, 64·8
    assert ["logits.dense2", "dense", "[N,", "10]", "90", "80"] in cells  # 8·10 + 10, 8·10
    assert ["total", "610", "592"] in cells


def test_check_counts_convolutions(netc: Netc, folder: Path) -> None:
    text = "input x[N, 3, 32, 32]\na = x -> conv(6, 5, stride = 2)\nb = a -> 2 * conv(6, 3, pad = 1)\n"
    ran = netc("check", "-", "--json", stdin=text + "output y = b")
    (checked,) = json.loads(ran.out)
    rows = checked["summary"]["rows"]
    assert [row["count"] for row in rows] == [1, 2]
    assert rows[0]["shape"] == ["N", 6, 14, 14]
    assert rows[0]["parameters"] == 6 * 3 * 25 + 6
    # each of 14·14 places and 6 filters takes 3·5·5 products
    assert rows[0]["multiply_adds"] == 14 * 14 * 6 * 75
    assert rows[1]["multiply_adds"] == 2 * 14 * 14 * 6 * 54


def test_check_shows_every_error(netc: Netc, folder: Path) -> None:
    (folder / "broken.net").write_text(BROKEN)
    (folder / "small.net").write_text(SMALL)
    ran = netc("check", "broken.net", "small.net")
    assert ran.status == 1
    assert "broken.net:5:" in ran.err
    assert "broken.net:8:" in ran.err
    assert "multiply-adds" in ran.out


def test_check_as_json(netc: Netc, folder: Path) -> None:
    (folder / "broken.net").write_text(BROKEN)
    ran = netc("check", "broken.net", "nothing.net", "--json")
    assert ran.status == 1
    assert not ran.err
    broken, nothing = json.loads(ran.out)
    assert not broken["ok"] and broken["summary"] is None
    place = broken["diagnostics"][0]["place"]
    assert (place["file"], place["line"]) == ("broken.net", 5)
    assert BROKEN[place["start"] : place["end"]] == "x @ y"
    assert nothing["diagnostics"][0]["place"] is None


def test_check_warns_of_data_that_are_not_there(netc: Netc, folder: Path) -> None:
    (folder / "far.net").write_text(SMALL.replace("digits()", 'npz("far.npz")'))
    ran = netc("check", "far.net")
    assert ran.status == 0
    assert "far.npz: there is no such file" in ran.err
    assert "far.net:9:" in ran.err
    assert netc("check", "far.net", "--strict").status == 1
    (folder / "far.npz").write_bytes(b"PK")
    assert netc("check", "far.net").status == 1


@pytest.mark.parametrize("stage", ["ast", "graph", "backward", "optimised", "plan", "code"])
def test_dump(netc: Netc, small: Path, stage: str) -> None:
    ran = netc("dump", "small.net", "--stage", stage)
    assert ran.status == 0
    assert not ran.err
    assert "logits" in ran.out


def test_the_forward_graph_has_nothing_backward(netc: Netc, small: Path) -> None:
    forward = netc("dump", "small.net", "--stage", "graph").out
    assert " backward" not in forward and " update" not in forward
    assert "gradient" in netc("dump", "small.net", "--stage", "backward").out.replace("update", "gradient")


def test_the_plan_says_where_values_lie(netc: Netc, small: Path) -> None:
    out = netc("dump", "small.net", "--stage", "plan").out
    assert "a batch of 64" in out
    assert "in logits.dense1.W" in out
    arena = int(out.splitlines()[1].split()[1].replace(",", ""))
    ends = [int(line.split("…")[1].split()[0].replace(",", "")) for line in out.splitlines() if "…" in line]
    assert max(ends) <= arena


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "dense",
            "layer dense(x[..., d], width, init = glorot, bias = true) {\n    param W[d, width] ~ init",
        ),
        ("sgd", "optimizer sgd(lr = 0.01"),
        ("mse", "# The squared difference.\nlayer mse(a[...], b[...]) { return square(a - b) }"),
        ("sqrt", "sqrt(x)\n    = √x"),
        ("maxpool", "maxpool(x, size"),
        ("normal", "normal("),
        ("he", "param W[…] ~ he"),
    ],
)
def test_show(netc: Netc, name: str, expected: str) -> None:
    ran = netc("show", name)
    assert ran.status == 0
    assert expected in ran.out


def test_show_lists_all(netc: Netc) -> None:
    words = netc("show").out.split()
    assert {"dense", "adam", "cross_entropy", "relu", "glorot", "cosine"} <= set(words)


def test_new_is_a_start_that_trains(netc: Netc, folder: Path) -> None:
    ran = netc("new", "mine")
    assert ran.status == 0
    assert ran.out == "mine.net\n"
    assert (folder / "mine.net").read_text().startswith("# mine.net: ")
    assert netc("check", "mine.net").status == 0


def test_data(netc: Netc, folder: Path) -> None:
    assert "csv(path" in netc("data", "list").out
    assert "train 1,437, test 360 samples" in netc("data", "show", "digits").out
    (folder / "flowers.csv").write_text("width,kind\n1,rose\n2,tulip\n")
    out = netc("data", "show", 'csv("flowers.csv", label = "kind")').out
    assert "2 classes: rose, tulip" in out
    assert "csv(path" in netc("data", "show", "csv").out


def test_eval_and_predict_read_the_newest_run(netc: Netc, small: Path, folder: Path) -> None:
    trained = netc("train", "small.net", "train.epochs=6")
    ran = netc("eval", "small.net", "--json")
    assert ran.status == 0
    figures = json.loads(ran.out)
    assert figures["checkpoint"] == "runs/small/best.safetensors"
    assert f"accuracy {100 * figures['accuracy']:.2f} %" in trained.out.splitlines()[-1]
    assert netc("eval", "small.net", "--split", "valid").out.startswith("valid: loss ")
    assert "there is no file" not in netc("eval", "small.net", "--split", "nine").err

    indices = [f"--sample={i}" for i in range(40)]
    ran = netc("predict", "small.net", *indices)
    assert ran.status == 0
    assert len(ran.out.splitlines()) == 40
    answers = json.loads(netc("predict", "small.net", *indices, "--json").out)
    right = sum(a["outputs"]["probabilities"]["class"] == a["truth"] for a in answers)
    assert ran.out.count("   right") == right > 20
    total = sum(answers[0]["outputs"]["probabilities"]["probabilities"].values())
    assert total == pytest.approx(1, abs=1e-5)


def test_predicting_from_arrays_and_pictures(netc: Netc, small: Path, folder: Path) -> None:
    from PIL import Image

    from netc.runtime.data.sources import open_source

    assert netc("train", "small.net", "train.epochs=3").status == 0
    test = open_source("digits", (), {}, folder).load().test
    assert test is not None
    np.savez(folder / "some.npz", image=test["image"][:3])
    Image.fromarray(test["image"][0, 0]).save(folder / "one.png")
    samples = json.loads(netc("predict", "small.net", *(f"--sample={i}" for i in range(3)), "--json").out)
    arrays = json.loads(netc("predict", "small.net", "some.npz", "--json").out)
    (picture,) = json.loads(netc("predict", "small.net", "one.png", "--json").out)
    assert [a["outputs"] for a in arrays] == [s["outputs"] for s in samples]
    assert [a["input"] for a in arrays] == ["some.npz[0]", "some.npz[1]", "some.npz[2]"]
    expected = samples[0]["outputs"]["probabilities"]
    found = picture["outputs"]["probabilities"]
    assert found["class"] == expected["class"]
    assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)


def test_predicting_from_a_table_where_the_data_are_gone(netc: Netc, folder: Path) -> None:
    rows = [(i % 7 / 7, i % 5 / 5, "low" if i % 7 < 3 else "high") for i in range(70)]
    text = "a,b,kind\n" + "".join(f"{a},{b},{kind}\n" for a, b, kind in rows)
    (folder / "table.csv").write_text(text)
    (folder / "t.net").write_text(
        "input x[N, 2]\ninput y[N] : class(2)\nlogits = x -> dense(8) -> tanh -> dense(2)\n"
        'loss cross_entropy(logits, y)\ndata csv("table.csv", label = "kind") '
        "{ x = standardize(features), y = label }\n"
        "train adam(lr = 0.05) { epochs = 40, batch = 10 }\n"
    )
    assert netc("train", "t.net").status == 0
    (folder / "table.csv").unlink()
    (folder / "new.csv").write_text("b,a\n0.5,0.1\n0.5,0.9\n")
    ran = netc("predict", "t.net", "new.csv")
    assert ran.status == 0, ran.err
    assert [line.split()[:2] for line in ran.out.splitlines()] == [
        ["new.csv:2", "low"],
        ["new.csv:3", "high"],
    ]
    ran = netc("predict", "t.net", "new.csv", "--json")
    assert set(json.loads(ran.out)[0]["outputs"]["logits"]["probabilities"]) == {"low", "high"}
