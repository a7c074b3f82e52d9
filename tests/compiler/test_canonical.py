"""One layout: the same meaning and comments, and nothing left to change."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from netc.compiler.ast_text import show
from netc.compiler.canonical import canonical
from netc.compiler.diagnostics import Source, SpecError
from netc.compiler.parse import parse

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs").glob("*.net"), *(ROOT / "specs/std").glob("*.net")])
CASES = sorted((ROOT / "tests/cases").glob("*/*.net"))
NORMATIVE = ("mlp", "residual", "chars")


def formatted(text: str) -> str:
    return canonical(Source("a.net", text))


def meaning(text: str) -> str:
    return show(parse(Source("a.net", text)))


def comments(text: str) -> list[str]:
    return [c.rstrip() for c in re.findall(r"#[^\n]*", re.sub(r'"[^"\n]*"', '""', text))]


def check(text: str) -> None:
    found = formatted(text)
    assert re.sub(r"\s", "", found) == re.sub(r"\s|\ufeff", "", text)
    assert meaning(found) == meaning(text)
    assert comments(found) == comments(text)
    assert formatted(found) == found


@pytest.mark.parametrize("path", [*SPECS, *CASES], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_meaning_and_comments_are_kept_and_nothing_is_left_to_do(path: Path) -> None:
    try:
        check(path.read_bytes().decode("utf-8"))
    except SpecError:
        assert path in CASES


@pytest.mark.parametrize("name", NORMATIVE)
def test_the_normative_files_are_as_they_should_be(name: str) -> None:
    text = (ROOT / f"specs/{name}.net").read_text("utf-8")
    assert formatted(text) == text


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_disturbed_spaces(path: Path) -> None:
    """Spaces at random between the tokens of each example, and none where none are needed."""
    rng = random.Random(7)
    text = path.read_text("utf-8")
    for _ in range(8):
        lines: list[str] = []
        for line in text.split("\n"):
            code, mark, comment = line.partition("#")
            parts = re.split(r'("[^"]*"|[ ]+)', code)
            spaced = [" " * rng.choice((1, 1, 2, 3, 5)) if p.isspace() else p for p in parts]
            lines.append(" " * rng.randrange(4) + "".join(spaced) + mark + comment + " " * rng.randrange(2))
        check("\n".join(lines))


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("dim  H=16 ,K = -1", "dim H = 16, K = -1"),
        ("h=x@W+ - b*( 1-2 )^2", "h = x @ W + -b * (1 - 2) ^ 2"),
        ("h = x[ :,0 : 3 , a:b+1,::-1,... ]", "h = x[:, 0:3, a : b + 1, ::-1, ...]"),
        ("input y[N]:class( 10 )", "input y[N] : class(10)"),
        ("param W [3 ,4]~normal( 0,0.02 )#start", "param W[3, 4] ~ normal(0, 0.02)  #start"),
        ("h = x->dense (3)->2*block as b", "h = x -> dense(3) -> 2 * block as b"),
        ("h = x . T", "h = x.T"),
        ("layer f(x[...,d],k=3){return -x}", "layer f(x[..., d], k = 3) { return -x }"),
        ("if not(a==1)and b{h=x}else{h=y}", "if not (a == 1) and b { h = x } else { h = y }"),
        ("output p=[ a,b ]", "output p = [a, b]"),
        ("loss(a)", "loss (a)"),
        ("h = x\n-> relu\n   -> relu", "h = x\n    -> relu\n    -> relu"),
        ("h = x -> relu\n-> relu", "h = x -> relu\n      -> relu"),
        ("h = f(\nx,\ny\n)", "h = f(\n    x,\n    y\n)"),
        ("repeat 3 {\nh = x\n  # why\n}", "repeat 3 {\n    h = x\n    # why\n}"),
        ("\n\n\nh = x\n\n\n\ng = h\n\n", "h = x\n\ng = h"),
        ("h = x        # a\nlonger = x   # b", "h = x       # a\nlonger = x  # b"),
        ("h      = x\nlogits = y", "h      = x\nlogits = y"),
        ("h = x\r\ng = y\r\n", "h = x\ng = y"),
    ],
)  # fmt: skip
def test_layout(written: str, wanted: str) -> None:
    try:
        parse(Source("a.net", written))
    except SpecError:
        pytest.fail("the case itself is wrong")
    assert formatted(written) == wanted + "\n"


def test_a_wrong_file_is_left_alone() -> None:
    with pytest.raises(SpecError):
        formatted("h = = x")
