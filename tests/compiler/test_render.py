"""The layout of error messages: the one of the language's design, then tabs, wide signs and calls."""

from __future__ import annotations

import time

import pytest

from netc.compiler.diagnostics import Diagnostic, Label, Source, Span, SpecError
from netc.compiler.render import render

MLP = Source("mlp.net", "\n" * 9 + "logits = h @ W2 + b2\n")


def span(source: Source, part: str) -> Span:
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def test_the_message_of_the_design() -> None:
    diagnostic = Diagnostic(
        "shape",
        "cannot multiply h[N, 16] by W2[12, 10]",
        span(MLP, "h @ W2"),
        "16 is not 12",
        (
            "16 is H, from line 2; it reached h through W1[3072, H] on line 5",
            "12 is the first axis of W2, from line 6",
        ),
        "write W2[H, 10]",
    )
    assert render(diagnostic) == (
        "error[shape]: cannot multiply h[N, 16] by W2[12, 10]\n"
        "  --> mlp.net:10:10\n"
        "   |\n"
        "10 | logits = h @ W2 + b2\n"
        "   |          ^^^^^^ 16 is not 12\n"
        "   |\n"
        "   = 16 is H, from line 2; it reached h through W1[3072, H] on line 5\n"
        "   = 12 is the first axis of W2, from line 6\n"
        "help: write W2[H, 10]"
    )


def test_calls_from_the_innermost() -> None:
    blocks = Source("blocks.net", "layer f(x[N]) {\n    return x @ x\n}\n")
    net = Source("net.net", "\n" * 11 + "h = x -> f\n")
    diagnostic = Diagnostic(
        "shape", "no", span(blocks, "x @ x"), "here", calls=(Label(span(net, "f"), "called here"),)
    )
    assert render(diagnostic) == (
        "error[shape]: no\n"
        "  --> blocks.net:2:12\n"
        "   |\n"
        " 2 |     return x @ x\n"
        "   |            ^^^^^ here\n"
        "  --> net.net:12:10\n"
        "   |\n"
        "12 | h = x -> f\n"
        "   |          ^ called here"
    )


def test_no_place() -> None:
    assert render(Diagnostic("data", "no file", help="look", notes=("a",), severity="warning")) == (
        "warning[data]: no file\n = a\nhelp: look"
    )


def marks(text: str, part: str) -> list[str]:
    return render(Diagnostic("a", "b", span(Source("a.net", text), part))).splitlines()[3:]


def test_tabs_wide_and_combining_signs_are_aligned() -> None:
    assert marks("\ta\tx = 1", "x") == ["1 |     a   x = 1", "  |         ^"]
    assert marks('a = "日本" + x', "x") == ['1 | a = "日本" + x', "  | " + " " * (5 + 2 * 2 + 4) + "^"]
    assert marks("y\u0302 = x", "x") == ["1 | y\u0302 = x", "  |     ^"]
    assert marks('a = "日本"', "日本") == ['1 | a = "日本"', "  |      ^^^^"]


def test_a_mark_ends_with_its_line_and_is_never_empty() -> None:
    assert marks("h = f(\n  x)", "f(\n  x)") == ["1 | h = f(", "  |     ^^"]
    assert marks("h = x", "") == ["1 | h = x", "  | ^"]
    assert render(Diagnostic("a", "b", Span(Source("a.net", "h\n"), 2, 2))).splitlines()[3:] == [
        "2 |",
        "  | ^",
    ]


def test_long_lines_are_cut_around_the_mark() -> None:
    line, mark = marks("a" * 5_000 + " x " + "b" * 5_000, "x")
    assert len(line) < 130 and line.startswith("1 | … a") and line.endswith("b …")
    assert line[mark.index("^")] == "x"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in render(Diagnostic("a", "b \x1b[31m", span(Source("\x1b.net", "\x1b[2J x"), "x")))


def test_paint() -> None:
    text = render(Diagnostic("a", "b", span(MLP, "W2"), help="h"), lambda text, role: f"<{role}>{text}</>")
    assert text.splitlines()[0] == "<error>error[a]</>: <title>b</>"
    assert text.splitlines()[-1] == "<help>help</>: h"


LONG_SOURCE = Source("a.net", "h = " + "x + " * 60 + "<b>&\n")
LONG = Diagnostic(
    "shape",
    "a sentence that is longer than a narrow terminal has columns",
    Span(LONG_SOURCE, 200, 205),
    "here",
    ("a note with <tags> & an ampersand, which goes on for a while",),
    "write something else instead of what is there, in a few words more",
)


@pytest.mark.parametrize("width", [30, 40, 60, 100])
def test_a_terminal_is_filled_and_no_wider(width: int) -> None:
    lines = render(LONG, width=width).split("\n")
    assert all(len(line) <= width for line in lines if "^" not in line)
    words = " ".join(" ".join(lines).split())
    assert LONG.title in words and LONG.help in words
    (shown,) = (line for line in lines if line.startswith("1 |"))
    (mark,) = (line for line in lines if "^" in line)
    start = mark.index("^")
    assert shown[start : start + 5] == LONG_SOURCE.text[200:205]


def test_a_notebook_shows_text_and_escaped_html() -> None:
    bundle = SpecError(LONG)._repr_mimebundle_()
    assert bundle["text/plain"] == render(LONG)
    assert "&lt;tags&gt; &amp; an ampersand" in bundle["text/html"]
    assert "<tags>" not in bundle["text/html"] and "\x01" not in bundle["text/html"]
    assert bundle["text/html"].count("<span") == bundle["text/html"].count("</span>") > 3


def test_of_a_line_of_millions_little_is_looked_at() -> None:
    text = "x" * 4_000_000 + "WRONG" + "\t" * 4_000_000
    source = Source("a.net", text)
    began = time.process_time()
    shown = render(Diagnostic("syntax", "no", Span(source, 4_000_000, 4_000_005), "here"))
    assert time.process_time() - began < 1
    _, place, _, line, mark = shown.split("\n")
    assert place.endswith("a.net:1:4000001") and line.startswith("1 | … xxx") and line.endswith(" …")
    assert line.index("WRONG") == mark.index("^^^^^ here")
