"""netc fmt, netc check --gradients and --strict."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import SMALL, Netc


def test_fmt_writes_files_and_says_which(netc: Netc, folder: Path) -> None:
    (folder / "wide.net").write_text(SMALL.replace(" = ", "  =  "))
    (folder / "small.net").write_text(SMALL)
    assert netc("fmt", "--check", "small.net").status == 0
    ran = netc("fmt", "--check", "wide.net")
    assert ran.status == 1 and "+dim H = 8" in ran.out
    assert (folder / "wide.net").read_text() != SMALL
    ran = netc("fmt", "wide.net", "small.net")
    assert ran.status == 0 and "wide.net" in ran.err and "small.net" not in ran.err
    assert (folder / "wide.net").read_text() == SMALL == (folder / "small.net").read_text()
    assert netc("fmt", "-", stdin="h=x@W").out == "h = x @ W\n"


def test_fmt_leaves_a_wrong_file_alone(netc: Netc, folder: Path) -> None:
    (folder / "wrong.net").write_text("h = = x")
    ran = netc("fmt", "wrong.net")
    assert ran.status == 1 and "error[syntax]" in ran.err
    assert (folder / "wrong.net").read_text() == "h = = x"


def test_gradients_are_compared_with_differences(netc: Netc, small: Path) -> None:
    ran = netc("check", "small.net", "--gradients")
    assert ran.status == 0
    rows = [line.split() for line in ran.out.splitlines() if line.endswith("agrees")]
    assert [row[0] for row in rows][:2] == ["logits.dense1.W", "logits.dense1.b"]
    (found,) = json.loads(netc("check", "small.net", "--gradients", "--json").out)
    assert all(g["agrees"] and g["error"] < 1e-4 for g in found["gradients"])
    ran = netc("check", "-", "--gradients", stdin="input x[N, 2]\noutput y = 2 * x")
    assert ran.status == 1 and "no loss" in ran.err


def test_strict_takes_warnings_for_errors(netc: Netc, folder: Path) -> None:
    (folder / "twice.net").write_text(SMALL.replace("cross_entropy(logits", "cross_entropy(softmax(logits)"))
    assert netc("check", "twice.net").status == 0
    ran = netc("check", "twice.net", "--strict")
    assert ran.status == 1 and "applied twice" in ran.err
    assert netc("train", "twice.net", "--strict").status == 1
