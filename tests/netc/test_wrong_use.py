"""Every wrong use ends with a message and a status, and writes nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from netc.runtime.device import DeviceError

from .conftest import SMALL, Netc

USAGE = [
    (("train",), "SPEC"),
    (("train", "small.net", "H:32"), "write H=32"),
    (("train", "small.net", "train.lr:0.1"), "write train.lr=0.1"),
    (("train", "small.net", "H"), "write H=32"),
    (("train", "small.net", "H="), "H is given no value"),
    (("train", "small.net", "=3"), "no name"),
    (("train", "small.net", "train.=3"), "no name"),
    (("train", "small.net", "H=2*(3"), "the value of H is wrong"),
    (("train", "small.net", "--device", "tpu"), "tpu"),
    (("train", "small.net", "--epochs", "3"), "--epochs"),
    (("trian", "small.net"), "trian"),
    (("dump", "small.net"), "--stage"),
    (("dump", "small.net", "--stage", "llvm"), "llvm"),
    (("check",), "SPEC"),
    (("predict", "small.net"), "--sample"),
    (("predict", "small.net", "--sample", "first"), "first"),
    (("new",), "FILE"),
    (("data", "fetch"), "fetch"),
]

WRONG = [
    (("train", "nothing.net"), "there is no file nothing.net"),
    (("train", "smal.net"), "did you mean small.net?"),
    (("train", "digit"), "did you mean digits?"),
    (("train", "folder"), "folder is a folder"),
    (("check", "folder"), "it holds inner.net"),
    (("check", "latin.net"), "latin.net:2:3"),
    (("check", "latin.net"), "save the file as UTF-8"),
    (("check", "zeros"), "NUL"),
    (("check", "long.net"), "too large"),
    (("train", "small.net", "G=32"), "small.net has no dim called G"),
    (("train", "small.net", "H=many"), "many"),
    (("train", "small.net", "train.lrr=0.1"), "lrr"),
    (("train", "small.net", "train.epochs=-1"), "epochs"),
    (("train", "broken.net"), "acuracy"),
    (("train", "small.net", "--resume"), "no run"),
    (("train", "small.net", "--out", "small.net"), "is a file"),
    (("train", "small.net", "--out", "run"), "holds a run already"),
    (("train", "small.net", "--out", "small.net/inner"), "Not a directory"),
    (("train", "untrained.net"), "no train block"),
    (("train", "csv.net"), "flowers.csv: there is no such file"),
    (("train", "nan.net"), "nan"),
    (("train", "label.net"), "classes"),
    (("eval", "small.net"), "train it first: netc train small"),
    (("eval", "small.net", "--checkpoint", "none.safetensors"), "none.safetensors"),
    (("eval", "small.net", "--checkpoint", "small.net"), "no whole file of parameters"),
    (("predict", "small.net", "--sample", "0"), "train it first"),
    (("dump", "broken.net", "--stage", "graph"), "acuracy"),
    (("show", "dens"), "did you mean dense"),
    (("show", "qqqqq"), "netc show"),
    (("new", "small.net"), "small.net exists already"),
    (("new", "other.net", "--like", "digts"), "did you mean digits?"),
    (("new", "no/such/folder.net"), "no/such/folder.net: No such file or directory"),
    (("data", "show", "digts"), "did you mean digits?"),
    (("data", "show", 'csv("none.csv")'), "none.csv: there is no such file"),
    (("data", "show", "digits(3)"), "digits takes no arguments"),
]


@pytest.fixture
def crowded(small: Path, folder: Path) -> Path:
    """A working directory full of wrong things."""
    (folder / "folder").mkdir()
    (folder / "folder" / "inner.net").write_text(SMALL)
    (folder / "run").mkdir()
    (folder / "run" / "history.csv").write_text("epoch\n")
    (folder / "latin.net").write_bytes("# ok\n# é\n".encode("latin-1"))
    (folder / "zeros").write_bytes(bytes(100))
    (folder / "long.net").write_text("# long\n" * 200_000)
    (folder / "broken.net").write_text(SMALL.replace("accuracy(", "acuracy("))
    (folder / "untrained.net").write_text("\n".join(SMALL.split("\n")[:-2]))
    source = 'data csv("{}", label = "kind") {{ x = features, y = label }}'
    head = "input x[N, 2]\ninput y[N] : class(2)\nz = x -> dense(2)\nloss cross_entropy(z, y)\n"
    for name, file in (("csv", "flowers.csv"), ("nan", "nan.csv"), ("label", "label.csv")):
        (folder / f"{name}.net").write_text(
            f"{head}{source.format(file)}\ntrain sgd(lr = 1) {{ epochs = 1 }}\n"
        )
    (folder / "nan.csv").write_text("a,b,kind\n1,2,0\n3,nan,1\n")
    (folder / "label.csv").write_text("a,b,kind\n1,2,0\n3,4,1\n5,6,2\n")
    return folder


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "message"), USAGE, ids=lambda v: " ".join(v) if isinstance(v, tuple) else ""
)
def test_wrong_usage_ends_with_2(netc: Netc, crowded: Path, arguments: tuple[str, ...], message: str) -> None:
    before = tree(crowded)
    ran = netc(*arguments)
    assert ran.status == 2
    assert message in ran.err
    assert not ran.out
    assert tree(crowded) == before


@pytest.mark.parametrize(
    ("arguments", "message"), WRONG, ids=lambda v: " ".join(v) if isinstance(v, tuple) else ""
)
def test_what_is_wrong_ends_with_1(
    netc: Netc, crowded: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = tree(crowded)
    ran = netc(*arguments)
    assert ran.status == 1, ran
    assert message in ran.err
    assert "internal error" not in ran.err
    assert not ran.out
    assert tree(crowded) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(netc: Netc, small: Path) -> None:
    small.chmod(0)
    ran = netc("check", "small.net")
    assert ran.status == 1
    assert "small.net cannot be read: Permission denied" in ran.err


def test_an_endless_file_is_not_read_to_its_end(netc: Netc) -> None:
    ran = netc("check", "/dev/zero")
    assert ran.status == 1
    assert "NUL" in ran.err


@pytest.mark.parametrize(
    ("arguments", "file"), [(("draw", "small.net", "-o", "a.dot"), "a.dot"), (("new", "b.net"), "b.net")]
)
def test_a_full_disk_leaves_no_half_a_file(
    netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], file: str
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    before = tree(small.parent)
    monkeypatch.setattr("netc.runtime.atomic.os.fsync", full)
    ran = netc(*arguments)
    assert ran.status == 1
    assert f"{file}: No space left on device" in ran.err
    assert tree(small.parent) == before


def test_a_gpu_that_is_not_there(netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise DeviceError("CuPy is not installed")

    monkeypatch.setattr("netc.runtime.device._cupy", fails)
    ran = netc("train", "small.net", "--device", "cuda")
    assert ran.status == 1
    assert "CuPy is not installed" in ran.err
    assert not (small.parent / "runs").exists()
    ran = netc("train", "small.net", "train.epochs=1")
    assert ran.status == 0
    assert ran.err.startswith("running on the CPU: CuPy is not installed\n")


def test_a_bug_is_called_one(netc: Netc, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise ZeroDivisionError("impossible")

    monkeypatch.setattr("netc.commands.check.compile_source", fails)
    ran = netc("check", "small.net")
    assert ran.status == 1
    assert "ZeroDivisionError" in ran.err
    assert "netc.commands.check" in ran.err
    assert "this is a bug in netc: please report it" in ran.err


@pytest.mark.parametrize("label", [-1, 2, 7])
def test_a_label_that_is_no_class(netc: Netc, folder: Path, label: int) -> None:
    np.savez(folder / "a.npz", x=np.ones((3, 2), np.float32), y=np.array([0, 1, label]))
    (folder / "a.net").write_text(
        "input x[N, 2]\ninput y[N] : class(2)\nz = x -> dense(2)\nloss cross_entropy(z, y)\n"
        'data npz("a.npz") { x = x, y = y }\ntrain sgd(lr = 1) { epochs = 1 }\n'
    )
    ran = netc("train", "a.net")
    assert ran.status == 1
    assert f"train split, sample 2: y is {label}, but the classes are 0..1" in ran.err
    assert not Path("runs").exists()


def test_a_formula_that_gives_no_class(netc: Netc, folder: Path) -> None:
    np.savez(folder / "a.npz", x=np.ones((3, 2), np.float32), y=np.array([1, 2, 0]))
    text = (
        "input x[N, 2]\ninput y[N] : class(2)\nz = x -> dense(2)\nloss cross_entropy(z, y)\n"
        'data npz("a.npz") { x = x, y = FORMULA }\ntrain sgd(lr = 1) { epochs = 1 }\n'
    )
    (folder / "a.net").write_text(text.replace("FORMULA", "y - 1"))
    ran = netc("train", "a.net")
    assert ran.status == 1
    assert "train split, sample 2: y is -1, but the classes are 0..1" in ran.err
    assert not Path("runs").exists()
    (folder / "a.net").write_text(text.replace("FORMULA", "minimum(y, 1)"))
    assert netc("train", "a.net").status == 0


def test_predicting_from_wrong_files(netc: Netc, small: Path, folder: Path) -> None:
    assert netc("train", "small.net", "train.epochs=1").status == 0
    np.savez(folder / "wrong.npz", picture=np.zeros((2, 8, 8)))
    np.savez(folder / "shape.npz", image=np.zeros((2, 8, 8), np.uint8))
    np.savez(folder / "range.npz", image=np.full((2, 1, 8, 8), 300))
    np.savez(folder / "nan.npz", image=np.full((2, 1, 8, 8), np.nan))
    (folder / "broken.npz").write_bytes(b"PK")
    (folder / "table.csv").write_text("a,b\n1,2\n")
    (folder / "notes.txt").write_text("hello")
    (folder / "broken.png").write_bytes(b"\x89PNG")
    for file, message in {
        "wrong.npz": "there is no array called image",
        "shape.npz": "image should be [N, 1, 8, 8], and is [2, 8, 8]",
        "range.npz": "some values are not",
        "nan.npz": "array 'image', index [0, 0, 0, 0]: nan is not a finite number",
        "broken.npz": "no whole .npz file",
        "table.csv": "there is no column called image",
        "notes.txt": "netc reads .npz, .csv and pictures",
        "broken.png": "the picture cannot be read",
        "none.png": "there is no such file",
    }.items():
        ran = netc("predict", "small.net", file)
        assert ran.status == 1, file
        assert message in ran.err
        assert not ran.out
    assert "0 to 359" in netc("predict", "small.net", "--sample", "360").err
