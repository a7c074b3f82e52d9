"""The cell magic in IPython's own shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("IPython")

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

CELL = """input x[N, 4]
input y[N] : class(3)
logits = x -> dense(H) -> relu -> dense(3)
loss cross_entropy(logits, y)
"""


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    found = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    found.run_line_magic("load_ext", "netc")
    yield found
    InteractiveShell.clear_instance()


def run(shell: Any, line: str, cell: str = CELL) -> tuple[list[dict[str, str]], str]:
    with capture_output() as captured:
        result = shell.run_cell(f"%%net {line}\n{cell}")
    assert result.success
    return [output.data for output in captured.outputs], captured.stderr


def test_a_cell_becomes_a_model_and_a_picture(shell: Any) -> None:
    (shown,), errors = run(shell, "net1", "dim H = 5\n" + CELL)
    assert shown["text/html"].startswith("<svg") and "relu" in shown["text/html"]
    assert shell.user_ns["net1"].parameters["logits.dense1.W"].shape == (4, 5)
    assert not errors


def test_overrides_and_the_usual_name(shell: Any) -> None:
    run(shell, "H=7", "dim H = 5\n" + CELL)
    assert shell.user_ns["model"].parameters["logits.dense1.W"].shape == (4, 7)


def test_a_mistake_shows_its_diagnostic(shell: Any) -> None:
    (shown,), errors = run(shell, "wrong", "dim H = 5\n" + CELL.replace("relu", "rleu"))
    assert "rleu" in shown["text/plain"] and "did you mean relu?" in shown["text/plain"]
    assert "wrong:5:" in shown["text/plain"]  # as the cell is numbered, with the magic's line
    assert "Traceback" not in errors and "wrong" not in shell.user_ns


def test_a_name_that_is_none(shell: Any) -> None:
    (shown,), _ = run(shell, "a b", CELL)
    assert "no name" in shown["text/plain"]
