"""Graphs for the tests of passes: formulas that people can compare, random graphs, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from netc.compiler.build import Builder, Value
from netc.compiler.differentiate import differentiate
from netc.compiler.ir import Dim, DType, Extent, Graph, N, Result, TensorType, product, size_at

from ..ops.interpreter import Array, evaluate

LEAVES = ("input", "column", "param", "state")
SHAPES: dict[str, tuple[Any, ...]] = {
    "x": (N, 3),
    "y": (N, 3),
    "u": (3,),
    "w": (3, 4),
    "column": (N, 1),
    "s": (),
    "a": (2, 3, 4),
}
Make = Callable[..., Value]


def made(make: Make, dtype: DType = "float32") -> Graph:
    """The graph of a function: parameters are named as in SHAPES, `i` is int64[N, 1], `build` the builder."""
    graph = Graph()
    build = Builder(graph, precision=dtype)
    operands: list[Any] = []
    for name in make.__code__.co_varnames[: make.__code__.co_argcount]:
        if name == "build":
            operands.append(build)
        elif name == "i":
            operands.append(build.add("input", (), TensorType("int64", (N, 1)), name=name))
        else:
            operands.append(build.add("input", (), TensorType(dtype, SHAPES[name]), name=name))
    graph.results[Result("output", "out")] = make(*operands).id
    return graph


def formula(graph: Graph, id: int | None = None) -> str:
    """What a node computes, as nested calls; the result, unless an id is given."""
    if id is None:
        (id,) = graph.results.values()
    node = graph[id]
    if node.op in LEAVES:
        return node.name
    if node.op == "constant":
        return str(node.attr("value"))
    if node.op == "size":
        return f"size({node.attr('dim')})"
    operands = [formula(graph, o) for o in graph.operands(id)]
    attrs = [
        f"{name}={_shown(value)}" for name, value in node.attrs if not (name == "keep" and value is False)
    ]
    return f"{node.op}({', '.join(operands + attrs)})"


def _shown(value: Any) -> str:
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, tuple) else str(value)


def values(graph: Graph, seed: int = 0) -> list[Array]:
    """The results of a graph, on random leaves that depend on their names alone.

    Shapes are numbers; N stands in size nodes only and is 5.
    """
    fed: dict[int, Array] = {}
    for node in graph:
        if node.op in LEAVES:
            rng = np.random.default_rng([seed, *node.name.encode()])
            shape: Any = node.type.shape
            drawn = rng.integers(0, 2, shape) if node.type.dtype == "int64" else rng.uniform(-1.5, 1.5, shape)
            fed[node.id] = np.asarray(drawn).astype(node.type.dtype)
        elif node.op == "size":
            dim: Any = node.attr("dim")
            fed[node.id] = np.asarray(size_at(dim, 5), node.type.dtype)
    build = Builder(graph)
    return evaluate(graph, [build.value(id) for id in graph.results.values()], fed)


def agree(before: Graph, after: Graph) -> None:
    """The results of both graphs are the same but for rounding, measured against the largest of them."""
    assert list(before.results) == list(after.results)
    for a, b in zip(values(before), values(after), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(a).max(initial=0))))


UNARY = ("neg", "tanh", "sigmoid", "sin", "square", "softplus", "erf")
BINARY = ("add", "sub", "mul")
NUMBERS = (0.0, 1.0, -1.0, 2.0, 0.5, -3.0)


@st.composite
def graphs(draw: Any, gradients: bool = False, rows: Dim = 2) -> Graph:
    """A small float64 graph over elementwise, reducing, moving and multiplying operations.

    rows: of those leaves that have some; an axis that depends on N is taken whole. With gradients, the
    derivatives of the sum of a value with respect to the leaves are results too, and only smooth operations
    are drawn.
    """
    graph = Graph()
    build = Builder(graph, precision="float64")
    shapes: list[tuple[Dim, ...]] = [(rows, 3), (rows, 3), (3,), (rows, 1), ()]
    pool = [build.add("input", (), TensorType("float64", s), name=f"x{i}") for i, s in enumerate(shapes)]
    leaves = [v.id for v in pool]
    pool.append(build.size(N))
    steps = _SMOOTH if gradients else _SMOOTH + _KINKED
    for _ in range(draw(st.integers(1, 9))):
        step = draw(st.sampled_from(steps))
        pool.append(step(draw, build, pool))
    graph.results[Result("output", "last")] = pool[-1].id
    graph.results[Result("output", "other")] = draw(st.sampled_from(pool)).id
    if gradients:
        total = pool[-1].sum(range(len(pool[-1].shape)))
        build.stage = "backward"
        for i, share in enumerate(differentiate(build, total.id, leaves)):
            if share is not None:
                graph.results[Result("output", f"d{i}")] = share.id
    return graph


def _any(draw: Any, pool: Sequence[Value]) -> Value:
    return draw(st.sampled_from(pool[-4:]) | st.sampled_from(pool))


def _unary(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    return _any(draw, pool).op(draw(st.sampled_from(UNARY)))


def _binary(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    return x.op(draw(st.sampled_from(BINARY)), _fitting(draw, x, pool))


def _choice(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    y = _fitting(draw, x, pool)
    op = draw(st.sampled_from(("maximum", "minimum", "where")))
    return pool[0].op("gt", 0.0).sum((0, 1)).op("gt", 2).op("where", x, y) if op == "where" else x.op(op, y)


def _fitting(draw: Any, x: Value, pool: Sequence[Value]) -> Value:
    """A value that broadcasts with x."""
    fits = [y for y in pool if _broadcast(x, y)]
    return draw(st.sampled_from(fits) | st.sampled_from(fits[-3:]))


def _broadcast(x: Value, y: Value) -> bool:
    pairs = zip(reversed(x.shape), reversed(y.shape), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def _with_number(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x, number = _any(draw, pool), draw(st.sampled_from(NUMBERS))
    op = draw(st.sampled_from(("add", "sub", "mul", "div", "rsub", "square", "mean", "times N")))
    if op == "mean":
        return x / build.size(draw(st.sampled_from((N, 2 * N))))
    if op == "times N":
        return build.size(N) * x
    if op == "div":
        return x / (number or 4.0)
    return number - x if op == "rsub" else x**2 if op == "square" else x.op(op, number)


def _sum(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    axes = draw(st.sets(st.integers(0, len(x.shape) - 1))) if x.shape else set[int]()
    return x.sum(sorted(axes), draw(st.booleans()))


def _reshape(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    n = product(x.shape)
    return x.reshape(draw(st.sampled_from([(n,), (1, n), (n, 1), (1, *x.shape)])))


def _transpose(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    return x.transpose(draw(st.permutations(range(len(x.shape)))))


def _repeat(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    if len(x.shape) > 3:
        return x.sum(range(len(x.shape)))
    shape = tuple(2 if d == 1 else d for d in x.shape)
    return x.broadcast(draw(st.sampled_from([shape, (2, *shape), (1, *x.shape)])))


def _cut(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    cuts = [_cut_of(draw, d) for d in x.shape]
    start, step = tuple(a for a, _, _ in cuts), tuple(k for _, _, k in cuts)
    if draw(st.booleans()):
        return x.op("slice", start=start, stop=tuple(b for _, b, _ in cuts), step=step)
    shape = tuple(
        d if isinstance(d, Extent) else a + (d - 1) * k + 1 + a
        for a, d, k in zip(start, x.shape, step, strict=True)
    )
    return x.op("embed", shape=shape, start=start, step=step)


def _cut_of(draw: Any, d: Dim) -> tuple[int, Dim, int]:
    """The first place, the end and the step of a part of an axis."""
    if isinstance(d, Extent):
        return 0, d, 1
    start = draw(st.integers(0, d - 1))
    return start, draw(st.integers(start + 1, d)), draw(st.integers(1, 2))


def _edge(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    axes = [a for a, d in enumerate(x.shape) if isinstance(d, int)]
    if draw(st.booleans()) and axes:
        chosen = draw(st.sets(st.sampled_from(axes)))
        return x.op("flip", axes=tuple(sorted(chosen)))
    if draw(st.booleans()) and axes:
        return build.apply("concat", x, x * 2, axis=draw(st.sampled_from(axes)))
    before, after = (tuple(draw(st.integers(0, int(a in axes))) for a in range(len(x.shape))) for _ in "ba")
    return x.op("pad", before=before, after=after, value=draw(st.sampled_from((0.0, 1.0))))


def _row(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    x = _any(draw, pool)
    if not x.shape:
        return x.op("tanh")
    axis = draw(st.integers(0, len(x.shape) - 1))
    op = draw(st.sampled_from(("softmax", "log_softmax", "logsumexp", "pick")))
    if op == "pick":
        at = build.constant(0).broadcast(tuple(1 if i == axis else d for i, d in enumerate(x.shape)))
        return x.op("take_along", at, axis=axis)
    return x.op(op, axis=axis, keep=draw(st.booleans())) if op == "logsumexp" else x.op(op, axis=axis)


def _product(draw: Any, build: Builder, pool: Sequence[Value]) -> Value:
    matrices = [v for v in pool if len(v.shape) == 2]
    a, b = draw(st.sampled_from(matrices)), draw(st.sampled_from(matrices))
    return a @ b if a.shape[1] == b.shape[0] else a @ b.T if a.shape[1] == b.shape[1] else a.T @ a


_SMOOTH = (_unary, _binary, _with_number, _sum, _reshape, _transpose, _repeat, _cut, _edge, _row, _product)
_KINKED = (_choice,)
