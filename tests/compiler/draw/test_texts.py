"""The formulas in the boxes, against what a textbook has."""

from __future__ import annotations

import re
from html import unescape

import pytest

from netc.compiler.draw import DrawError, Options, draw
from netc.compiler.draw.formula import count_text, name_text, number_text
from netc.compiler.draw.lines import broken

from .networks import dot, network


def texts(name: str, **options: object) -> str:
    """All texts of a picture, a box a line."""
    labels = re.findall(r"label=<(.*?)> (?:color|width|labeljust)", dot(name, **options))
    return "\n".join(unescape(re.sub("<[^>]*>", " ", label)) for label in labels)


def squeezed(text: str) -> str:
    return re.sub(r"[ \xa0]+", " ", text)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("chain", "z = x W₁ + b₁"),
        ("chain", "h = max(0, z)"),
        ("chain", "∂z = ∂h where h > 0, else 0"),
        ("chain", "∂W₁ = xᵀ ∂z"),
        ("chain", "∂b₂ = Σ ∂logits"),
        ("chain", "∂h = ∂logits W₂ᵀ"),
        ("chain", "∂x not needed"),
        ("chain", "∂logits = (softmax(logits) − onehot(y)) / N"),
        ("mlp", "h = tanh(x W₁ + b₁)"),
        ("mlp", "∂b₁ = Σ ∂h · (1 − h²)"),
        ("mlp", "49\u202f338 parameters"),
        ("skip", "block ×3 · 3 × 20 parameters"),
        ("images", "∂h₁ = ∂h₂ at the maxima of h₁"),
        ("residual", "block ×3"),
        ("chars", "∂E += ∂logitsᵀ h"),
    ],
)
def test_formulas(name: str, formula: str) -> None:
    options = {"depth": 2} if name in ("skip", "images") else {}
    assert formula in squeezed(texts(name, **options).replace("\n", " "))


def test_a_recurrent_cell() -> None:
    found = squeezed(texts("recurrent", only="h"))
    assert "h = tanh(xₜ W + hₜ₋₁ U + b)" in found
    assert "∂U = hₜ₋₁ᵀ (∂h · (1 − h²))" in found


def test_expanding_draws_each_turn() -> None:
    assert "block ×3" in texts("skip", depth=1)
    opened = texts("skip", depth=1, expand=True)
    assert "block ×3" not in opened
    assert "block3" in opened


def test_an_unknown_layer() -> None:
    with pytest.raises(DrawError, match="no layer called"):
        draw(network("recurrent"), Options(only="h.nothing"))


@pytest.mark.parametrize(
    ("name", "text"), [("a.conv1.W2", "W₂"), ("h.h.3", "h"), ("x_12", "x₁₂"), ("∂z1", "∂z₁"), ("θ", "θ")]
)
def test_names(name: str, text: str) -> None:
    assert name_text(name) == text


def test_numbers() -> None:
    assert [number_text(v) for v in (0.1, 1e-5, -2.0, 128**0.5, float("-inf"))] == [
        "0.1", "1e−5", "−2", "√128", "−∞",
    ]  # fmt: skip
    assert count_text(49338) == "49\u202f338"


def test_lines_break_outside_of_brackets() -> None:
    assert broken("∂logits = (softmax(logits) − onehot(y)) / N", 30) == (
        "∂logits = (softmax(logits)", "− onehot(y)) / N",
    )  # fmt: skip
    assert broken("a = b", 3) is None


def test_the_step_stands_with_the_gradient() -> None:
    found = squeezed(texts("mlp", update=True))
    assert "W₁ ← W₁ − 0.1 · ∂W₁" in found
    assert "E ← adam(E, ∂E)" in squeezed(texts("chars", update=True))
