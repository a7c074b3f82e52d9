"""Sums of products on a matrix unit, against NumPy, where this machine has one."""

from __future__ import annotations

import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.emit.native import build, matrix
from netc.compiler.emit.native.isa import AMX
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.native.jit import host

from .running import Array, assert_close, both, leaf_op
from .test_contraction import check, matrices

unit = pytest.mark.skipif(host().isa is not AMX, reason="this machine has no matrix unit that may be used")


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the smallest sums that it can make are left to the unit."""
    monkeypatch.setattr(matrix, "_WORTH", float("inf"))


@unit
@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("n", [1, 6, 16, 37, 64])
def test_products(n: int) -> None:
    rng = np.random.default_rng(n)
    check(list(matrices(rng)), n, "float32", rng)
