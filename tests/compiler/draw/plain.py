"""Pages as Graphviz lays them out, and what must hold for each."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import pytest

BOX = re.compile(r"([afbg])(\d+)_(\d+)(?:_(\d+))?")


@dataclass(frozen=True)
class Placed:
    """A box as Graphviz draws it, in points from the lower left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plain:
    """What `dot -Tplain` says."""

    width: float
    height: float
    nodes: dict[str, Placed]
    edges: list[tuple[str, str]]


def plain(text: str, folder: Path | None = None) -> Plain:
    """folder: where the bitmaps are."""
    program = shutil.which("dot")
    if program is None:
        pytest.skip("Graphviz's dot is not installed")
    command = [program, "-Tplain"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=folder)
    assert not done.stderr, done.stderr
    width = height = 0.0
    nodes: dict[str, Placed] = {}
    edges: list[tuple[str, str]] = []
    for line in done.stdout.replace("\\\n", "").splitlines():
        match line.split(" ", 2):
            case ["graph", _, size]:
                width, height = (72 * float(v) for v in size.split())
            case ["node", name, rest]:
                x, y, w, h = (72 * float(v) for v in rest.split()[:4])
                nodes[name] = Placed(x, y, w, h)
            case ["edge", tail, rest]:
                edges.append((tail, shlex.split(rest)[0]))
            case _:
                pass
    drawn = {n: p for n, p in nodes.items() if not n.startswith("corner")}
    return Plain(width, height, drawn, edges)


def check_apart(found: Plain) -> None:
    """All boxes are on the page, and none overlaps another."""
    assert found.nodes
    for (one, a), (other, b) in combinations(found.nodes.items(), 2):
        apart = abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2
        assert apart, (one, other)
    for p in found.nodes.values():
        assert p.x - p.width / 2 >= 0 and p.x + p.width / 2 <= found.width
        assert p.y - p.height / 2 >= 0 and p.y + p.height / 2 <= found.height


def check_columns(found: Plain, direction: str) -> None:
    """Parameter, operation, gradient, parameter gradient: in this order, in one line across the flow."""
    columns: dict[tuple[str, str], list[tuple[tuple[int, int], str]]] = {}
    for box in found.nodes:
        if match := BOX.fullmatch(box):
            kind, row, column, place = match.groups()
            columns.setdefault((row, column), []).append((("afbg".index(kind), int(place or 0)), box))
    assert columns
    for boxes in columns.values():
        placed = [found.nodes[box] for _, box in sorted(boxes)]
        along = [p.x if direction == "LR" else p.y for p in placed]
        assert max(along) - min(along) < 1
        for first, second in pairwise(placed):
            if direction == "LR":
                assert first.y - first.height / 2 > second.y + second.height / 2
            else:
                assert first.x + first.width / 2 < second.x - second.width / 2


def check_flow(found: Plain, direction: str) -> None:
    """The columns of a row follow each other as the data do."""
    rows: dict[str, list[tuple[int, Placed]]] = {}
    for name, placed in found.nodes.items():
        if (match := BOX.fullmatch(name)) and match[1] == "f":
            rows.setdefault(match[2], []).append((int(match[3]), placed))
    for row in rows.values():
        ordered = [placed for _, placed in sorted(row, key=lambda r: r[0])]
        assert all(a.x < b.x if direction == "LR" else a.y > b.y for a, b in pairwise(ordered))


def smallest_text(text: str, found: Plain) -> float:
    """Of the text on a page that is fitted into 1280 by 720 pixels, in points."""
    sizes = [float(p) for p in re.findall(r'(?:POINT-SIZE="|fontsize=)([\d.]+)', text)]
    return min(sizes) * min(960 / found.width, 540 / found.height, 1)
