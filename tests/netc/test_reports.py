"""Pages, sweeps, the search for a learning rate, event files, and predictions for other programs."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from netc.commands.arguments import split
from netc.runs import locked
from netc.runtime.report.judged import Judged
from netc.runtime.report.pictures import brightened, filters

from .conftest import Netc

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """What a page holds, and whether every element that it opens is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.mark.reports
@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_names_that_are_no_text(netc: Netc, small: Path) -> None:
    pytest.importorskip("matplotlib")
    name = os.fsdecode(b"\xff")
    small.rename(f"{name}.net")
    ran = netc("train", f"{name}.net", "train.epochs=1", "--out", name)
    assert ran.status == 0, ran.err
    assert "\\xff" in (Path(name) / "report.html").read_text()


@pytest.mark.reports
def test_a_run_writes_its_page(netc: Netc, small: Path) -> None:
    pytest.importorskip("matplotlib")
    ran = netc("train", "small.net", "H=9")
    assert ran.status == 0, ran.err
    path = Path("runs/small/report.html")
    assert f"report: {path}" in ran.err
    page = Page(path)
    assert not page.open
    assert [h for h in page.headings if h != "Network"] == [
        "Curves", "Confusion matrix", "Samples", "Worst mistakes", "First layer", "Norms", "Epochs", "Spec",
        "How it was made",
    ]  # fmt: skip
    assert all(a.startswith(("data:image/png;base64,", "#", "http://www.w3.org")) for a in page.addresses)
    assert "netc train small.net H=9" in page.text
    assert "# small.net: one hidden layer" in page.text
    assert "★ is the best by valid accuracy." in page.text
    plots = re.findall(
        r'<svg [^>]*aria-label="norms of .*?</svg>', path.read_text(encoding="utf-8"), re.DOTALL
    )
    values, gradients = (re.findall(r">(logits\.\w+\.\w)<", plot) for plot in plots)
    assert len(values) == 4 and values == gradients  # in the order of the colours
    assert "prefers-color-scheme: dark" in path.read_text(encoding="utf-8")
    before = re.sub(r"\d+\.\d s", "", path.read_text(encoding="utf-8"))
    assert netc("report", "runs/small").out == f"{path}\n"
    assert re.sub(r"\d+\.\d s", "", path.read_text(encoding="utf-8")) == before


def test_norms_are_those_of_the_parameters(netc: Netc, small: Path) -> None:
    from netc.runtime.checkpoint import read

    assert netc("train", "small.net").status == 0
    with Path("runs/small/norms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    tensors, _ = read(Path("runs/small/last.safetensors"))
    last = {row["parameter"]: row for row in rows if row["epoch"] == "2"}
    assert set(last) == {"logits.dense1.W", "logits.dense1.b", "logits.dense2.W", "logits.dense2.b"}
    for name, row in last.items():
        assert float(row["norm"]) == pytest.approx(float(np.linalg.norm(tensors[name])), rel=1e-4)
        assert 0 < float(row["gradient"]) < 100


def test_several_runs_are_compared(netc: Netc, small: Path) -> None:
    pytest.importorskip("matplotlib")
    assert netc("train", "small.net").status == 0
    assert netc("train", "small.net", "train.lr=0.1").status == 0
    ran = netc("report", "runs/small", "runs/small-2", "-o", "both.html")
    assert ran.out == "both.html\n"
    page = Page(Path("both.html"))
    assert not page.open and page.headings == ["Runs", "Curves"]
    legend = re.findall(r"<text[^>]*>(small(?:-2)?)</text>", Path("both.html").read_text(encoding="utf-8"))
    assert legend and set(legend) == {"small", "small-2"}
    assert "valid accuracy" in page.text and "valid.accuracy" not in page.text
    assert netc("report", "nowhere").status == 1
    ran = netc("report", "runs/small", "-o", "one.html")
    assert ran.out == "one.html\n" and "Curves" in Page(Path("one.html")).headings
    assert not Path("runs/small/report.html").exists()


def test_a_page_without_its_data_says_so(netc: Netc, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    (folder / "line.csv").write_text("a,y\n" + "1,2\n2,4\n" * 20)
    (folder / "line.net").write_text(
        "input x[N, 1]\ninput y[N]\nz = (x -> dense(1))[:, 0]\nloss mse(z, y)\n"
        'data csv("line.csv", label = y) { x = features, y = y }\ntrain sgd(lr = 0.01) { epochs = 1 }\n'
    )
    assert netc("train", "line.net").status == 0
    assert netc("report", "runs/line").err == ""
    assert "Estimates" in Page(Path("runs/line/report.html")).headings
    (folder / "line.csv").unlink()
    ran = netc("report", "runs/line")
    assert ran.status == 0 and "without samples: line.csv: there is no such file" in ran.err
    assert "Estimates" not in Page(Path("runs/line/report.html")).headings


def test_a_sweep(netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ran = netc("train", "small.net", "H=4,6", "train.epochs=1", "--jobs", "2")
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].split()[:4] == ["run", "H", "train.epochs", "epoch"]
    assert {line.split()[0] for line in lines[1:]} == {"H=4", "H=6"}
    accuracies = [float(re.findall(r"([\d.]+) %", line)[1]) for line in lines[1:]]  # train, valid, test
    assert accuracies == sorted(accuracies, reverse=True)
    assert Path("runs/small-sweep/H=4/history.csv").exists()
    ran = netc("train", "small.net", "H=4,6", "train.epochs=1", "--resume")
    assert ran.out.splitlines() == lines
    ran = netc("train", "small.net", "H=4,6", "train.epochs=1", "--resume", "--json")
    rows = json.loads(ran.out)
    assert [Path(row["folder"]).name for row in rows] == [line.split()[0] for line in lines[1:]]
    assert [row["valid.accuracy"] for row in rows] == pytest.approx([a / 100 for a in accuracies], abs=1e-4)


def test_runs_without_a_valid_split_are_ranked_by_the_test_split(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    small.write_text(small.read_text().replace(", valid = 10%", ""))
    ran = netc("train", "small.net", "train.lr=1e-6,0.01", "train.epochs=1", "--json")
    first, last = json.loads(ran.out)
    assert first["test.accuracy"] > last["test.accuracy"]


def test_a_value_given_twice_is_one_training(netc: Netc, small: Path) -> None:
    ran = netc("train", "small.net", "H=4,4", "train.epochs=1")
    assert ran.status == 0 and Path("runs/small/history.csv").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGTERM")
def test_a_sweep_that_is_ended_ends_its_trainings(small: Path) -> None:
    command = [sys.executable, "-m", "netc", "train", "small.net", "H=4,6", "train.epochs=100000"]
    command += ["--jobs", "2", "--out", "sweep", "--save-every", "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    files = [Path("sweep", name, "last.safetensors") for name in ("H=4", "H=6")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        while not all(file.exists() for file in files) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "the same command with --out sweep --resume goes on" in err
    for file in files:
        locked(file.parent).release()  # nobody trains there any longer


def test_a_sweep_goes_on_behind_a_failure(netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ran = netc("train", "small.net", "train.lr=-1,0.01", "train.epochs=1", "--out", "sweep")
    assert ran.status == 1
    assert "learning rate cannot be -1" in ran.err
    assert len(ran.out.splitlines()) == 2


def test_several_values_are_for_trainings(netc: Netc, small: Path) -> None:
    ran = netc("dump", "small.net", "H=4,6", "--stage", "ast")
    assert ran.status == 2
    assert "H is given 2 values" in ran.err


def test_commas_within_brackets_and_quotes_do_not_split() -> None:
    assert split("cosine(warmup = 5, x = [1, 2]), linear") == ["cosine(warmup = 5, x = [1, 2])", "linear"]
    assert split('"a,b", 3') == ['"a,b"', "3"]


def test_the_search_for_a_learning_rate(netc: Netc, small: Path) -> None:
    ran = netc("train", "small.net", "--find-lr", "--out", "search.html")
    assert ran.status == 0, ran.err
    steepest, lowest = (float(re.findall(r"[\d.e-]+\d", line)[0]) for line in ran.out.splitlines())
    # Adam on the digits trains well with rates about 0.001 to 0.1.
    assert 1e-3 < steepest < lowest < 1
    assert not Path("runs").exists()
    ran = netc("train", "small.net", "--find-lr", "--out", "search.html", "--json")
    assert json.loads(ran.out)["lowest"] == pytest.approx(lowest, rel=0.06)


@pytest.mark.parametrize("given", ["H=4,6", "--resume"])
def test_the_search_is_one_run_of_its_own(netc: Netc, small: Path, given: str) -> None:
    ran = netc("train", "small.net", "--find-lr", given)
    assert ran.status == 2 and "--find-lr makes one short run" in ran.err


def test_the_search_does_not_write_over_a_folder(netc: Netc, small: Path) -> None:
    Path("place").mkdir()
    ran = netc("train", "small.net", "--find-lr", "--out", "place")
    assert ran.status == 1 and "place is a folder" in ran.err and not ran.out


def test_texts_need_no_quotes_on_the_command_line(netc: Netc, small: Path) -> None:
    assert netc("train", "small.net", "train.epochs=1", "--out", "runs/first").status == 0
    ran = netc(
        "train", "small.net", "train.start=runs/first", "train.freeze=logits.dense1.*", "--out", "second"
    )
    assert ran.status == 0 and "begins with 4 tensors" in ran.err
    before, after = (load_file(f"{f}/best.safetensors") for f in ("runs/first", "second"))
    np.testing.assert_array_equal(before["logits.dense1.W"], after["logits.dense1.W"])
    assert (before["logits.dense2.W"] != after["logits.dense2.W"]).any()


def test_event_files(netc: Netc, small: Path) -> None:
    pytest.importorskip("tensorboardX")
    assert netc("train", "small.net", "train.epochs=1", "--tensorboard").status == 0
    (file,) = Path("runs/small").glob("events.out.tfevents.*")
    assert b"valid/accuracy" in file.read_bytes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="limits the size of files as POSIX does")
def test_event_files_that_cannot_be_written(small: Path) -> None:
    pytest.importorskip("tensorboardX")
    import resource

    command = [sys.executable, "-m", "netc", "train", "small.net", "train.epochs=1", "--tensorboard"]
    ran = subprocess.run(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
    )
    assert ran.returncode == 1
    assert "File too large" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_predictions_for_programs(netc: Netc, small: Path) -> None:
    assert netc("train", "small.net", "train.epochs=1").status == 0
    ran = netc("predict", "small.net", "--sample", "3", "--csv")
    (row,) = csv.DictReader(io.StringIO(ran.out))
    assert row["input"] == "sample 3"
    scores = {name: float(v) for name, v in row.items() if re.fullmatch(r"probabilities\.\d", name)}
    assert sum(scores.values()) == pytest.approx(1, abs=1e-5)
    assert max(scores, key=lambda name: scores[name]) == f"probabilities.{row['probabilities.class']}"
    data = io.BytesIO()
    np.savez(data, image=np.zeros((2, 1, 8, 8), np.uint8))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "netc", "predict", "small.net", "-", "--json"]
    done = subprocess.run(command, input=data.getvalue(), capture_output=True, env=environment)
    assert [entry["input"] for entry in json.loads(done.stdout)] == ["stdin.npz[0]", "stdin.npz[1]"]
    done = subprocess.run(command, input=b"a,b\n1,2\n", capture_output=True, env=environment)
    assert done.returncode == 1
    assert b"error: stdin: there is no column called image" in done.stderr


def test_confusion_and_worst() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.95, 0.05]])
    judged = Judged("test", ("a", "b"), scores, np.array([0, 1, 1, 1]), True, "")
    assert judged.confusion.tolist() == [[1, 0], [2, 1]]
    assert judged.worst(9).tolist() == [3, 2]


def test_pictures() -> None:
    assert filters(np.zeros((4, 3, 5, 5)), (3, 32, 32)) is not None
    found = filters(np.eye(12)[:, :7], (3, 2, 2))
    assert found is not None and found.shape == (7, 3, 2, 2) and found.max() == 255
    assert filters(np.zeros((10, 7)), (3, 2, 2)) is None
    assert brightened(np.full((1, 1, 2, 2), 16)).max() == 240
