"""Wrong files, and what `netc check` says about each. `--update` rewrites what is expected: read it then."""

from __future__ import annotations

from pathlib import Path

import pytest

from netc.commands.check import check
from netc.compiler.diagnostics import Source
from netc.compiler.render import render
from netc.locate import Spec

CASES = Path(__file__).parents[1] / "cases"
FILES = sorted(path for path in CASES.glob("*/*.net") if path.parent.name != "syntax")


@pytest.mark.parametrize("case", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(case: Path, update: bool) -> None:
    checked = check(Spec(Source(case.name, case.read_text("utf-8")), CASES))
    assert checked.diagnostics
    found = "\n\n".join(render(d) for d in checked.diagnostics) + "\n"
    found = found.replace(str(CASES), "CASES").replace(str(Path.cwd()), "HERE")
    expected = case.with_suffix(".txt")
    if update:
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")
