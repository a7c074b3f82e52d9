"""How many cores this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """The physical cores that the scheduler lets this process run on, or fewer where its control group has a
    quota of processor time or the user says so (OMP_NUM_THREADS); at least 1.

    root: where the system's /proc and /sys are found.
    """
    every = range(os.cpu_count() or 1)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else every
    # Two hardware threads of one core share its arithmetic: they would only wait for each other.
    topology = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    cores = {_read(root / topology.format(cpu)) or cpu for cpu in allowed}
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # the rest is for nested regions
    limits = [*_quotas(root), *([int(asked)] if asked.isdecimal() else [])]
    return max(1, min([len(cores), *limits]))


def _quotas(root: Path) -> Iterator[int]:
    """Whole cores that its control group, and each around that, leaves to the process (Linux's version 2)."""
    groups = _read(root / "proc/self/cgroup").splitlines()
    own = Path(next((line[4:] for line in groups if line.startswith("0::/")), ""))
    for group in (own, *own.parents):
        quota, _, period = _read(root / "sys/fs/cgroup" / group / "cpu.max").partition(" ")
        if quota.isdecimal():  # otherwise "max", or there is no such file
            yield int(quota) // int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
