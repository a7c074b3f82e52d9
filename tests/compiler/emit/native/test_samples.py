"""Every primitive on its samples, as native code and by NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.emit.native import Unsupported
from netc.compiler.emit.native.isa import AVX512
from netc.compiler.emit.native.select import Fallback, Selection
from netc.compiler.ir import Dim, DType, Graph, N, Result, TensorType
from netc.compiler.ops import REGISTRY
from netc.compiler.ops.op import Draw, Sample, ShapeError
from netc.compiler.plan import plan

from ...ops.interpreter import samples
from .running import Array, assert_close, both, leaf_op

SIZES = ("shape", "rows", "size", "stop", "space")  # the attributes that hold sizes of tensors


@dataclass(frozen=True, slots=True)
class Case:
    """A sample, with the batch axis in place of all sizes that are the first operand's first."""

    op: str
    sample: Sample
    batch: bool
    dtype: DType

    def __str__(self) -> str:
        shapes = [list(d.shape) for d in self.sample.operands]
        return f"{self.op} {shapes} {self.sample.attrs}"

    @property
    def size(self) -> int:
        """What N stands for, 0 for nothing."""
        shape = self.sample.operands[0].shape if self.sample.operands else self.sample.attrs.get("shape", ())
        return shape[0] if self.batch and shape else 0

    def types(self) -> list[TensorType]:
        return [TensorType(self._dtype(d), tuple(map(self._dim, d.shape))) for d in self.sample.operands]

    def attrs(self) -> dict[str, Any]:
        def renamed(value: Any) -> Any:
            return tuple(map(renamed, value)) if isinstance(value, tuple) else self._dim(value)

        attrs = {k: renamed(v) if k in SIZES else v for k, v in self.sample.attrs.items()}
        return attrs

    def arrays(self, n: int, rng: np.random.Generator) -> list[Array]:
        return [self._drawn(d, n, rng) for d in self.sample.operands]

    def graph(self, into: Builder, label: str) -> None:
        types = enumerate(self.types())
        operands = [into.add(leaf_op(type), (), type, name=f"{label}.{i}") for i, type in types]
        into.graph.results[Result("value", label)] = into.apply(self.op, *operands, **self.attrs()).id

    def _dim(self, size: int) -> Dim:
        return N if size == self.size else size

    def _dtype(self, draw: Draw) -> DType:
        return self.dtype if draw.dtype in ("float32", "float64") else draw.dtype

    def _drawn(self, draw: Draw, n: int, rng: np.random.Generator) -> Array:
        shape = [n if size == self.size else size for size in draw.shape]
        if draw.dtype in ("float32", "float64") and self.dtype in ("float32", "float64"):
            return rng.uniform(draw.low, draw.high, shape).astype(self.dtype)
        low, high = (0, 9) if draw.dtype in ("float32", "float64") else (int(draw.low), int(draw.high))
        high = min(high, n) if high == self.size else high  # an index along the batch
        return rng.integers(low, high, shape).astype(self._dtype(draw))


def cases(dtype: DType, batch: bool) -> list[Case]:
    """Those that the operation allows."""
    every = [
        Case(op, sample, batch, dtype)
        for op, sample in samples()
        if not (op == "embed" and batch and sample.attrs["start"][0])
    ]
    return [case for case in every if (case.size or not batch) and _allowed(case)]


def _allowed(case: Case) -> bool:
    try:
        case.graph(Builder(Graph(), precision="float32"), "y")
    except (ShapeError, TypeError):
        return False
    return True


def fate(case: Case) -> str:
    """native, numpy or unsupported."""
    graph = Graph()
    case.graph(Builder(graph), "y")
    try:
        selection = Selection(plan(graph, 5), AVX512)
    except Unsupported as reason:
        return f"unsupported: {reason}"
    return "numpy" if any(isinstance(action, Fallback) for action in selection.actions) else "native"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("n", [0, 1, 5, 16, 17, 40])
def test_values(dtype: DType, n: int) -> None:
    """n = 0: without a batch axis."""
    chosen = [case for case in cases(dtype, n > 0) if not fate(case).startswith("unsupported")]
    if n == 0:
        chosen = [case for case in chosen if "sample" not in case.op]
    rng = np.random.default_rng([n, 11])
    build = Builder(Graph())
    fed: dict[str, Array] = {}
    for k, case in enumerate(chosen):
        case.graph(build, str(k))
        fed |= {f"{k}.{i}": array for i, array in enumerate(case.arrays(n, rng))}
    found, wanted = both(build.graph, n or 3, fed)
    bad = []
    for result, value in wanted.items():
        if result.kind == "update":
            continue
        try:
            assert_close(found[result], value, str(chosen[int(result.name)]))
        except AssertionError as e:
            bad.append(str(e)[:700])
    assert not bad, "\n".join(bad)
