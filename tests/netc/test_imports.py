"""What is heavy is imported where it is used: a measure of a quick start that is steady, as time is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARSER = ("lark",)
GRAPHS = ("networkx", "netc.compiler.ir")
ARITHMETIC = ("numpy",)
PROGRAMS = ("netc.compiler.emit", "netc.runtime.model", "netc.runtime.native", "llvmlite", "numpy.random")
PICTURES = ("netc.compiler.draw", "netc.runtime.render", "graphviz", "matplotlib", "PIL")
FILES = ("safetensors", "filelock", "tensorboardX", "netc.runtime.checkpoint", "netc.runtime.data.batches")
TERMINALS = ("rich", "IPython")
NOT_FOR_A_CHECK = (*PROGRAMS, *PICTURES, *FILES, *TERMINALS)
NOT_FOR_A_TEXT = (*GRAPHS, *ARITHMETIC, *NOT_FOR_A_CHECK)


def imported(code: str, folder: Path) -> list[str]:
    """What a Python program has imported when it ends."""
    program = f"import atexit, json, sys\natexit.register(lambda: print(json.dumps([*sys.modules])))\n{code}"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], (*PARSER, *NOT_FOR_A_TEXT)),
        (["fmt", "--check", "small.net"], NOT_FOR_A_TEXT),
        (["show", "dense"], NOT_FOR_A_TEXT),
        (["check", "small.net"], NOT_FOR_A_CHECK),
        (["explain"], (*PARSER, *NOT_FOR_A_TEXT)),
        (["dump", "small.net", "--stage", "plan"], NOT_FOR_A_CHECK),
        (["draw", "small.net", "-o", "a.dot"], (*PROGRAMS, *FILES, *TERMINALS)),
        (["train", "small.net", "train.epochs=0", "--no-report"], (*PICTURES, *TERMINALS)),
    ],
)
def test_a_command_imports_what_it_needs(small: Path, arguments: list[str], heavy: tuple[str, ...]) -> None:
    modules = imported(f"from netc.__main__ import main; main({arguments})", small.parent)
    assert "netc.commands" in modules
    assert not set(heavy) & set(modules)


def test_importing_netc_imports_nothing_heavy(tmp_path: Path) -> None:
    modules = imported("import netc", tmp_path)
    assert "netc" in modules
    assert not {*PARSER, *NOT_FOR_A_TEXT, "click"} & set(modules)
