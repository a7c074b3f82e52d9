"""Figures over a whole split, from batches: against the formulas on all samples at once."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.diagnostics import Source
from netc.runtime.data.source import Column, Dataset
from netc.runtime.model import Model
from netc.runtime.opening import open_model
from netc.runtime.train import EVALUATION_BATCH, evaluate

TEXT = """
input s[N, 3]
input y[N] : class(3)
param w[3] ~ ones
logits = s * w
loss   cross_entropy(logits, y) + 0.01 * l2(params)
metric accuracy(logits, y)
metric precision(logits, y, class = 1)
metric recall(logits, y, class = 1)
metric f1(logits, y, class = 1)
metric explained = r2(logits[:, 0], y)
metric highest   = max(logits)
data   npz("{path}") {{ s = scores, y = label }}
train  sgd(lr = 0.1) {{ precision = float64 }}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("figures") / "data.npz"
    np.savez(path, scores=np.zeros((2, 3)), label=np.zeros(2, np.int64))
    return open_model(Source("figures.net", TEXT.format(path=path)), Path(), device="cpu")


@given(st.integers(1, 1200), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_figures_are_those_of_all_samples_at_once(model: Model, n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    s, y = random.normal(size=(n, 3)), random.integers(0, 3, n)
    columns = {"scores": Column(np.dtype("float64"), (3,)), "label": Column(np.dtype("int64"), ())}
    data = Dataset(columns, {"scores": s, "label": y}, None, {"scores": s, "label": y})
    found = evaluate(model, "test", data)

    log_p = s - np.log(np.exp(s).sum(1, keepdims=True))
    called, true = s.argmax(1) == 1, y == 1
    hits = (called & true).sum()
    assert found["loss"] == pytest.approx(-log_p[np.arange(n), y].mean() + 0.03, rel=1e-9)
    assert found["accuracy"] == pytest.approx((s.argmax(1) == y).mean(), rel=1e-9)
    assert found["precision"] == pytest.approx(hits / max(called.sum(), 1), rel=1e-9)
    assert found["recall"] == pytest.approx(hits / max(true.sum(), 1), rel=1e-9)
    assert found["f1"] == pytest.approx(2 * hits / max(called.sum() + true.sum(), 1), rel=1e-9)
    if y.std() > 0:
        explained = 1 - ((y - s[:, 0]) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        assert found["explained"] == pytest.approx(explained, rel=1e-7)


def test_what_is_no_function_of_sums_is_averaged_over_batches_by_their_size(model: Model) -> None:
    random = np.random.default_rng(0)
    s, y = random.normal(size=(700, 3)), random.integers(0, 3, 700)
    columns = {"scores": Column(np.dtype("float64"), (3,)), "label": Column(np.dtype("int64"), ())}
    found = evaluate(model, "train", Dataset(columns, {"scores": s, "label": y}))
    size = EVALUATION_BATCH
    assert found["highest"] == pytest.approx((s[:size].max() * size + s[size:].max() * (700 - size)) / 700)
