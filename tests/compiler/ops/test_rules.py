"""Shapes that are refused, and what is said; sizes that depend on the batch."""
# ruff: noqa: E501 -- one case a line

from __future__ import annotations

from typing import Any

import pytest

from netc.compiler.diagnostics import InternalError
from netc.compiler.ir import DType, N, TensorType
from netc.compiler.ops import REGISTRY, ShapeError


def floats(*shape: Any) -> TensorType:
    return TensorType("float32", shape)


def of(dtype: DType, *shape: Any) -> TensorType:
    return TensorType(dtype, shape)


REFUSED: list[tuple[str, list[TensorType], dict[str, Any], str, str, tuple[tuple[int, int], ...]]] = [
    ("add", [floats(N, 16), floats(12)], {}, "cannot add {0} and {1}", "16 is not 12", ((0, 1), (1, 0))),
    ("sub", [floats(2), floats(N)], {}, "cannot subtract {1} from {0}", "2 is not N", ((0, 0), (1, 0))),
    ("where", [of("bool", 2), floats(1), floats(3)], {}, "cannot choose between {1} and {2} by {0}", "2 is not 3", ((0, 0), (2, 0))),
    ("sum", [floats(N, 3)], {"axis": (2,), "keep": False}, "there is no axis 2 in {0}", "this has the axes 0 to 1", ()),
    ("softmax", [floats()], {"axis": 0}, "there is no axis 0 in {0}", "this is a scalar", ()),
    ("max", [floats(N, 3)], {"axis": (1, 1), "keep": True}, "an axis stands twice in [1, 1]", "", ()),
    ("reshape", [floats(N, 6)], {"shape": (N, 7)}, "cannot reshape {0} to [N, 7]", "6*N numbers cannot fill 7*N places", ()),
    ("transpose", [floats(2, 3, 4)], {"axes": (1, 0)}, "cannot transpose {0} by [1, 0]", "axis 2 is missing", ()),
    ("broadcast", [floats(2)], {"shape": (2, 3)}, "cannot broadcast {0} to [2, 3]", "2 is neither 1 nor 3", ((0, 0),)),
    ("broadcast", [floats(1, 2)], {"shape": (2,)}, "cannot broadcast {0} to [2]", "it has 2 axes, the shape 1", ()),
    ("slice", [floats(5)], {"start": (3,), "stop": (6,), "step": (1,)}, "cannot take 3:6:1 of axis 0 of {0}", "it has the places 0 to 4", ((0, 0),)),
    ("slice", [floats(5)], {"start": (3,), "stop": (3,), "step": (1,)}, "cannot take 3:3:1 of axis 0 of {0}", "nothing is left", ((0, 0),)),
    ("slice", [floats(N)], {"start": (0,), "stop": (N,), "step": (2,)}, "cannot take 0:N:2 of axis 0 of {0}", "N is not always a multiple of 2", ((0, 0),)),
    ("embed", [floats(3)], {"shape": (6,), "start": (2,), "step": (2,)}, "cannot place {0} in [6] from 2 on in steps of 2", "it ends at 6", ((0, 0),)),
    ("pad", [floats(3)], {"before": (-1,), "after": (0,), "value": 0.0}, "cannot pad {0} by less than 0", "", ()),
    ("concat", [floats(N, 3), floats(N, 4), floats(2, 5)], {"axis": 1}, "cannot join {0} and {2} along axis 1", "N is not 2", ((0, 0), (2, 0))),
    ("concat", [floats(N, 3), floats(N)], {"axis": 0}, "cannot join {0} and {1} along axis 0", "one has 2 axes, the other 1", ()),
    ("take", [floats(5, 3), floats(2)], {}, "{1} cannot be an index", "this is float32, and an index is an integer", ()),
    ("take", [floats(), of("int64", 2)], {}, "{0} has no rows to take", "this is a scalar", ()),
    ("take_along", [floats(N, 5), of("int64", N)], {"axis": 1}, "cannot index {0} by {1} along an axis", "one has 2 axes, the other 1", ()),
    ("take_along", [floats(N, 5), of("int64", 2, 1)], {"axis": 1}, "cannot index {0} by {1} along axis 1", "N is not 2", ((0, 0), (1, 0))),
    ("one_hot", [of("bool", 3)], {"classes": 2, "dtype": "float32"}, "{0} cannot be an index", "this is bool, and an index is an integer", ()),
    ("window_at", [floats(N, 3, 8, 8), of("int64", N, 2)], {"size": (4, 9)}, "the window does not fit into {0}", "9 of 8", ((0, 3),)),
    ("window_at", [floats(N, 8, 8), of("int64", N, 2)], {"size": (4, 4)}, "{0} is no batch of images", "it has 3 axes, not [N, channels, height, width]", ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "types", "attrs", "title", "label", "axes"), REFUSED)
def test_refusals(
    name: str,
    types: list[TensorType],
    attrs: dict[str, Any],
    title: str,
    label: str,
    axes: tuple[tuple[int, int], ...],
) -> None:
    with pytest.raises(ShapeError) as caught:
        REGISTRY[name].infer(*types, **attrs)
    assert (caught.value.title, caught.value.label, caught.value.axes) == (title, label, axes)
    names = [f"x{i}" for i in range(len(types))]
    assert "{" not in caught.value.title.format(*names)


ACCEPTED: list[tuple[str, list[TensorType], dict[str, Any], tuple[Any, ...]]] = [
    ("add", [floats(N, 1, 3), floats(4, 1)], {}, (N, 4, 3)),
    ("sum", [floats(N, 3)], {"axis": (0,), "keep": True}, (1, 3)),
    ("reshape", [floats(N, 6)], {"shape": (3 * N, 2)}, (3 * N, 2)),
    ("slice", [floats(N, 5)], {"start": (1, 0), "stop": (N, 5), "step": (1, 2)}, (N - 1, 3)),
    ("slice", [floats(4 * N)], {"start": (0,), "stop": (4 * N,), "step": (2,)}, (2 * N,)),
    ("embed", [floats(N - 1)], {"shape": (N,), "start": (1,), "step": (1,)}, (N,)),
    ("concat", [floats(N, 3), floats(2, 3)], {"axis": 0}, (N + 2, 3)),
    ("pad", [floats(N, 3)], {"before": (1, 0), "after": (0, 2), "value": 0.0}, (N + 1, 5)),
    ("take", [floats(96, 8), of("uint8", N, 7)], {}, (N, 7, 8)),
    ("put", [floats(N, 7, 8), of("uint8", N, 7)], {"rows": 96}, (96, 8)),
    ("take_along", [floats(N, 5), of("int64", 1, 2)], {"axis": 1}, (N, 2)),
    ("put_along", [floats(N, 2), of("int64", 1, 2)], {"axis": 1, "size": 5}, (N, 5)),
    ("one_hot", [of("uint8", N)], {"classes": 10, "dtype": "float32"}, (N, 10)),
    ("window_at", [floats(N, 3, 8, 9), of("int64", N, 2)], {"size": (4, 5)}, (N, 3, 4, 5)),
]


@pytest.mark.parametrize(("name", "types", "attrs", "shape"), ACCEPTED)
def test_sizes_with_the_batch(
    name: str, types: list[TensorType], attrs: dict[str, Any], shape: tuple[Any, ...]
) -> None:
    assert REGISTRY[name].infer(*types, **attrs).shape == shape


def test_other_ranks_get_a_hint() -> None:
    with pytest.raises(ShapeError) as caught:
        REGISTRY["mul"].infer(floats(N, 16), floats(N))
    assert "matched from the last one" in caught.value.help


def test_two_dtypes_are_a_broken_invariant() -> None:
    with pytest.raises(InternalError):
        REGISTRY["add"].infer(floats(2), of("int64", 2))
