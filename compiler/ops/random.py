"""Random tensors. What is drawn depends on the seed, the key and a number alone, not on earlier draws: on the
step's number, or for each sample on its own (its row in the split, and the epoch).
"""

from __future__ import annotations

from ..ir import Dim, DType, TensorType
from .op import Op, Sample, define


def _drawn(*, shape: tuple[Dim, ...], key: str, dtype: DType) -> TensorType:
    return TensorType(dtype, shape)


_SAMPLES = tuple(
    Sample((), {"shape": (3, 5), "key": "h.dropout1", "dtype": d}) for d in ("float32", "float64")
)
_STEP = ("seed", "step")
_SAMPLE = ("seed", "epoch", "rows")


def _random(name: str, math: str, counters: tuple[str, ...]) -> Op:
    return define(
        Op(
            name,
            "random",
            infer=_drawn,
            math=math,
            numpy=f"{name}({{out}}, {{key!r}}, {', '.join(counters)})",
            samples=_SAMPLES,
            counters=counters,
        )
    )


uniform = _random("uniform", "U(0, 1)", _STEP)
normal = _random("normal", "𝒩(0, 1)", _STEP)
sample_uniform = _random("sample_uniform", "U(0, 1)", _SAMPLE)
sample_normal = _random("sample_normal", "𝒩(0, 1)", _SAMPLE)
