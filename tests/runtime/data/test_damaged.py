"""Whatever is wrong with a data file is told in a sentence that names it, and costs little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(sys.platform != "linux", reason="limits and measures memory as Linux does")
def test_hundreds_of_damaged_files(tmp_path: Path):
    program = [sys.executable, str(Path(__file__).with_name("damage.py")), str(tmp_path)]
    # One thread: the stacks of others would count towards the limit.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(program, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and done.stderr == ""
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    *found, memory = rows
    assert len(found) >= 300
    assert [row for row in found if row["kind"] != "DataError" or not row["blamed"]] == []
    assert all(0 < len(row["text"]) < 1000 and row["text"].isprintable() for row in found)
    assert memory["peak"] - memory["before"] < 100_000
