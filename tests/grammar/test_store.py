from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netc.grammar.store import cache_folder, kept


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "things"


def never() -> bytes:
    raise AssertionError("what is kept is not made again")


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder("a") == tmp_path / "cache" / "a"
    monkeypatch.delenv("NETC_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder("a") == Path("/x/netc/a")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert cache_folder("a") == Path("/h/.cache/netc/a")


def test_a_thing_is_made_once_for_each_key() -> None:
    assert kept("things", "a", lambda: b"1") == b"1"
    assert kept("things", "b", lambda: b"2") == b"2"
    assert kept("things", "a", never) == b"1"
    assert kept("others", "a", lambda: b"3") == b"3"


@pytest.mark.parametrize("damage", [b"", b"\0" * 10, b"\0" * 100])
def test_what_is_damaged_is_made_again(folder: Path, damage: bytes) -> None:
    kept("things", "a", lambda: b"1")
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert kept("things", "a", lambda: b"2") == b"2"
    assert kept("things", "a", never) == b"2"


def test_a_thing_cut_short_is_made_again(folder: Path) -> None:
    kept("things", "a", lambda: bytes(100))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert kept("things", "a", lambda: b"2") == b"2"


def test_where_nothing_can_be_kept_it_is_made_each_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("this is no folder")
    assert kept("things", "a", lambda: b"1") == b"1"
    assert kept("things", "a", lambda: b"2") == b"2"


def test_a_folder_stands_where_the_file_would(folder: Path) -> None:
    kept("things", "a", lambda: b"1")
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    assert kept("things", "a", lambda: b"2") == b"2"


def test_without_a_home_it_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NETC_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert kept("things", "a", lambda: b"1") == b"1"


def test_processes_may_keep_the_same_at_the_same_time(folder: Path) -> None:
    program = """
from netc.grammar.store import kept
for i in range(100):
    key = str(i)
    assert kept("things", key, lambda: key.encode() * 10_000) == key.encode() * 10_000
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(list(folder.iterdir())) == 100  # and nothing unfinished beside them
