from __future__ import annotations

import pytest

import netc

DIGITS = """input x[N, 64]
input y[N] : class(10)
h = x -> dense(16) -> relu
{middle}
logits = k -> dense(10)
loss cross_entropy(logits, y)
data digits() {{ x = flatten(image) / 16, y = label }}
train {train} {{ epochs = 2, batch = 64, seed = 1 }}
"""


def told(middle: str, train: str = "sgd(lr = 0.1)") -> netc.compiler.diagnostics.Diagnostic:
    model = netc.compile(text=DIGITS.format(middle=middle, train=train), device="cpu")
    with pytest.raises(netc.SpecError) as caught:
        model.fit()
    (found,) = caught.value.diagnostics
    assert found.span is not None and found.code == "train"
    return found


def test_a_formula_that_fails_in_the_first_step() -> None:
    found = told("k = log(h - 100)")
    assert "at step 1 (" in found.title
    assert found.span is not None and found.span.text == "log(h - 100)"
    assert "result of log" in found.label


def test_a_learning_rate_that_is_too_large() -> None:
    """The first step makes the weights so large that the exponential overflows in the second."""
    found = told("k = exp(h)", "sgd(lr = 1e6)")
    assert "at step 2 (" in found.title
    assert found.span is not None and found.span.line in (3, 4)
    assert "smaller learning rate" in found.help


def test_infinities_that_are_meant_are_not_blamed() -> None:
    found = told("k = where(h > 1e9, 0, maximum(h, -inf)) + sqrt(sum(h, axis = 1, keep = true) - 10)")
    assert found.span is not None and "sqrt" in found.span.text
