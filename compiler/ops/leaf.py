"""Where values come from: what is fed, what is learnt, numbers, sizes, the step's number."""

from __future__ import annotations

from ..diagnostics import InternalError
from ..ir import Dim, DType, TensorType
from .op import Op, Sample, define


def _given(*_: TensorType, **__: object) -> TensorType:
    raise InternalError("a leaf has the type that it was declared with")


def _scalar(*, dtype: DType = "float32", **_: object) -> TensorType:
    return TensorType(dtype, ())


def _range(*, size: Dim, dtype: DType = "int64") -> TensorType:
    return TensorType(dtype, (size,))


# Fed by the trainer, or kept between steps: the plan binds them to names, so they have no text.
for _name in ("input", "column", "param", "state"):
    define(Op(_name, "leaf", infer=_given, math="", numpy="", view=True))

# The next three are written where they are used, without storage: a literal, or a name in scope there.
constant = define(Op("constant", "leaf", infer=_given, math="{value}", numpy="{value}", view=True))
size = define(
    Op(
        "size",
        "leaf",
        infer=_scalar,
        math="{dim}",
        numpy="{dim}",
        view=True,
        samples=(Sample((), {"dim": 6}),),
    )
)
counter = define(
    Op(
        "counter",
        "leaf",
        infer=_scalar,
        math="{which}",
        numpy="{which}",
        view=True,
        samples=(Sample((), {"which": "step"}),),
    )
)
range_ = define(
    Op(
        "range",
        "leaf",
        infer=_range,
        math="0 … {size} − 1",
        numpy="{out}[...] = np.arange({size})",
        samples=(Sample((), {"size": 5}),),
    )
)
