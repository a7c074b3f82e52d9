"""What is installed is what is written, and nothing imports what stands below it."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("grammar", "compiler", "runtime", "specs")
DATA = (".net", ".lark", ".csv", ".gz")

# From what everything may use to what nothing else may: a module imports only from its own stage and those
# above. A module of the compiler that is not named is no stage of its own: it serves those that use it.
ORDER = (
    ("netc.grammar", "netc.compiler.diagnostics"),
    ("netc.compiler.ast",),
    ("netc.compiler.syntax", "netc.compiler.parse", "netc.compiler.ir"),
    ("netc.compiler.ops", "netc.compiler.build"),
    ("netc.compiler.differentiate",),
    ("netc.compiler.lower",),
    ("netc.compiler.passes",),
    ("netc.compiler.pipeline", "netc.compiler.storage", "netc.compiler.schedule", "netc.compiler.plan"),
    ("netc.compiler.emit", "netc.compiler.draw", "netc.compiler.summary"),
    ("netc.runtime",),
    ("netc",),
)


def sources() -> Iterator[tuple[str, Path]]:
    """Every module's name and file."""
    for folder in (*FOLDERS, "netc"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if folder == "netc" and len(parts) > 2 and parts[1] in FOLDERS:
                continue  # the links to the other folders
            parts = parts if folder == "netc" else ("netc", *parts)
            yield ".".join(p for p in parts if p != "__init__"), path


def imported(name: str, path: Path) -> Iterator[str]:
    """The modules of netc that a module imports, wherever in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "netc")
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            )
            module = ".".join(part for part in (base, node.module or "") if part)
            if module.split(".")[0] == "netc":
                yield from (f"{module}.{alias.name}" for alias in node.names)


def stage_of(name: str) -> int | None:
    """Its place in ORDER."""
    inside = name.startswith(("netc.compiler", "netc.specs"))
    for i, stage in enumerate(ORDER[:-2] if inside else ORDER):
        if any(f"{name}.".startswith(f"{part}.") for part in stage):
            return i
    return None


def test_nothing_imports_what_stands_below_it() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, path in sources()
        for other in imported(name, path)
        if (own := stage_of(name)) is not None and (used := stage_of(other)) is not None and used > own
    ]
    assert not wrong


def test_the_compiler_knows_nothing_of_the_runtime_and_the_face() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, path in sources()
        if name.startswith("netc.compiler")
        for other in imported(name, path)
        if not other.startswith(("netc.compiler", "netc.grammar", "netc.specs"))
    ]
    assert not wrong


def test_inside_the_folders_imports_are_relative() -> None:
    """An absolute one would make a second module of the same file: the folders are links in the package."""
    wrong = [
        name
        for name, path in sources()
        if path.relative_to(ROOT).parts[0] in FOLDERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "netc"
    ]
    assert not wrong


def test_the_compiler_touches_no_files_and_no_clock() -> None:
    forbidden = {"os", "time", "tempfile", "shutil", "subprocess", "socket", "random"}
    found = [
        f"{name} imports {alias.name}"
        for name, path in sources()
        if name.startswith("netc.compiler")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0] in forbidden
    ]
    assert not found


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {name for name, path in sources() if path.name == "__init__.py"}
    assert packages == {name for name in listed["packages"] if name != "netc.runtime.data.files"}
    assert set(listed["packages"]) == set(listed["package-dir"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    copy, out = tmp_path_factory.mktemp("tree") / "netc", tmp_path_factory.mktemp("wheel")
    # In a copy: what an earlier build has left beside the sources would come in too.
    left = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "runs", "shared")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*pip, str(out), str(copy)], check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        return set(file.namelist())


def test_the_wheel_holds_every_module(wheel: set[str]) -> None:
    for name, path in sources():
        stem = name.replace(".", "/")
        assert (f"{stem}/__init__.py" if path.name == "__init__.py" else f"{stem}.py") in wheel


def test_the_wheel_holds_every_data_file(wheel: set[str]) -> None:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in DATA:
                assert f"netc/{path.relative_to(ROOT)}" in wheel
    assert "netc/py.typed" in wheel


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    assert not [name for name in wheel if not name.startswith("netc")]
    assert not [name for name in wheel if "test" in name]
