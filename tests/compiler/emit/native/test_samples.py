"""Every primitive on its samples, as native code and by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder, Value
from netc.compiler.emit.native.isa import AVX512
from netc.compiler.emit.native.select import Fallback, Selection
from netc.compiler.ir import Dim, DType, Graph, N, Result, TensorType, product, size_at
from netc.compiler.ops import REGISTRY
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
}
OVER_THE_BATCH = {
    "argmax [[2, 3, 4]] axis=0 keep=True",
    "argmin [[2, 3, 4]] axis=0 keep=True",
    "flip [[2, 3, 4]] axes=(0, 2)",
    "log_softmax [[4]] axis=0",
    "logsumexp [[4]] axis=0 keep=False",
    "pad [[2, 3]] before=(0, 2) after=(1, 1) value=0.5",
    "put [[3, 2], []] rows=5",
    "put_along [[4, 3, 2], [4, 1, 2]] axis=0 size=5",
    "softmax [[4]] axis=0",
    "take [[5], [7]]",
    "take [[5, 3], [2, 4]]",
    "take [[5, 3, 2], []]",
    "take_along [[5, 3, 2], [4, 1, 2]] axis=0",
}
OF_SAMPLES = ("sample_uniform", "sample_normal")
SIZES = ("shape", "rows", "size", "stop", "space")  # the attributes that hold sizes of tensors


Shape = tuple[Dim, ...]
View = tuple[Callable[[Shape], Shape], Callable[[Value, Shape], Value]]


def _axes(shape: Shape) -> list[int]:
    """The axes that a view may change: not that of the samples."""
    return [a for a, d in enumerate(shape) if isinstance(d, int)]


def _turned(shape: Shape) -> list[int]:
    """A permutation that exchanges the first and the last axis that may move."""
    order, axes = list(range(len(shape))), _axes(shape)
    for a, b in zip(axes, reversed(axes), strict=True):
        order[a] = b
    return order


def _every_second(x: Value, shape: Shape) -> Value:
    start = tuple(int(a in _axes(shape)) for a in range(len(shape)))
    return x.op("slice", start=start, stop=x.shape, step=tuple(1 + first for first in start))


# How an operand is a view of what lies in memory: the shape that it has there, and the operand.
VIEWS: dict[str, View] = {
    "itself": (lambda shape: shape, lambda x, shape: x),
    "flip": (lambda shape: shape, lambda x, shape: x.op("flip", axes=tuple(_axes(shape)))),
    "slice": (lambda shape: tuple(2 * d + 1 if isinstance(d, int) else d for d in shape), _every_second),
    "transpose": (
        lambda shape: tuple(shape[a] for a in _turned(shape)),
        lambda x, shape: x.transpose(_turned(shape)),
    ),
    "reshape": (
        lambda shape: (*shape[:1], product(shape[1:])),
        lambda x, shape: x.reshape(shape),
    ),
    "broadcast": (
        lambda shape: (*shape[:-1], 1) if _axes(shape[-1:]) else shape,
        lambda x, shape: x.broadcast(shape),
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A sample, with the batch axis in place of all sizes that are the first operand's first; of images only
    in place of the first ones.
    """

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

    @property
    def of_images(self) -> bool:
        return REGISTRY[self.op].kind == "window" or self.op.startswith("window")

    def types(self) -> list[TensorType]:
        return [TensorType(self._dtype(d), self._shape(d)) for d in self.sample.operands]

    def attrs(self) -> dict[str, Any]:
        def renamed(value: Any) -> Any:
            return tuple(map(renamed, value)) if isinstance(value, tuple) else self._dim(value)

        held = () if self.of_images else SIZES
        return {k: renamed(v) if k in held else v for k, v in self.sample.attrs.items()}

    def graph(self, into: Builder, label: str, view: str = "itself") -> None:
        """The operation and its operands, which are called <label>.0, <label>.1, …"""
        held, seen = VIEWS[view]
        operands: list[Value] = []
        for i, type in enumerate(self.types()):
            leaf_type = type.with_shape(held(type.shape))
            leaf = into.add(leaf_op(leaf_type), (), leaf_type, name=f"{label}.{i}")
            operands.append(seen(leaf, type.shape))
        into.graph.results[Result("value", label)] = into.apply(self.op, *operands, **self.attrs()).id

    def arrays(self, n: int, rng: np.random.Generator, view: str = "itself") -> list[Array]:
        held, _ = VIEWS[view]
        found: list[Array] = []
        for draw, type in zip(self.sample.operands, self.types(), strict=True):
            shape = [size_at(d, n) for d in held(type.shape)]
            if type.is_float:
                found.append(rng.uniform(draw.low, draw.high, shape).astype(type.dtype))
                continue
            named = draw.dtype not in ("float32", "float64")
            low, high = (int(draw.low), int(draw.high)) if named else (0, MOST.get(self.dtype, 9))
            high = min(high, n) if high == self.size else high  # an index along the batch
            found.append(rng.integers(low, high, shape).astype(type.dtype))
        return found

    def _dim(self, size: int, axis: int = 0) -> Dim:
        return N if size == self.size and not (self.of_images and axis) else size

    def _shape(self, draw: Draw) -> Shape:
        return tuple(self._dim(size, axis) for axis, size in enumerate(draw.shape))

    def _dtype(self, draw: Draw) -> DType:
        return self.dtype if draw.dtype in ("float32", "float64") else draw.dtype


def cases(dtype: DType, batch: bool) -> list[Case]:
    """Those that the operation allows."""
    every = [Case(op, sample, batch, dtype) for op, sample in samples() if op not in OF_SAMPLES or batch]
    return [case for case in every if (case.size or not batch) and _allowed(case)]


def _allowed(case: Case) -> bool:
    if case.op in ("embed", "slice") and case.batch and case.sample.attrs["start"][0]:
        return False  # more samples than there may be
    try:
        case.graph(Builder(Graph()), "y")
    except (ShapeError, TypeError):
        return False
    return True


def computed_by(case: Case, view: str = "itself") -> str:
    """native or numpy."""
    graph = Graph()
    case.graph(Builder(graph), "y", view)
    selection = Selection(plan(graph, 5), AVX512)
    return "numpy" if any(isinstance(action, Fallback) for action in selection.actions) else "native"


def left(what: str, dtype: DType, batch: bool) -> set[str]:
    return {str(case) for case in cases(dtype, batch) if computed_by(case) == what}


def test_what_is_left_to_numpy() -> None:
    assert left("numpy", "float32", batch=False) == BY_NUMPY
    assert left("numpy", "float32", batch=True) == BY_NUMPY | OVER_THE_BATCH
    assert {name.split()[0] for name in left("numpy", "int32", batch=False) - BY_NUMPY} == {"put"}


def check(chosen: Sequence[Case], n: int, view: str = "itself") -> None:
    rng = np.random.default_rng([n, 11])
    build = Builder(Graph())
    arrays: dict[str, Array] = {}
    for k, case in enumerate(chosen):
        case.graph(build, str(k), view)
        arrays |= {f"{k}.{i}": array for i, array in enumerate(case.arrays(n, rng, view))}
    found, wanted = both(build.graph, n, arrays)
    for k, case in enumerate(chosen):
        result = Result("value", str(k))
        assert_close(found[result], wanted[result], str(case))


@pytest.mark.parametrize(("dtype", "n"), [(dtype, n) for dtype, sizes in DTYPES.items() for n in sizes])
def test_values(dtype: DType, n: int) -> None:
    """n = 0: without a batch axis."""
    check([case for case in cases(dtype, n > 0) if computed_by(case) != "nothing"], n or 3)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("view", [name for name in VIEWS if name != "itself"])
def test_operands_that_are_views(view: str, batch: bool) -> None:
    laid_out = [case for case in cases("float32", batch) if computed_by(case, view) != "nothing"]
    assert len(laid_out) > 150
    check(laid_out, 6, view)
