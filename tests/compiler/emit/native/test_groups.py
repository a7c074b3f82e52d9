"""Which operations become one kernel; and random graphs, whose operations are grouped and ordered anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netc.compiler.build import Builder, Value
from netc.compiler.emit.native import build
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.native.jit import host

from .running import assert_close, by_native, by_numpy

BATCH = 9


def leaf(b: Builder, name: str, *shape: int) -> Value:
    """With samples, if the name is x or y."""
    op, axes = ("input", (N, *shape)) if name in ("x", "y") else ("param", shape)
    return b.add(op, (), TensorType("float32", axes), name=name)


def kernels(*results: Value) -> list[str]:
    """What the kernels are called, those that bring the batch in left out."""
    graph = results[0].builder.graph
    graph.results |= {Result("value", f"r{i}"): value.id for i, value in enumerate(results)}
    program = build(graph, 512, host().isa)
    return [k.about for k in program.kernels if not k.about.startswith(("batch", "result"))]


@pytest.fixture
def b() -> Builder:
    return Builder(Graph())


def test_sums_of_the_same_share_a_kernel(b: Builder) -> None:
    x = leaf(b, "x", 16, 32)
    assert len(kernels(x.sum((0, 2)), (x * x).sum((0, 2)), x.op("exp").sum((0, 2), keep=True))) == 1


def test_sums_along_other_axes_do_not(b: Builder) -> None:
    x = leaf(b, "x", 16, 32)
    assert len(kernels(x.sum((0, 2)), x.sum((0, 1)))) == 2


def test_a_sum_that_needs_another_does_not(b: Builder) -> None:
    x = leaf(b, "x", 16, 32)
    mean = x.sum((0, 2), keep=True) * 0.001
    assert len(kernels(((x - mean) * x).sum((0, 2)))) == 3  # one of them scales the mean


@pytest.mark.parametrize("features", [128, 102, 97])  # four, three and one of them at a time
@pytest.mark.parametrize("n", [32, 19])
def test_sums_of_what_lies_apart(b: Builder, features: int, n: int) -> None:
    """From one round of such a sum to the next is a page of memory; one of the values is also stored."""
    x, y = leaf(b, "x", 40, features), leaf(b, "y", 40, 1)
    h = x * y
    sums = (h.sum((0, 1)), (h * x).sum((0, 1)), x.sum((0, 1)), h)
    b.graph.results |= {Result("value", f"r{i}"): value.id for i, value in enumerate(sums)}
    rng = np.random.default_rng(n)
    arrays = {
        name: rng.standard_normal((n, 40, size), np.float32) for name, size in (("x", features), ("y", 1))
    }
    found, wanted = by_native(b.graph, n, arrays), by_numpy(b.graph, n, arrays)
    for result, value in wanted.items():
        assert_close(found[result], value, result.name)


def test_what_is_stored_is_summed_on_the_way(b: Builder) -> None:
    x, w = leaf(b, "x", 16, 32), leaf(b, "w", 32, 32)
    h = (x @ w).op("tanh")
    assert len(kernels(h @ w, h.sum((0, 2)))) == 3  # two products, and tanh with its sum


def test_a_little_arithmetic_is_done_again(b: Builder) -> None:
    x, gain = leaf(b, "x", 16, 32), leaf(b, "w", 16, 1)
    scaled = x * gain
    mean = scaled.sum((0, 2), keep=True) * 0.001
    assert len(kernels((scaled - mean).op("tanh"))) == 3
    largest = max(k.moved for k in build(b.graph, 512, host().isa).kernels)
    assert largest < 2.1 * 4 * 512 * 16 * 32  # x in, the result out


def test_the_gradient_of_batch_norm_takes_two_passes(b: Builder) -> None:
    """Ioffe & Szegedy 2015: the sums of dy and of dy x̂, then dx."""
    x, y, gain = leaf(b, "x", 16, 32), leaf(b, "y", 16, 32), leaf(b, "w", 16, 1)
    n = b.size(N) * 32.0
    centred = x - x.sum((0, 2), keep=True) / n
    scale = (centred.op("square").sum((0, 2), keep=True) / n + 1e-5).op("rsqrt")
    dgain = (y * centred * scale).sum((0, 2), keep=True)
    dx = (y - y.sum((0, 2), keep=True) / n - centred * scale * (dgain / n)) * (gain * scale)
    names = kernels(dx, dgain)
    assert len([name for name in names if "sum" in name]) <= 3


OPERATIONS = ("add", "mul", "tanh", "centre", "sum", "matmul", "turn", "flat", "max", "relu", "total")


def grown(b: Builder, steps: Sequence[tuple[str, int, int]]) -> list[Value]:
    """A graph of [N, 3, 4], [3, 4] and [3, 1] values, that grows by operations on those there are."""
    x, y, w, v = leaf(b, "x", 3, 4), leaf(b, "y", 3, 4), leaf(b, "w", 3, 4), leaf(b, "v", 3, 1)
    square = leaf(b, "u", 4, 4)
    whole, shared = [x, y], [w, v]
    for op, i, j in steps:
        a, other, common = whole[i % len(whole)], whole[j % len(whole)], shared[j % len(shared)]
        match op:
            case "add":
                whole.append(a + common)
            case "mul":
                whole.append(a * other * 0.5)
            case "tanh" | "relu":
                whole.append(a.op(op))
            case "centre":
                whole.append(a - a.sum((0, 2), keep=True) / (b.size(N) * 4.0))
            case "sum":
                shared.append((a * common).sum((0,)) * 0.1)
            case "max":
                shared.append(a.op("max", axis=(0, 2), keep=True).reshape((3, 1)))
            case "matmul":
                whole.append((a @ square) * 0.3)
            case "turn":
                whole.append(a.transpose((0, 2, 1)).reshape((N, 3, 4)))
            case "flat":
                whole.append(a.reshape((N, 12)).op("sigmoid").reshape((N, 3, 4)))
            case _:
                shared.append((w * a.sum((0, 1, 2)) * 0.01).op("tanh"))
    return [*whole[2:], *shared[2:]]


# Two sums of x and y, each of which a later value of the other one needs: no two kernels for both.
CROSSED = [("add", 0, 0), ("sum", 1, 0), ("sum", 0, 0), ("sum", 1, 3), ("add", 0, 2)]


@settings(max_examples=60, deadline=None)
@example(CROSSED, [1])
@given(
    st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 9), st.integers(0, 9)), max_size=14),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_random_graphs(steps: Sequence[tuple[str, int, int]], shown: Sequence[int]) -> None:
    """Some values are results, and w is updated in place from the last ones."""
    b = Builder(Graph())
    made = grown(b, steps)
    w = next(Value(b, node.id) for node in b.graph if node.name == "w")
    last = [v for v in made if v.shape == w.shape]
    results = {Result("value", f"r{i}"): made[i % len(made)].id for i in shown if made}
    updated = w - (last[-1] if last else w) * 0.1
    b.graph.results |= {**results, Result("update", "w"): updated.id}
    rng = np.random.default_rng(len(steps))
    shapes = {"x": (BATCH, 3, 4), "y": (BATCH, 3, 4), "w": (3, 4), "v": (3, 1), "u": (4, 4)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    found, wanted = by_native(b.graph, BATCH, arrays), by_numpy(b.graph, BATCH, arrays)
    for result, value in wanted.items():
        assert_close(found[result], value, str(result), rounding=256)


@pytest.mark.parametrize("width", [3, 16, 20])
@pytest.mark.parametrize("samples", [9, 500])
def test_the_weights_are_updated_as_their_gradient_is_complete(width: int, samples: int) -> None:
    """Momentum, in one kernel with the product. Of many samples the sums are made in chunks, and in two."""
    b = Builder(Graph())
    x, g = leaf(b, "x", 30), leaf(b, "y", width)
    w, v = leaf(b, "w", 30, width), leaf(b, "v", 30, width)
    new_v = v * 0.9 + x.T @ g
    b.graph.results |= {Result("update", "v"): new_v.id, Result("update", "w"): (w - new_v * 0.01).id}
    names = [kernel.about for kernel in build(b.graph, 9, host().isa).kernels]
    assert not any(name.startswith(("sub", "add")) for name in names)
    rng = np.random.default_rng(width)
    shapes = {"x": (samples, 30), "y": (samples, width), "w": (30, width), "v": (30, width)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    found, wanted = by_native(b.graph, samples, arrays), by_numpy(b.graph, samples, arrays)
    for result, value in wanted.items():
        assert_close(found[result], value, str(result), rounding=64)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 3), st.sampled_from((1, 9, 300, 900)))
def test_updates_of_any_size(sizes: tuple[int, int, int], samples: int) -> None:
    """What is left over of a vector loop may be made in chunks where the rest is not."""
    heads, rows, columns = sizes
    b = Builder(Graph())
    x, g = leaf(b, "x", heads, rows), leaf(b, "y", heads, columns)
    w = leaf(b, "w", heads, rows, columns)
    gradient = b.apply("einsum", x, g, spec="nhi,nhj->hij")
    b.graph.results[Result("update", "w")] = (w - gradient * 0.01).id
    rng = np.random.default_rng(sum(sizes))
    shapes = {"x": (samples, heads, rows), "y": (samples, heads, columns), "w": sizes}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    update = Result("update", "w")
    found, wanted = by_native(b.graph, samples, arrays), by_numpy(b.graph, samples, arrays)
    assert_close(found[update], wanted[update], rounding=64)
