"""Convolution, pooling and contraction: PyTorch's figures, small scratch memory, what is refused and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.emit.kernels import KERNELS
from netc.compiler.ir import Graph, N, TensorType
from netc.compiler.ops import REGISTRY
from netc.compiler.ops.op import ShapeError

from .interpreter import Array, evaluate, inputs_for, pullback, run, type_of

FILE = Path(__file__).parents[2] / "references" / "window.npz"


def cases(*ops: str) -> list[Any]:
    with np.load(FILE) as file:
        names = sorted(key.removesuffix("/attrs") for key in file if key.endswith("/attrs"))
    return [pytest.param(name, id=name) for name in names if name.split("/")[0] in ops]


def case(name: str) -> tuple[str, dict[str, Any], dict[str, Array]]:
    def tuples(value: Any) -> Any:
        return tuple(map(tuples, value)) if isinstance(value, list) else value

    with np.load(FILE) as file:
        arrays = {key.split("/")[2]: file[key] for key in file if key.startswith(f"{name}/")}
    attrs = json.loads(str(arrays.pop("attrs")))
    return name.split("/")[0], {k: tuples(v) for k, v in attrs.items()}, arrays


@pytest.mark.parametrize("name", cases("conv", "maxpool", "avgpool"))
def test_values_and_gradients_are_those_of_pytorch(name: str) -> None:
    op, attrs, known = case(name)
    builder = Builder(Graph(), precision="float64")
    arrays = [known[k] for k in ("x", "w") if k in known]
    *operands, g = inputs_for(builder, [*arrays, known["g"]])
    y = builder.apply(op, *operands, **attrs)
    gradients = [v for v in pullback(builder, y, g, operands) if v is not None]
    feeds = dict(zip((v.id for v in (*operands, g)), [*arrays, known["g"]], strict=True))
    found = evaluate(builder.graph, [y, *gradients], feeds)
    wanted = [known[k] for k in ("y", "gx", "gw") if k in known]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("name", cases("conv"))
def test_little_scratch_memory_gives_the_same(name: str, samples: int) -> None:
    """Some samples at a time, and the last time fewer."""
    _, attrs, known = case(name)
    x, w, g = (np.repeat(known[k], n, 0) for k, n in (("x", 3), ("w", 1), ("g", 3)))
    ops = [
        ("conv", (x, w), {}),
        ("conv_input_gradient", (g, w), {"space": x.shape[2:]}),
        ("conv_weight_gradient", (x, g), {"kernel": w.shape[2:]}),
    ]
    for op, operands, more in ops:
        rule, types = REGISTRY[op], [type_of(a) for a in operands]
        assert rule.workspace
        one = rule.workspace(
            *(t if t.shape == w.shape else t.with_shape((1, *t.shape[1:])) for t in types), **attrs, **more
        )
        each = one - w.nbytes if op == "conv_weight_gradient" else one
        out = np.full(rule.infer(*types, **attrs, **more).shape, np.nan)
        work = np.full(one + (samples - 1) * each, 0xA5, np.uint8)
        KERNELS[op](*operands, out=out, work=work, **attrs)
        np.testing.assert_allclose(out, run(rule, operands, {**attrs, **more}), rtol=1e-12, atol=1e-12)


def test_scratch_memory_is_bounded() -> None:
    x, w = TensorType("float32", (4096, 64, 32, 32)), TensorType("float32", (64, 64, 3, 3))
    attrs = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    g = REGISTRY["conv"].infer(x, w, **attrs)
    for op, types, more in (
        ("conv", (x, w), {}),
        ("conv_input_gradient", (g, w), {"space": (32, 32)}),
        ("conv_weight_gradient", (x, g), {"kernel": (3, 3)}),
    ):
        workspace = REGISTRY[op].workspace
        assert workspace
        assert workspace(*types, **attrs, **more) < 5_000_000


def refusal(op: str, *shapes: tuple[Any, ...], **attrs: Any) -> ShapeError:
    with pytest.raises(ShapeError) as caught:
        REGISTRY[op].infer(*(TensorType("float32", shape) for shape in shapes), **attrs)
    return caught.value


def test_matrices_that_do_not_meet_are_refused() -> None:
    error = refusal("matmul", (N, 16), (12, 10))
    assert (error.title, error.label) == ("cannot multiply {0} by {1}", "16 is not 12")
    assert error.axes == ((0, 1), (1, 0))
    error = refusal("matmul", (3, 5, 6), (4, 6, 7))
    assert (error.label, error.axes) == ("3 is not 4, before the matrices", ((0, 0), (1, 0)))


@pytest.mark.parametrize(("shapes", "mend"), [(((5,), (5, 3)), "dot"), (((2, 5), ()), "*")])
def test_matmul_refuses_what_is_no_matrix(shapes: tuple[tuple[int, ...], ...], mend: str) -> None:
    assert mend in refusal("matmul", *shapes).help


@pytest.mark.parametrize(
    ("spec", "shapes", "says"),
    [
        ("ij,jk", ((2, 3), (3, 4)), 'write "ij,jk->ik"'),
        ("...i->i", ((2, 3),), "... has no letters"),
        ("ii->i", ((2, 2),), "i stands twice in ii"),
        ("ij->k", ((2, 3),), "k is in the result"),
        ("ij,jk->ik", ((2, 3),), "names 2 operands, and 1 are given"),
        ("ij->i", ((2, 3, 4),), "ij for 3 axes"),
        ("ij,jk->ik", ((2, 3), (5, 4)), "j is 3 and 5"),
        ("i+j->i", ((2, 3),), "'+' is not a letter"),
    ],
)
def test_einsum_says_what_is_wrong(spec: str, shapes: tuple[tuple[int, ...], ...], says: str) -> None:
    error = refusal("einsum", *shapes, spec=spec)
    assert says in f"{error.title}; {error.label}; {error.help}"


PLAIN: dict[str, Any] = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


@pytest.mark.parametrize(
    ("x", "w", "attrs", "label", "axes"),
    [
        ((N, 3, 8, 8), (6, 4, 3, 3), {}, "3 channels are not 4", ((0, 1), (1, 1))),
        (
            (N, 4, 8, 8),
            (6, 4, 3, 3),
            {"groups": 2},
            "2 channels in each of 2 groups are not 4",
            ((0, 1), (1, 1)),
        ),
        ((N, 4, 8, 8), (6, 4, 3, 3), {"groups": 3}, "4 is not a multiple of 3", ((0, 1),)),
        ((N, 4, 8, 8), (5, 2, 3, 3), {"groups": 2}, "5 is not a multiple of 2", ((1, 0),)),
        ((N, 3, 8, 4), (6, 3, 3, 5), {}, "width 5 of the window is larger than 4", ((0, 3),)),
        ((N, 3, 8), (6, 3, 3, 3), {}, "{1} has 4 axes, and {0} has 3", ()),
    ],
)
def test_conv_names_the_sizes_that_disagree(
    x: tuple[Any, ...], w: tuple[Any, ...], attrs: dict[str, Any], label: str, axes: tuple[Any, ...]
) -> None:
    error = refusal("conv", x, w, **(PLAIN | attrs))
    assert (error.label, error.axes) == (label, axes)


def test_pooling_refuses_windows_of_padding_alone() -> None:
    error = refusal("maxpool", (N, 3, 8), kernel=(2,), stride=(2,), pad=((2, 0),))
    assert error.label == "pad 2 is not less than 2"


def test_the_batch_passes_through() -> None:
    x, w = TensorType("float32", (N, 3, 9, 8)), TensorType("float32", (5, 3, 3, 3))
    assert REGISTRY["conv"].infer(x, w, **PLAIN).shape == (N, 5, 7, 6)
    pool = {"kernel": (2, 2), "stride": (2, 2), "pad": ((0, 0), (0, 0))}
    assert REGISTRY["maxpool"].infer(x, **pool).shape == (N, 3, 4, 4)


def test_a_product_with_one_matrix_is_pulled_back_as_one_product() -> None:
    """∂b of a[N, T, D] @ b[D, K] has no intermediate of N times D times K."""
    builder = Builder(Graph())
    a, b, g = (builder.add("input", (), TensorType("float32", s)) for s in ((N, 5, 3), (3, 4), (N, 5, 4)))
    pullback(builder, a @ b, g, [a, b])
    products = [node.type.shape for node in builder.graph if node.op == "matmul"]
    assert products == [(N, 5, 4), (N, 5, 3), (3, 4)]
