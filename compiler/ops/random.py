"""Random tensors. What is drawn depends on the seed, the key and the step alone, not on earlier draws."""

from __future__ import annotations

from ..ir import Dim, DType, TensorType
from .op import Op, Sample, define


def _drawn(*, shape: tuple[Dim, ...], key: str, dtype: DType) -> TensorType:
    return TensorType(dtype, shape)


_SAMPLES = tuple(
    Sample((), {"shape": (3, 5), "key": "h.dropout1", "dtype": d}) for d in ("float32", "float64")
)

uniform = define(
    Op(
        "uniform",
        "random",
        infer=_drawn,
        math="U(0, 1)",
        numpy="uniform({out}, {key!r}, seed, step)",
        samples=_SAMPLES,
    )
)
normal = define(
    Op(
        "normal",
        "random",
        infer=_drawn,
        math="𝒩(0, 1)",
        numpy="normal({out}, {key!r}, seed, step)",
        samples=_SAMPLES,
    )
)
