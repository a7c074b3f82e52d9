from __future__ import annotations

from pathlib import Path

import pytest
from lark import Lark, Transformer

from netc.grammar import parser

TEXT = "f(2 * (3 + x), y = -1)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETC_CACHE", str(tmp_path))
    return tmp_path / "parser"


def test_kept_tables_are_not_made_again_and_read_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Rules(Transformer[object, object]):
        """Keeps every rule as it is: the whole tree is seen."""

    made = parser(Rules()).parse(TEXT, "expression")
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(Lark, "__init__", None)
    assert parser(Rules()).parse(TEXT, "expression") == made
