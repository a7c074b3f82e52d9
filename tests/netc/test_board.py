"""What a training shows, at several widths of a terminal."""

from __future__ import annotations

import pytest

from netc.board import Board
from netc.runtime.train import EpochDone

VALUES = {f"{split}.{name}": 0.25 for split in ("train", "valid", "test") for name in ("loss", "accuracy")}


@pytest.mark.parametrize("width", [30, 40, 60, 75, 80, None])
def test_lines_are_no_wider_than_the_terminal(
    width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("netc.board.columns", lambda stream: width)
    board = Board("valid.accuracy")
    for epoch in (1, 2):
        board.epoch(EpochDone(epoch, 10 * epoch, 0.5, VALUES), best=True)
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 4 and max(map(len, lines)) <= (width or 75)
    assert "accuracy" in lines[1] and "25.00 %" in lines[2]
    all_fit = width is None or width >= 75
    assert (said.err == "") == all_fit
    assert all_fit or ("history.csv: train.loss" in said.err and "valid.accuracy" not in said.err)
