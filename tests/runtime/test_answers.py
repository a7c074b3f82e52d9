"""What a network's outputs mean: classes, or numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import Source
from netc.runtime.answers import answer, meanings
from netc.runtime.opening import open_data, open_model
from netc.runtime.report.judged import judge

MOONS = """
input x[N, 2]
input y[N] : class(2)
logit = (x -> dense(4) -> tanh -> dense(1))[:, 0]
{output}
loss binary_cross_entropy(logit, y)
data moons(n = 50) {{ x = features, y = label }}
"""


def said(name: str, *probabilities: float) -> dict[str, object]:
    return {"class": name, "probabilities": {str(i): p for i, p in enumerate(probabilities)}}


@pytest.mark.parametrize(
    ("output", "values", "text", "plain"),
    [
        ("output p = sigmoid(logit)", 0.75, "1   75.0 %", said("1", 0.25, 0.75)),
        ("output p = sigmoid(logit)", 0.25, "0   75.0 %", said("0", 0.75, 0.25)),
        ("output p = argmax(stack([0 * logit, logit]))", 1, "1", {"class": "1"}),
        ("output p = 2 * logit", 0.75, "0.75", 0.75),
    ],
)
def test_one_number_for_each_sample(output: str, values: float, text: str, plain: object) -> None:
    model = open_model(Source("moons.net", MOONS.format(output=output)), Path(), device="cpu")
    given = answer(meanings(model.compiled, {})["p"], np.array(values))
    assert given.text == text
    assert given.plain == plain


@pytest.mark.parametrize("output", ["sigmoid(logit)", "argmax(stack([0 * logit, logit]))"])
def test_a_classifier_of_two_classes_has_confusions(output: str) -> None:
    model = open_model(Source("moons.net", MOONS.format(output=f"output p = {output}")), Path(), device="cpu")
    data = open_data(model.compiled.network, model.base, model.seed)
    judged = judge(model, data)
    assert judged is not None and data.test is not None
    x, y = np.asarray(data.test["features"]), np.asarray(data.test["label"])
    said = model.forward(x=x, y=y, want=["logit"])["logit"] > 0
    assert judged.confusion.tolist() == [
        [int(((y == i) & (said == k)).sum()) for k in (0, 1)] for i in (0, 1)
    ]
