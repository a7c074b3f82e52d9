"""Wrong files: what is said about each, and that nothing else than a SpecError ever comes of one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netc.compiler.diagnostics import Source, SpecError
from netc.compiler.limits import most
from netc.compiler.parse import parse, parse_expression
from netc.compiler.render import render
from netc.compiler.syntax.brackets import RESERVED, STATEMENT_WORDS

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests/cases/syntax").glob("*.net"))
SPECS = [path.read_text("utf-8") for path in sorted((ROOT / "specs").glob("*.net"))]


def errors(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse(Source("a.net", text))
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case: Path, update: bool) -> None:
    source = Source(case.name, case.read_bytes().decode("utf-8"))
    with pytest.raises(SpecError) as caught:
        parse(source)
    found = "\n\n".join(render(d) for d in caught.value.diagnostics) + "\n"
    expected = case.with_suffix(".txt")
    if update:
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_one_mistake_gives_one_error_with_a_place_and_words_of_the_user(case: Path) -> None:
    found = errors(case.read_bytes().decode("utf-8")).diagnostics
    places = [d.span for d in found]
    assert len(found) <= 20
    assert all(places) and [p.start for p in places if p] == sorted({p.start for p in places if p})
    for d in found:
        words = f"{d.title} {d.label} {d.help}"
        for terminal in (
            "LPAR",
            "RPAR",
            "LSQB",
            "NEWLINE",
            "EQUALS",
            "TILDE",
            "LSET",
            "UNCLOSED",
            "$END",
            "NL",
        ):
            assert terminal not in words.replace("NAME", "")


def test_every_line_of_the_mistaken_lines_is_told() -> None:
    lines = [
        "h = = 3",
        "k = f(a",
        "parm W[3] ~ he",
        'g = "a',
        "train sgd { a 1, b: 2 }",
        "return 3",
        "l = x -> 3",
    ]
    found = errors("\n".join(lines) + "\n").diagnostics
    assert [d.span.line for d in found if d.span] == [1, 2, 3, 4, 5, 5, 6, 7]


@pytest.mark.parametrize("name", ["mlp", "residual", "chars"])
def test_dropping_one_closer_gives_one_error(name: str) -> None:
    """Each closing bracket of the three normative files in turn."""
    text = (ROOT / f"specs/{name}.net").read_text("utf-8")
    for i in (i for i, c in enumerate(text) if c in ")]}"):
        found = errors(text[:i] + text[i + 1 :]).diagnostics
        assert len(found) == 1, (text[:i].count("\n") + 1, [d.title for d in found])


@pytest.mark.parametrize(
    "text",
    [
        "h = " + "(" * 10_000,
        "h = " + "(" * 10_000 + "1" + ")" * 10_000,
        "h = " + "[" * 10_000,
        "repeat 3 {" * 10_000,
        "h = 1" + " + 1" * 10_000,
        "h = " + "-" * 10_000 + "1",
        "h = " + "2 ^ " * 10_000 + "1",
        "h = a" + ".T" * 10_000,
        "h = " + "a." * 10_000 + "a",
        "h = " + "1" * 5_000,
        "h = 1e" + "9" * 5_000,
        "h = 1" * (most("characters") // 4),
        "h = f(x\n" * 3_000,
        ")\n" * 3_000,
        "h = 1\rk = 2",
        "h = 1\0",
    ],
    ids=lambda text: f"{text[:12]!r} {len(text)}",
)
def test_extremes_are_told_at_once(text: str) -> None:
    start = time.process_time()
    errors(text)
    assert time.process_time() - start < 10


def test_depth_below_the_limit() -> None:
    parse(Source("a.net", "h = " + "(" * 199 + "1" + ")" * 199))
    parse(Source("a.net", "h = 1" + " + 1" * 190))


signs = [*"()[]{}+-*/@^=~,:.<>!%#'\n\t \\;", '"', "->", "<-", "...", "**", "→", "“", "\ufeff", "\r"]
words = [*STATEMENT_WORDS, *RESERVED, "def", "class", "lambda", "self", "x", "h", "12", "1e", "T"]
fragments = st.sampled_from(sorted([*signs, *words]))


@given(
    st.one_of(
        st.text(),
        st.lists(fragments, max_size=40).map(" ".join),
        st.lists(fragments, max_size=40).map("".join),
    )
)
@example("repeat 3 { h = x } k = 3")
@example("{ a = { b = 1 } }")
@settings(max_examples=300, deadline=None)
def test_random_text_is_parsed_or_told(text: str) -> None:
    for read in (parse, parse_expression):
        try:
            read(Source("a.net", text))
        except SpecError as error:
            assert error.diagnostics
            assert all(render(d) and d.span and d.span.end <= len(text) for d in error.diagnostics)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_specs_are_parsed_or_told(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SPECS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + data.draw(st.one_of(fragments, st.just(""))) + text[end:]
    try:
        parse(Source("a.net", text))
    except SpecError as error:
        assert len(error.diagnostics) <= 20
        assert all(render(d) for d in error.diagnostics)
