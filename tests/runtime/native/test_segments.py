"""Graphs that are native code but for what has no layout in lanes, which NumPy does between the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netc
from netc.compiler.build import Builder
from netc.compiler.emit.native import Host, build
from netc.compiler.emit.program import build as build_numpy
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.device import Device
from netc.runtime.native.executable import NativeExecutable
from netc.runtime.native.jit import host
from netc.runtime.program import load

TRAIN = "train sgd(lr = 0.1, momentum = 0.9) { epochs = 1, batch = 8 }\n"
SPECS = {
    "every sample with every other": """
        input x[N, 6]
        z = x -> dense(8) -> relu -> dense(4)
        u = z / sqrt(sum(z ^ 2, axis = 1, keep = true) + 1e-6)
        s = u @ u.T
        loss mean(logsumexp(s * 5, axis = 1)) - mean(s)
    """,
    "each sample and the one after it": """
        input x[N, 6]
        z = x -> dense(4) -> tanh
        loss sum((z[1:] - z[:-1]) ^ 2) + mean(z)
    """,
    "the last sample first": """
        input x[N, 6]
        z = x -> dense(4) -> tanh
        loss mean(z * flip(z, axis = 0) + z)
    """,
    "the batch as the second axis": """
        input x[N, 6]
        param w[2, 1, 3] ~ normal(1)
        r = reshape(dense(x, 6), [2, N, 3])
        loss mean(tanh(r * w) ^ 2)
    """,
    "as many numbers before the batch as a vector has lanes": """
        input x[N, 6]
        param w[16, 1] ~ normal(1)
        r = reshape(dense(x, 16), [16, N])
        loss mean(tanh(r * w) ^ 2)
    """,
    "the same of a product, which ends in what follows": """
        input x[N, 6]
        param W[6, 16] ~ normal(1)
        param w[16, 1] ~ normal(1)
        r = reshape(x @ W, [16, N])
        output p = tanh(r * w)
        loss mean(tanh(r * w) ^ 2)
    """,
}


def steps(text: str, device: str, x: np.ndarray[Any, Any]) -> tuple[netc.Model, list[float]]:
    model = netc.compile(text=text + TRAIN, device=device)
    return model, [model.step(x=x) for _ in range(4)]


@pytest.mark.parametrize("n", [2, 5, 16, 33])
@pytest.mark.parametrize("what", SPECS)
def test_they_train_as_numpy_does(what: str, n: int) -> None:
    text = "\n".join(line.strip() for line in SPECS[what].splitlines()) + "\n"
    x = np.random.default_rng(n).standard_normal((n, 6)).astype(np.float32)
    ours, losses = steps(text, "cpu", x)
    theirs, wanted = steps(text, "numpy", x)
    assert isinstance(ours.program("step", n), NativeExecutable)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    if "output" in text:
        np.testing.assert_allclose(ours.predict(x=x), theirs.predict(x=x), rtol=1e-4, atol=1e-5)
    for name, value in theirs.parameters.items():
        np.testing.assert_allclose(ours.parameters[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_numpy_updates_a_state() -> None:
    of = Graph()
    b = Builder(of)
    x = b.add("input", (), TensorType("float32", (N, 3)), name="x")
    s = b.add("state", (), TensorType("float32", ()), name="s")
    of.results |= {
        Result("loss", "loss"): x.sum((0, 1)).id,
        Result("update", "s"): (s * (x @ x.T)).sum((0, 1)).id,
    }
    begin = np.array(0.5, np.float32)
    ours, theirs = ({"s": begin.copy()} for _ in range(2))
    feeds = {"x": np.ones((5, 3), np.float32)}
    native = NativeExecutable(build(of, 5, host().isa), Device("cpu", threads=1), ours)
    assert any(isinstance(step, Host) for step in native.program.steps)
    reference = load(build_numpy(of, 5), Device("numpy"), theirs)
    for i in range(2):
        assert native.run(feeds, step=i) == reference.run(feeds, step=i)
        np.testing.assert_array_equal(ours["s"], theirs["s"])
    assert ours["s"] != begin
