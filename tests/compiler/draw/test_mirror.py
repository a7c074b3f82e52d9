"""Where Graphviz puts the boxes: in rows and columns, apart, on the page, and large enough to read."""

from __future__ import annotations

import re

import pytest

from netc.compiler.draw import Options, draw

from .networks import TEXTS, dot, network, pages
from .plain import check_apart, check_columns, check_flow, plain, smallest_text


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("view", ["mirror", "ops"])
@pytest.mark.parametrize("name", TEXTS)
def test_each_page(name: str, view: str, direction: str) -> None:
    for page in pages(name, view=view, direction=direction):
        found = plain(page)
        check_apart(found)
        check_columns(found, direction)
        check_flow(found, direction)
        assert smallest_text(page, found) >= 10


@pytest.mark.parametrize("options", [{"expand": True}, {"depth": 3}, {"depth": 3, "expand": True}])
@pytest.mark.parametrize("name", ["residual", "chars", "deep"])
def test_explicit_views_take_the_pages_that_they_need(name: str, options: dict[str, object]) -> None:
    drawn = pages(name, **options)
    for number, page in enumerate(drawn):
        assert smallest_text(page, plain(page)) >= 10
        assert f"page {number + 1} of {len(drawn)}" in page or len(drawn) == 1


def test_pages_have_one_size_and_hold_every_column_once() -> None:
    drawn = pages("deep", expand=True)
    found = [plain(page) for page in drawn]
    assert len(drawn) > 1
    assert {(p.width, p.height) for p in found} == {(found[0].width, found[0].height)}
    titles = re.findall(r"<B>(dense\d+|relu|loss)(?: \+ \w+)*</B>", "".join(drawn))
    assert sorted(t for t in titles if t.startswith("dense")) == sorted(f"dense{k + 1}" for k in range(76))
    assert titles.count("loss") == 1


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


def test_a_handout_takes_the_paper_upright() -> None:
    drawn = draw(network("residual"), Options(size="handout", direction="TB"))
    found = plain(drawn.pages[0])
    assert found.height > found.width
    assert drawn.readable("handout")
