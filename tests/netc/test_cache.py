from __future__ import annotations

from pathlib import Path

import pytest

from netc.grammar.store import Store

from .conftest import Netc


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two compiled programs and a data set."""
    root = tmp_path / "cache"
    monkeypatch.setenv("NETC_CACHE", str(root))
    for key, size in (("a", 1000), ("b", 2936)):
        Store("native").kept(key, lambda size=size: bytes(size))
    (root / "mnist").mkdir()
    (root / "mnist" / "images").write_bytes(b"1")
    return root


def test_what_is_kept(netc: Netc, kept: Path) -> None:
    ran = netc("cache")
    assert ran.status == 0
    # 1000 + 2936 and two digests of 32
    assert f"compiled programs: 2 files, 4.0 kB (at most 256.0 MB) in {kept / 'native'}\n" in ran.out
    assert f"the parser's tables: 0 files, 0 bytes (at most 256.0 MB) in {kept / 'parser'}\n" in ran.out


def test_clearing_leaves_data_sets(netc: Netc, kept: Path) -> None:
    ran = netc("cache", "--clear")
    assert ran.status == 0
    assert f"compiled programs: 2 files, 4.0 kB removed from {kept / 'native'}\n" in ran.out
    assert [path.name for path in kept.rglob("*") if path.is_file()] == ["images"]
    assert "0 files" in netc("cache").out


def test_what_cannot_be_removed(netc: Netc, kept: Path) -> None:
    (kept / "native" / "folder").mkdir()
    ran = netc("cache", "--clear")
    assert ran.status == 1
    assert str(kept / "native" / "folder") in ran.err


def test_without_a_home(netc: Netc, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NETC_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    for arguments in (["cache"], ["cache", "--clear"]):
        ran = netc(*arguments)
        assert ran.status == 0
        assert "compiled programs: not kept, since there is no home folder\n" in ran.out
