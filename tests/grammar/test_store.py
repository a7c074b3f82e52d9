from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netc.grammar.store import Store, cache_folder


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
    assert Store("things").kept("a", lambda: b"1") == b"1"
    assert Store("things").kept("b", lambda: b"2") == b"2"
    assert Store("things").kept("a", never) == b"1"
    assert Store("others").kept("a", lambda: b"3") == b"3"


@pytest.mark.parametrize("damage", [b"", b"\0" * 10, b"\0" * 100])
def test_what_is_damaged_is_told_and_made_again(
    folder: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    Store("things").kept("a", lambda: b"1")
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert Store("things").kept("a", lambda: b"2") == b"2"
    assert f"{file} is damaged" in caplog.text
    assert Store("things").kept("a", never) == b"2"


def test_a_thing_cut_short_is_made_again(folder: Path) -> None:
    Store("things").kept("a", lambda: bytes(100))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert Store("things").kept("a", lambda: b"2") == b"2"


def test_where_nothing_can_be_kept_it_is_made_each_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("this is no folder")
    assert Store("things").kept("a", lambda: b"1") == b"1"
    assert Store("things").kept("a", lambda: b"2") == b"2"


def test_a_folder_stands_where_the_file_would(folder: Path) -> None:
    Store("things").kept("a", lambda: b"1")
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    assert Store("things").kept("a", lambda: b"2") == b"2"


def test_without_a_home_it_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NETC_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert Store("things").kept("a", lambda: b"1") == b"1"


def test_processes_may_keep_the_same_at_the_same_time(folder: Path) -> None:
    program = """
from netc.grammar.store import Store
for i in range(100):
    key = str(i)
    assert Store("things").kept(key, lambda: key.encode() * 10_000) == key.encode() * 10_000
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(list(folder.iterdir())) == 100  # and nothing unfinished beside them


def test_beyond_the_limit_what_was_not_used_for_longest_goes(folder: Path) -> None:
    store = Store("things", limit=1000)
    for i, key in enumerate("abcd"):
        store.kept(key, lambda: bytes(200))  # and 32 of their digest
        os.utime(store.entries()[0].path, (i, i))
    assert store.kept("a", never) == bytes(200)
    store.kept("e", lambda: bytes(200))
    assert len(store.entries()) == 4
    for key in "acde":
        store.kept(key, never)
    store.kept("b", lambda: bytes(200))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), max_size=30))
def test_a_store_never_exceeds_its_limit(sizes: list[tuple[int, int]]) -> None:
    store = Store("things", limit=500)
    for key, size in sizes:
        assert len(store.kept(f"{key} {size}", lambda size=size: bytes(size))) == size
        assert sum(entry.size for entry in store.entries()) <= 500


def test_what_is_larger_than_the_limit_is_not_kept_and_drives_nothing_out() -> None:
    store = Store("things", limit=100)
    store.kept("a", lambda: b"1")
    store.kept("b", lambda: bytes(200))
    assert store.kept("a", never) == b"1"
    assert len(store.entries()) == 1


def test_a_full_disk_only_means_that_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    assert Store("things").kept("a", lambda: b"1") == b"1"
    assert Store("things").entries() == []


def test_clearing() -> None:
    store = Store("things")
    store.clear()  # where there is nothing yet
    store.kept("a", lambda: b"1")
    store.clear()
    assert store.entries() == []
    assert store.kept("a", lambda: b"2") == b"2"


def test_processes_may_drive_out_what_others_keep() -> None:
    program = """
from netc.grammar.store import Store
store = Store("things", limit=50_000)
for i in range(200):
    key = str(i % 20)
    assert store.kept(key, lambda: key.encode() * 5000) == key.encode() * 5000
"""
    running = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [(process.wait(), process.communicate()[1]) for process in running] == [(0, "")] * 3
    store = Store("things", limit=50_000)
    store.kept("last", lambda: b"1")
    assert sum(entry.size for entry in store.entries()) <= 50_000
