from __future__ import annotations

import ast
from pathlib import Path

import pytest

from netc.commands.explain import messages
from netc.compiler.diagnostics import Source, SpecError
from netc.pages import PAGES
from netc.runtime.opening import compile_source

from .conftest import Netc

ROOT = Path(__file__).parents[2]
FOLDERS = ("compiler", "runtime", "netc")


def codes_in(text: str) -> set[str]:
    """The codes that a module gives to its diagnostics."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("error", "warn", "stop", "Diagnostic") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
        for keyword in node.keywords:
            value = keyword.value
            if name == "ShapeError" and keyword.arg == "code" and isinstance(value, ast.Constant):
                found.add(str(value.value))
    return found


def used_codes() -> set[str]:
    found: set[str] = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            found |= codes_in(path.read_text("utf-8"))
    return found


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert used_codes() == set(PAGES)


@pytest.mark.parametrize("code", [code for code, page in PAGES.items() if page.wrong is not None])
def test_the_example_gives_the_code_and_the_mend_mends_it(code: str) -> None:
    page = PAGES[code]
    assert [d.code for d in messages(page)] == [code]
    try:
        told = compile_source(Source("example.net", page.right), Path()).network.warnings
    except SpecError as error:
        told = error.diagnostics
    assert told == ()


def test_explain(netc: Netc) -> None:
    ran = netc("explain", "shape")
    assert ran.status == 0
    assert "help: write W2[H, 3]" in ran.out
    assert netc("explain", "error[shape]").out == ran.out == netc("explain", "SHAPE").out
    assert "shape" in netc("explain", "shap").err
    assert netc("explain", "nothing").status == 1
    assert all(code in netc("explain").out for code in PAGES)
