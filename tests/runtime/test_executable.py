"""Which program computes a graph."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import netc
from netc.compiler.emit import native
from netc.runtime.executable import executable
from netc.runtime.native.executable import NativeExecutable
from netc.runtime.program import ArrayExecutable

NET = "input x[N, 3]\noutput p = softmax(x -> dense(4))\n"


def found(text: str, device: str) -> tuple[object, str]:
    model = netc.compile(text=text, device=device)  # type: ignore[arg-type]
    graph = model.compiled.graph("predict")
    return executable(graph, 5, "predict", model.device, model.memory)


def test_a_cpu_runs_native_code() -> None:
    program, reason = found(NET, "cpu")
    assert isinstance(program, NativeExecutable)
    assert reason == ""


def test_the_reference_is_a_device_of_its_own() -> None:
    program, reason = found(NET, "numpy")
    assert isinstance(program, ArrayExecutable)
    assert reason == ""


def test_what_has_no_native_code_is_computed_by_numpy() -> None:
    model = netc.compile(text="input x[N, 3]\noutput p = x @ x.T\n", device="cpu")
    program, reason = executable(model.compiled.graph("predict"), 5, "predict", model.device, model.memory)
    assert isinstance(program, NativeExecutable)
    assert reason == ""
    x = np.arange(15, dtype=np.float32).reshape(5, 3)
    assert np.allclose(model.predict(x=x), x @ x.T)


def test_a_graph_without_native_code_is_computed_by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object, **__: object) -> None:
        raise native.Unsupported("a fed array without samples")

    monkeypatch.setattr(native, "build", build)
    program, reason = found(NET, "cpu")
    assert isinstance(program, ArrayExecutable)
    assert "without samples" in reason


def test_without_llvm_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "netc.runtime.native.executable", None)
    program, reason = found(NET, "cpu")
    assert isinstance(program, ArrayExecutable)
    assert reason.startswith("LLVM cannot be loaded")
