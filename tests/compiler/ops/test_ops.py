"""Every primitive on its samples: values, shapes, both orders of gradients, layouts, writing in place."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from netc.compiler.build import Builder, Value
from netc.compiler.ir import Graph
from netc.compiler.ops import REGISTRY
from netc.compiler.ops.op import Sample

from .interpreter import Array, drawn, evaluate, inputs_for, pullback, run, samples, type_of
from .references import REFERENCES

FED = ("input", "column", "param", "state", "constant")
KINDS = ("elementwise", "reduction", "row", "movement", "contraction", "window")


def differentiable(name: str, sample: Sample) -> bool:
    return name != "stop_gradient" and any(d.dtype == "float64" for d in sample.operands)


def over(cases: list[tuple[str, Sample]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "sample"), cases, ids=[name for name, _ in cases])


every_sample = over(samples())
every_function = over(samples(KINDS))
elementwise = over(samples(("elementwise",)))
every_gradient = over([(n, s) for n, s in samples(KINDS) if differentiable(n, s)])


def operands_of(sample: Sample, precision: Literal["float32", "float64"] = "float64") -> list[Array]:
    rng = np.random.default_rng(11)
    return [drawn(d, rng, precision) for d in sample.operands]


def expected(name: str, operands: list[Array], attrs: dict[str, Any]) -> Array:
    """The reference's result, from operands in double precision."""
    wide = [x.astype("float64") if x.dtype.kind == "f" else x for x in operands]
    return np.asarray(REFERENCES[name](*wide, **attrs))


def assert_close(found: Array, wanted: Array) -> None:
    tolerance = {"float64": 1e-12, "float32": 2e-5}.get(found.dtype.name, 0)
    scale = max(1.0, float(np.abs(wanted.astype("float64")).max(initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("name", [n for n in REGISTRY if n not in FED])
def test_each_operation_has_samples_and_a_reference(name: str) -> None:
    assert REGISTRY[name].samples
    assert name in REFERENCES


@pytest.mark.parametrize("precision", ["float64", "float32"])
@every_sample
def test_values_and_types(name: str, sample: Sample, precision: Literal["float32", "float64"]) -> None:
    op = REGISTRY[name]
    operands = operands_of(sample, precision)
    before = [x.copy() for x in operands]
    found = run(op, operands, sample.attrs)
    wanted = op.infer(*map(type_of, operands), **sample.attrs)
    assert found.shape == wanted.shape
    if op.kind != "leaf":
        assert found.dtype == wanted.dtype
    for x, was in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x, was)
    if op.kind == "random":
        REFERENCES[name](found, **sample.attrs)
    else:
        reference = expected(name, operands, sample.attrs)
        assert reference.shape == found.shape
        assert_close(found, reference)


@pytest.mark.parametrize("layout", ["strided", "transposed"])
@every_function
def test_operands_with_gaps(name: str, sample: Sample, layout: str) -> None:
    operands = operands_of(sample)

    def scattered(x: Array) -> Array:
        if x.ndim == 0:
            return x
        return x.copy("F") if layout == "transposed" else np.repeat(x, 2, axis=-1)[..., ::2]

    found = run(REGISTRY[name], [scattered(x) for x in operands], sample.attrs)
    np.testing.assert_allclose(found, run(REGISTRY[name], operands, sample.attrs), rtol=1e-13, atol=1e-13)


@elementwise
def test_writing_over_an_operand(name: str, sample: Sample) -> None:
    op = REGISTRY[name]
    operands = operands_of(sample)
    result = run(op, operands, sample.attrs)
    for i, x in enumerate(operands):
        if type_of(x) == type_of(result):
            own = [o.copy() for o in operands]
            np.testing.assert_array_equal(run(op, own, sample.attrs, out=own[i]), result)


@elementwise
def test_writing_over_all_operands(name: str, sample: Sample) -> None:
    op = REGISTRY[name]
    x = operands_of(sample)[-1]
    first = x > 0 if op.promotion == "choice" else x
    operands = [first, *[x] * (len(sample.operands) - 1)]
    result = run(op, operands, sample.attrs)
    if type_of(result) == type_of(x):
        np.testing.assert_array_equal(run(op, operands, sample.attrs, out=x), result)


class Weighted:
    """Σ c · op(x), its gradients h, and Σ e · h with its gradients, as one graph in double precision."""

    def __init__(self, name: str, sample: Sample) -> None:
        self.rng = np.random.default_rng(5)
        arrays = [drawn(d, self.rng) for d in sample.operands]
        self.builder = Builder(Graph(), precision="float64")
        self.operands = inputs_for(self.builder, arrays)
        y = self.builder.apply(name, *self.operands, **sample.attrs)
        self.feeds = dict(zip((v.id for v in self.operands), arrays, strict=True))
        self.cotangent = self.fed(y)
        self.first = self.total([(y.cast("float64"), self.cotangent)])
        self.variables = [v for v in self.operands if v.type.is_float]
        self.first_gradients = (
            pullback(self.builder, y, self.cotangent, self.variables) if y.type.is_float else []
        )

    def fed(self, like: Value) -> Value:
        (value,) = inputs_for(self.builder, [np.zeros([int(str(d)) for d in like.shape])])
        self.feeds[value.id] = self.rng.uniform(-1, 1, value.type.shape)
        return value

    def total(self, terms: list[tuple[Value, Value]]) -> Value:
        sums = [(a * b).sum(range(len(a.shape))) for a, b in terms]
        return sum(sums[1:], sums[0])

    def check(self, scalar: Value, variables: list[Value], gradients: list[Value | None]) -> None:
        """Σ gradient · direction against the central difference of the scalar along random directions."""
        known = [(v, g) for v, g in zip(variables, gradients, strict=True) if g is not None]
        slopes = evaluate(self.builder.graph, [g for _, g in known], self.feeds)
        for _ in range(2):
            way = {v.id: self.rng.uniform(-1, 1, v.type.shape) for v in variables}
            found = sum(float(np.sum(s * way[v.id])) for (v, _), s in zip(known, slopes, strict=True))
            step = 1e-5

            def at(h: float, way: dict[int, Array] = way) -> float:
                moved = {i: np.asarray(x + h * way[i]) if i in way else x for i, x in self.feeds.items()}
                return float(evaluate(self.builder.graph, [scalar], moved)[0])

            # Richardson's extrapolation: the error is of fourth order in the step.
            near, far = ((at(h) - at(-h)) / (2 * h) for h in (step, 2 * step))
            assert found == pytest.approx((4 * near - far) / 3, rel=1e-6, abs=1e-7)


@every_gradient
def test_gradient(name: str, sample: Sample) -> None:
    """Where an operation has no rule, or gives no share, the difference must be 0."""
    test = Weighted(name, sample)
    gradients = test.first_gradients or [None] * len(test.variables)
    test.check(test.first, test.variables, gradients)


@every_gradient
def test_second_gradient(name: str, sample: Sample) -> None:
    test = Weighted(name, sample)
    first = [h for h in test.first_gradients if h is not None]
    if not first:
        return
    scalar = test.total([(h, test.fed(h)) for h in first])
    variables = [*test.variables, test.cotangent]
    test.check(scalar, variables, pullback(test.builder, scalar, test.builder.constant(1.0), variables))
