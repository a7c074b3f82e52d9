from __future__ import annotations

from dataclasses import replace

import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.ops.op import REGISTRY
from netc.compiler.pipeline import compile
from netc.runtime.gradcheck import compare

SPEC = """input x[N, 5]
input y[N] : class(3)
h = x -> dense(7) -> tanh -> layernorm -> dropout(0.3)
logits = h -> dense(3)
loss cross_entropy(logits, y) + 0.01 * l2(params)
"""


def test_gradients_agree_with_differences() -> None:
    found = compare(compile(Source("a.net", SPEC), precision="float64"))
    assert [c.parameter for c in found][:2] == ["h.dense1.W", "h.dense1.b"]
    assert all(c.agrees and c.places > 0 for c in found)
    assert max(c.error for c in found) < 1e-5


def test_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = REGISTRY["tanh"].vjp
    assert rule is not None

    wrong = replace(REGISTRY["tanh"], vjp=lambda g, y, x: (1.01 * rule(g, y, x)[0],))
    monkeypatch.setitem(REGISTRY, "tanh", wrong)
    text = "input x[N, 5]\nloss mean(square(x -> dense(7) -> tanh), axis = 1)"
    found = compare(compile(Source("a.net", text), precision="float64"))
    assert not any(c.agrees for c in found)
    assert all(1e-3 < c.error < 2e-2 for c in found)
