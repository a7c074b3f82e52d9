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
from netc.compiler.ops.op import Draw, Sample, ShapeError
from netc.compiler.plan import plan

from ...ops.interpreter import samples
from .running import Array, assert_close, both, leaf_op

DTYPES: dict[DType, tuple[int, ...]] = {
    "float32": (0, 1, 5, 16, 17, 40),
    "float64": (0, 17),
    "int32": (0, 5),
    "uint8": (17,),
    "bool": (5,),
}
MOST = {"uint8": 256, "bool": 2}
BY_NUMPY = {
    "conv_input_gradient [[2, 4, 4], [4, 3, 3]] stride=(2,) pad=((2, 1),) dilation=(2,) groups=1 space=(9,)",
    "einsum [[2, 3], [3, 4], [4, 5]] spec=ij,jk,kl->li",
    "normal [] shape=(3, 5) key=h.dropout1 dtype=float32",
    "normal [] shape=(3, 5) key=h.dropout1 dtype=float64",
}
OVER_THE_BATCH = {
    "argmax [[2, 3, 4]] axis=0 keep=True",
    "argmin [[2, 3, 4]] axis=0 keep=True",
    "log_softmax [[4]] axis=0",
    "logsumexp [[4]] axis=0 keep=False",
    "put [[3, 2], []] rows=5",
    "put_along [[4, 3, 2], [4, 1, 2]] axis=0 size=5",
    "softmax [[4]] axis=0",
    "take [[5], [7]]",
    "take [[5, 3], [2, 4]]",
    "take [[5, 3, 2], []]",
    "take_along [[5, 3, 2], [4, 1, 2]] axis=0",
}
UNSUPPORTED = {"flip", "pad", "slice", "window_put"}
OF_SAMPLES = ("sample_uniform", "sample_normal")
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
        return " ".join([self.op, str(shapes), *(f"{k}={v}" for k, v in self.sample.attrs.items())])

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

        return {k: renamed(v) if k in SIZES else v for k, v in self.sample.attrs.items()}

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
        low, high = (
            (0, MOST.get(self.dtype, 9))
            if draw.dtype in ("float32", "float64")
            else (int(draw.low), int(draw.high))
        )
        high = min(high, n) if high == self.size else high  # an index along the batch
        return rng.integers(low, high, shape).astype(self._dtype(draw))


def cases(dtype: DType, batch: bool) -> list[Case]:
    """Those that the operation allows."""
    every = [Case(op, sample, batch, dtype) for op, sample in samples() if op not in OF_SAMPLES or batch]
    return [case for case in every if (case.size or not batch) and _allowed(case)]


def _allowed(case: Case) -> bool:
    if case.op == "embed" and case.batch and case.sample.attrs["start"][0]:
        return False  # the batch from another place on
    try:
        case.graph(Builder(Graph()), "y")
    except (ShapeError, TypeError):
        return False
    return True


def computed_by(case: Case) -> str:
    """native, numpy or nothing."""
    graph = Graph()
    case.graph(Builder(graph), "y")
    try:
        selection = Selection(plan(graph, 5), AVX512)
    except Unsupported:
        return "nothing"
    return "numpy" if any(isinstance(action, Fallback) for action in selection.actions) else "native"


def left(what: str, dtype: DType, batch: bool) -> set[str]:
    return {str(case) for case in cases(dtype, batch) if computed_by(case) == what}


def test_what_is_left_to_numpy() -> None:
    assert left("numpy", "float32", batch=False) == BY_NUMPY
    assert left("numpy", "float32", batch=True) == BY_NUMPY | OVER_THE_BATCH
    assert {name.split()[0] for name in left("numpy", "int32", batch=False) - BY_NUMPY} == {"put"}


def test_what_is_not_laid_out() -> None:
    """Then NumPy computes the whole graph."""
    assert not left("nothing", "float32", batch=False)
    assert {name.split()[0] for name in left("nothing", "float32", batch=True)} == UNSUPPORTED


@pytest.mark.parametrize(("dtype", "n"), [(dtype, n) for dtype, sizes in DTYPES.items() for n in sizes])
def test_values(dtype: DType, n: int) -> None:
    """n = 0: without a batch axis."""
    chosen = [case for case in cases(dtype, n > 0) if computed_by(case) != "nothing"]
    rng = np.random.default_rng([n, 11])
    build = Builder(Graph())
    arrays: dict[str, Array] = {}
    for k, case in enumerate(chosen):
        case.graph(build, str(k))
        arrays |= {f"{k}.{i}": array for i, array in enumerate(case.arrays(n, rng))}
    found, wanted = both(build.graph, n or 3, arrays)
    for k, case in enumerate(chosen):
        result = Result("value", str(k))
        assert_close(found[result], wanted[result], str(case))
