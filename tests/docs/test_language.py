"""The language reference names what there is, as it is called."""

from __future__ import annotations

import re
from pathlib import Path

from netc.compiler import ast, library
from netc.compiler.initialisers import INITIALISERS
from netc.compiler.lower.functions import FUNCTIONS
from netc.compiler.lower.settings import TRAIN_KEYS
from netc.compiler.lower.signatures import formals
from netc.runtime.data.sources import SOURCES

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^###? (.+)\n((?:(?!##).*\n)*)", TEXT, re.MULTILINE))
KINDS = [title for title in re.findall(r"^### (.+)", TEXT, re.MULTILINE) if title != "Initialisers"]


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`(\w+\([^`]*\))`", text))


def test_every_name_stands_in_the_tables_with_its_signature() -> None:
    written = set().union(*(quoted(_first_cells(SECTIONS[kind])) for kind in KINDS))
    defined = {
        formals(item).text
        for file in library.library()
        for item in library.parsed(file.source.name).items
        if isinstance(item, ast.LayerDef | ast.OptimizerDef)
    }
    defined |= {f.signature for f in FUNCTIONS.values()} | {s.signature for s in SOURCES.values()}
    assert written - {"grad(e, t)", "shift(column)", "standardize(column)"} == defined


def _first_cells(section: str) -> str:
    """A table's names, without what is said of them; a paragraph whole."""
    return "\n".join(line.split(" | ")[0] if line.startswith("|") else line for line in section.splitlines())


def test_every_initialiser_is_named() -> None:
    named = re.findall(r"`(\w+)(?:\(([^`]*)\))?`", SECTIONS["Initialisers"].split(". ")[0])
    assert dict(named) == {
        name: ", ".join(p.name for p in rule.parameters) for name, rule in INITIALISERS.items()
    }


def test_every_setting_of_a_training_is_explained() -> None:
    rows = re.findall(r"^\| (`.+?) \|", SECTIONS["train"], re.MULTILINE)
    assert [key for row in rows for key in re.findall(r"`(\w+)`", row)] == list(TRAIN_KEYS)
