"""Where Graphviz puts the boxes: in rows and columns, apart, on the page, and large enough to read."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from netc.compiler.draw import Options, draw
from netc.locate import examples

from .networks import TEXTS, dot, network, plain

NAMES = [*TEXTS, *examples()]
BOX = re.compile(r"([afbg])(\d+)_(\d+)(?:_(\d+))?")


@pytest.mark.parametrize("view", ["mirror", "ops"])
@pytest.mark.parametrize("name", [n for n in NAMES if n != "deep"])
def test_order_columns_and_overlaps(name: str, view: str) -> None:
    """Parameter, operation, gradient, parameter gradient from top to bottom, in one column, all apart."""
    found = plain(dot(name, view=view))
    columns: dict[tuple[str, str], list[tuple[tuple[int, int], str]]] = {}
    for box in found.nodes:
        if match := BOX.fullmatch(box):
            kind, row, column, place = match.groups()
            columns.setdefault((row, column), []).append((("afbg".index(kind), int(place or 0)), box))
    assert columns
    for boxes in columns.values():
        placed = [found.nodes[box] for _, box in sorted(boxes)]
        assert max(p.x for p in placed) - min(p.x for p in placed) < 1
        for upper, lower in pairwise(placed):
            assert upper.y - upper.height / 2 > lower.y + lower.height / 2
    for (_, a), (_, b) in combinations(found.nodes.items(), 2):
        apart = abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2
        assert apart
    for p in found.nodes.values():
        assert p.x - p.width / 2 >= 0 and p.x + p.width / 2 <= found.width
        assert p.y - p.height / 2 >= 0 and p.y + p.height / 2 <= found.height


@pytest.mark.parametrize(
    "name", ["chain", "skip", "recurrent", "siamese", "mlp", "residual", "chars", "deep"]
)
def test_readable_on_a_slide(name: str) -> None:
    drawn = draw(network(name), Options())
    found = plain(drawn.dot)
    smallest = min(float(p) for p in re.findall(r'POINT-SIZE="([\d.]+)"', drawn.dot))
    scale = min(960 / found.width, 540 / found.height, 1)
    assert smallest * scale >= 9.9


@pytest.mark.parametrize("name", ["chain", "residual"])
def test_the_same_text_each_time(name: str) -> None:
    assert dot(name) == dot(name)


def test_each_gradient_edge_lies_beside_a_forward_edge() -> None:
    found = plain(dot("skip", depth=2))
    forward = {(a[1:], b[1:]) for a, b in found.edges if a[0] == b[0] == "f"}
    backward = {(a[1:], b[1:]) for a, b in found.edges if a[0] == b[0] == "b"}
    assert backward
    assert backward <= forward


def test_dark() -> None:
    light, dark = dot("chain"), dot("chain", theme="dark")
    assert "#0072B2" in light and "#0072B2" not in dark
    assert re.sub("#[0-9A-F]{6}", "", light) == re.sub("#[0-9A-F]{6}", "", dark)


def test_with_the_step_a_parameter_stands_between_the_rows() -> None:
    found = plain(dot("chain", update=True)).nodes
    forward, parameter, gradient, backward = (found[name].y for name in ("f0_1", "a0_1_0", "g0_1", "b0_1"))
    assert forward > parameter > gradient > backward
