"""Sums of products on a matrix unit, against NumPy, where this machine has one."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.emit.native import build, matrix, matrix_unit
from netc.compiler.emit.native.isa import AMX
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.native.jit import host

from .running import Array, both
from .test_contraction import check, check_update, matrices

unit = pytest.mark.skipif(host().isa is not AMX, reason="this machine has no matrix unit that may be used")


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the smallest sums that it can make are left to the unit."""
    monkeypatch.setattr(matrix, "_WORTH", float("inf"))


@unit
@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("n", [1, 6, 16, 37, 64])
def test_products(n: int) -> None:
    rng = np.random.default_rng(n)
    check(list(matrices(rng)), n, "float32", rng)


@unit
@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("n", [16, 37, 300])
@pytest.mark.parametrize("columns", [130, 192])
def test_sums_end_in_updates(n: int, columns: int) -> None:
    check_update(n, 70, columns, AMX)


def sums(a: Array, b: Array) -> tuple[Array, Array]:
    """a @ b as native code, and by NumPy."""
    build = Builder(Graph())
    arrays = {"a": a, "b": b}
    leaves = [
        build.add("param", (), TensorType("float32", array.shape), name=name)
        for name, array in arrays.items()
    ]
    build.graph.results[Result("value", "c")] = build.apply("matmul", *leaves).id
    found, wanted = both(build.graph, 1, arrays)
    return found[Result("value", "c")], wanted[Result("value", "c")]


def normal(*shape: int) -> Array:
    return np.random.default_rng(list(shape)).normal(size=shape).astype("float32")


@unit
@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, np.finfo("float32").max])
@pytest.mark.parametrize(("m", "k", "n"), [(48, 70, 64), (20, 33, 23)])
def test_infinite_numbers_stay_so(odd: float, m: int, k: int, n: int) -> None:
    """Their parts would be no numbers."""
    a, b = normal(m, k), normal(k, n)
    a[3, 5] = odd
    b[7] = 0
    a[m - 1, 7] = odd  # times 0
    with np.errstate(all="ignore"):
        found, wanted = sums(a, b)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_array_equal(np.isposinf(found), np.isposinf(wanted))
    np.testing.assert_array_equal(np.isneginf(found), np.isneginf(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@unit
@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12, 1e18])
@pytest.mark.parametrize("k", [32, 500, 4000])
def test_it_rounds_as_float32_does(scale: float, k: int) -> None:
    """Whatever the numbers' size is, and however long the sums are."""
    a, b = normal(64, k) * np.float32(scale), np.abs(normal(k, 64))
    found, _ = sums(a, b)
    exact = a.astype("float64") @ b.astype("float64")
    size = np.abs(a).astype("float64") @ np.abs(b).astype("float64")
    assert np.abs(found - exact).max() <= np.finfo("float32").eps * size.max()


@unit
@pytest.mark.usefixtures("always")
def test_no_bit_depends_on_how_the_tiles_are_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = normal(160, 300), normal(300, 160)
    found, _ = sums(a, b)
    for module, name, value in ((matrix, "_PASSING", 3), (matrix, "_KEPT", 2), (matrix_unit, "_WAITING", 1)):
        monkeypatch.setattr(module, name, value)
        np.testing.assert_array_equal(sums(a, b)[0], found)


def test_an_operand_of_several_products_is_split_once() -> None:
    """As that which queries, keys and values are made of."""
    b = Builder(Graph())
    x = b.add("input", (), TensorType("float32", (N, 512)), name="x")
    for name in "qk":
        w = b.add("param", (), TensorType("float32", (512, 256)), name=name)
        b.graph.results[Result("value", name)] = (x @ w).id
    about = [kernel.about for kernel in build(b.graph, 256, AMX).kernels]
    assert len([name for name in about if name.startswith("tiles")]) == 1


@unit
@pytest.mark.usefixtures("always")
def test_what_has_changed_is_split_again() -> None:
    """A state in a product, its new value, which lies in the same memory, in another."""
    b = Builder(Graph())
    types = {"s": TensorType("float32", (64, 64)), "x": TensorType("float32", (80, 64))}
    s, x = (b.add("state" if n == "s" else "param", (), t, name=n) for n, t in types.items())
    changed = s * 0.5 + (x @ s).sum((0,)) * 0.01
    results = {Result("update", "s"): changed, Result("value", "y"): x @ changed}
    b.graph.results.update({result: value.id for result, value in results.items()})
    found, wanted = both(b.graph, 1, {"s": normal(64, 64), "x": normal(80, 64)})
    for result, value in wanted.items():
        np.testing.assert_allclose(found[result], value, rtol=1e-4, atol=1e-4)


def program(m: int, k: int, n: int) -> str:
    builder = Builder(Graph())
    shapes = {"a": (m, k), "b": (k, n)}
    leaves = [builder.add("param", (), TensorType("float32", s), name=name) for name, s in shapes.items()]
    builder.graph.results[Result("value", "c")] = builder.apply("matmul", *leaves).id
    return build(builder.graph, 1, AMX).text


def test_small_and_narrow_products_are_left_to_vectors() -> None:
    assert "tdpbf16ps" in program(256, 256, 256)
    assert "tdpbf16ps" not in program(256, 256, 8)
    assert "tdpbf16ps" not in program(16, 16, 16)


def test_it_compiles_anywhere() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly(program(250, 250, 250), llvm.create_context())
    module.verify()
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    assert target.create_target_machine("sapphirerapids").emit_object(module)
