from __future__ import annotations

import os
from pathlib import Path

import pytest

from netc.runtime.native.cores import usable_cores


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cores of two hardware threads each; the process may run on all."""
    for cpu in range(8):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return tmp_path


def group(machine: Path, name: str, limit: str) -> None:
    folder = machine / "sys/fs/cgroup" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(limit + "\n")


def test_hardware_threads_of_one_core_are_one(machine: Path):
    assert usable_cores(machine) == 4


def test_what_the_scheduler_allows(machine: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 2}, raising=False)
    assert usable_cores(machine) == 2


@pytest.mark.parametrize(
    ("inner", "outer", "cores"),
    [
        ("max 100000", "max 100000", 4),
        ("200000 100000", "max 100000", 2),
        ("max 100000", "350000 100000", 3),
        ("50000 100000", "max 100000", 1),
        ("900000 100000", "max 100000", 4),
    ],
)
def test_the_quota_of_the_control_groups(machine: Path, inner: str, outer: str, cores: int):
    (machine / "proc/self").mkdir(parents=True)
    (machine / "proc/self/cgroup").write_text("1:name=systemd:/\n0::/user/job\n")
    group(machine, "user/job", inner)
    group(machine, "user", outer)
    assert usable_cores(machine) == cores


@pytest.mark.parametrize(
    ("asked", "cores"), [("2", 2), ("1", 1), ("0", 1), ("16", 4), ("2,4", 2), ("all", 4)]
)
def test_what_the_user_says(machine: Path, monkeypatch: pytest.MonkeyPatch, asked: str, cores: int):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert usable_cores(machine) == cores


def test_without_what_linux_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cores(tmp_path) == 3


def test_here():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
