"""netc train --resume: what it goes on from, and what it refuses."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netc.runs import Run, locked
from netc.runtime.checkpoint import describe

from .conftest import Netc

RUN = Path("runs/small")


@pytest.fixture
def run(netc: Netc, small: Path) -> Path:
    """A run of two epochs, each of which was written."""
    assert netc("train", "small.net", "--save-every", "0").status == 0
    return RUN


def bits(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".safetensors"}


def test_the_checkpoint_before_is_kept(run: Path) -> None:
    assert describe(run / "last.safetensors").epoch == 2
    # the end of the training was written twice: at its last epoch, and at its end
    assert (run / "previous.safetensors").exists()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "gone"])
def test_a_damaged_file_is_told_and_the_one_before_is_taken(netc: Netc, run: Path, damage: str) -> None:
    path = run / "last.safetensors"
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.unlink()
    if damage != "gone":
        path.write_bytes({"cut": data[:-9], "flip": flipped, "empty": b""}[damage])
    ran = netc("train", "small.net", "train.epochs=3", "--resume")
    assert ran.status == 0, ran.err
    assert ("going on from runs/small/previous.safetensors" in ran.err) == (damage != "gone")
    assert describe(path).epoch == 3


def test_a_damaged_file_does_not_replace_the_one_before(netc: Netc, run: Path) -> None:
    (run / "last.safetensors").write_bytes(b"damaged")
    assert netc("train", "small.net", "train.epochs=3", "--resume").status == 0
    assert describe(run / "previous.safetensors").epoch == 2


def test_nothing_is_touched_where_both_are_damaged(netc: Netc, run: Path) -> None:
    for name in ("last", "previous", "best"):
        (run / f"{name}.safetensors").write_bytes(b"damaged")
    before = bits(run)
    ran = netc("train", "small.net", "--resume")
    assert ran.status == 1
    assert "is no whole file of parameters" in ran.err
    assert bits(run) == before


@pytest.mark.parametrize(
    ("change", "overrides", "message"),
    [
        (("relu", "tanh"), (), "has changed since the run in runs/small was begun, first in line 5"),
        (("", ""), ("H=9",), "begun with H = 8, and not 9"),
        (("", ""), ("train.seed=4",), "begun with seed = 3, and not 4"),
        (("", ""), ("train.batch=65",), "begun with batch = 64, and not 65"),
        (("", ""), ("train.precision=float64",), "is float64[64, 8], and in"),
    ],
)
def test_another_training_is_refused(
    netc: Netc, small: Path, run: Path, change: tuple[str, str], overrides: tuple[str, ...], message: str
) -> None:
    small.write_text(small.read_text().replace(*change))
    before = bits(run)
    ran = netc("train", "small.net", *overrides, "--resume")
    assert ran.status == 1
    assert message in ran.err
    assert bits(run) == before


def test_comments_and_layout_may_change(netc: Netc, small: Path, run: Path) -> None:
    small.write_text("# a remark\n" + small.read_text().replace("(logits, y)", "( logits,  y )"))
    assert netc("train", "small.net", "train.epochs=3", "--resume").status == 0
    assert describe(run / "last.safetensors").epoch == 3


def test_a_folder_has_one_training_at_a_time(netc: Netc, small: Path, run: Path) -> None:
    lock = locked(run)
    ran = netc("train", "small.net", "train.epochs=3", "--resume")
    lock.release()
    assert ran.status == 1
    assert "another process is training in runs/small" in ran.err


def test_a_run_is_never_overwritten(netc: Netc, small: Path, run: Path) -> None:
    before = bits(run)
    assert netc("train", "small.net", "--out", str(run)).status == 1
    assert netc("train", "small.net").status == 0
    assert bits(run) == before
    assert Path("runs/small-2/last.safetensors").exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_saves_within_an_epoch(netc: Netc, small: Path, name: str) -> None:
    small.write_text(small.read_text().replace("batch = 64", "batch = 1").replace("epochs = 2", "epochs = 3"))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "netc", "train", "small.net", "--out", "run"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        for _ in range(3):  # the heading and the first epoch
            process.stdout.readline()
        process.send_signal(signal.Signals[name])
        _, err = process.communicate(timeout=120)
    assert process.returncode == {"SIGINT": 130, "SIGTERM": 143}[name], err
    assert "`netc train small.net --out run --resume` goes on from there" in err
    assert netc("train", "small.net", "--out", "run", "--resume").status == 0
    assert netc("train", "small.net", "--out", "whole").status == 0
    for file in ("last", "best"):
        from netc.runtime.checkpoint import read

        first, second = (read(Path(f) / f"{file}.safetensors")[0] for f in ("run", "whole"))
        assert all(first[n].tobytes() == second[n].tobytes() for n in first), file


def test_a_signal_at_the_end_waits_until_all_is_written(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Run.save

    def struck(run: Run) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        save(run)

    monkeypatch.setattr(Run, "save", struck)
    monkeypatch.setattr("netc.runs.OFTEN", 99.0)
    ran = netc("train", "small.net", "--save-every", "99")
    assert ran.status == 130
    assert describe(RUN / "last.safetensors").epoch == 2


def test_a_signal_waits_for_the_report(netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(*_: object) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        Path("report").touch()
        return "report"

    monkeypatch.setattr("netc.commands.train.write_trained", struck)
    assert netc("train", "small.net", "train.epochs=1").status == 130
    assert Path("report").exists()


def test_a_signal_behind_another_error(netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where an import is cut off, and what is left of it fails."""

    def fails(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt as interrupt:
            raise KeyError("half imported") from interrupt

    monkeypatch.setattr("netc.commands.train.open_data", fails)
    ran = netc("train", "small.net")
    assert (ran.status, ran.err.splitlines()[-1]) == (143, "interrupted")


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_before_the_training_leaves_nothing(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    monkeypatch.setattr(
        "netc.commands.train.open_data", lambda *_: os.kill(os.getpid(), signal.Signals[name])
    )
    ran = netc("train", "small.net")
    assert (ran.status, ran.err.splitlines()[-1]) == (status, "interrupted")
    assert not Path("runs").exists()


def test_what_others_keep_in_a_folder_stays(netc: Netc, small: Path) -> None:
    folder = Path("mine")
    folder.mkdir()
    for name in (".profile.7", ".last.safetensors.7", "notes.txt"):
        (folder / name).write_text("kept")
    assert netc("train", "small.net", "train.epochs=1", "--out", "mine").status == 0
    assert (folder / ".profile.7").read_text() == (folder / "notes.txt").read_text() == "kept"
    assert not (folder / ".last.safetensors.7").exists()  # of a process that was killed while it wrote


@pytest.mark.parametrize("name", ["report.html", "norms.csv", "best.safetensors"])
def test_no_file_of_a_run_is_overwritten(netc: Netc, small: Path, name: str) -> None:
    Path("mine").mkdir()
    Path("mine", name).write_text("kept")
    ran = netc("train", "small.net", "train.epochs=1", "--out", "mine")
    assert ran.status == 1
    assert "mine holds a run already" in ran.err
    assert [p.name for p in Path("mine").iterdir()] == [name]


def test_a_name_with_brackets_is_found_again(netc: Netc, small: Path) -> None:
    small.rename("a[1].net")
    assert netc("train", "a[1].net", "train.epochs=1").status == 0
    assert netc("train", "a[1].net", "train.epochs=2", "--resume").status == 0


def test_other_data_are_refused(netc: Netc, folder: Path) -> None:
    Path("a.net").write_text(
        "input x[N, 1]\ninput y[N] : class(2)\nz = x -> dense(2)\nloss cross_entropy(z, y)\n"
        'data csv("a.csv", label = "kind") { x = features, y = label }\n'
        "train sgd(lr = 0.1) { epochs = 1 }\n"
    )
    rows = "size,kind\n1,cat\n2,dog\n"
    Path("a.csv").write_text(rows)
    assert netc("train", "a.net").status == 0
    Path("a.csv").write_text(rows.replace("dog", "ape"))
    ran = netc("train", "a.net", "train.epochs=2", "--resume")
    assert ran.status == 1
    assert "was begun with other classes of kind: 0 was cat, and is ape" in ran.err
    Path("a.csv").write_text(rows.replace("2,dog", "3,dog"))
    ran = netc("train", "a.net", "train.epochs=2", "--resume")
    assert ran.status == 1
    assert "was begun with other samples than the data hold now" in ran.err
    Path("a.csv").write_text(rows)
    assert netc("train", "a.net", "train.epochs=2", "--resume").status == 0


def test_a_limit_on_files_leaves_the_old_checkpoint(netc: Netc, small: Path, run: Path) -> None:
    resource = pytest.importorskip("resource")
    before = (run / "last.safetensors").read_bytes()

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "netc", "train", "small.net", "train.epochs=3", "--resume"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=limited)
    assert ran.returncode == 1
    assert f"safetensors: {os.strerror(errno.EFBIG)}" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (run / "last.safetensors").read_bytes() == before
    assert netc("train", "small.net", "train.epochs=3", "--resume").status == 0


def test_a_run_that_may_not_be_written_is_told_before_it_goes_on(
    netc: Netc, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netc.runs.os.access", lambda *_: False)  # the superuser may write everywhere
    ran = netc("train", "small.net", "train.epochs=3", "--resume")
    assert ran.status == 1
    assert "runs/small: Permission denied" in ran.err
    assert "    3" not in ran.out


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written(netc: Netc, small: Path) -> None:
    Path("closed").mkdir(mode=0o500)
    ran = netc("train", "small.net", "--out", "closed/run")
    assert ran.status == 1
    assert "closed/run: Permission denied" in ran.err
