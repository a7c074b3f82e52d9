"""Each rule of simplify on the smallest graph that it is for."""

from __future__ import annotations

import pytest

from netc.compiler.build import Value
from netc.compiler.ir import N, Result
from netc.compiler.passes import cse, simplify
from netc.compiler.verify import verify

from .graphs import Make, formula, made

POOL = {"kernel": (2,), "stride": (2,), "pad": ((0, 0),)}


def ones(x: Value) -> Value:
    return x.builder.constant(1.0, x.dtype).broadcast(x.shape)


CASES: list[tuple[str, Make, str]] = [
    # neutral elements
    ("x + 0", lambda x: x + 0, "x"),
    ("0 + x", lambda x: 0 + x, "x"),
    ("x - 0", lambda x: x - 0, "x"),
    ("0 - x", lambda x: 0 - x, "neg(x)"),
    ("x * 1", lambda x: 1 * x, "x"),
    ("x / 1", lambda x: x / 1, "x"),
    ("x * -1", lambda x: x * -1, "neg(x)"),
    ("x * 0", lambda x: x * 0, "broadcast(0.0, shape=[N, 3])"),
    ("x - x", lambda x: x - x, "broadcast(0.0, shape=[N, 3])"),
    ("x + x", lambda x: x + x, "mul(2.0, x)"),
    ("x * ones", lambda x: x * ones(x), "x"),
    ("u * ones of x's shape", lambda u, x: u * ones(x), "broadcast(u, shape=[N, 3])"),
    # signs
    ("--x", lambda x: x.op("neg").op("neg"), "x"),
    ("x + -y", lambda x, y: x + -y, "sub(x, y)"),
    ("-x + y", lambda x, y: -x + y, "sub(y, x)"),
    ("x - -y", lambda x, y: x - -y, "add(x, y)"),
    ("-x - y", lambda x, y: -x - y, "neg(add(x, y))"),
    ("-(x - y)", lambda x, y: -(x - y), "sub(y, x)"),
    ("-x * -y", lambda x, y: -x * -y, "mul(x, y)"),
    ("-x / y", lambda x, y: -x / y, "neg(div(x, y))"),
    ("-(2 x)", lambda x: -(2 * x), "mul(-2.0, x)"),
    ("(-x)²", lambda x: (-x).op("square"), "square(x)"),
    # known numbers
    ("2 * (x * 3)", lambda x: 2 * (x * 3), "mul(6.0, x)"),
    ("(x + 1) - 3", lambda x: (x + 1) - 3, "add(x, -2.0)"),
    ("1 - (3 - x)", lambda x: 1 - (3 - x), "add(x, -2.0)"),
    ("2 + 3", lambda build: build.constant(2.0) + 3, "5.0"),
    ("0.1 + 0.2 in float32", lambda build: build.constant(0.1) + 0.2, "0.3"),
    ("7 / 2 of integers", lambda build: build.constant(7) / 2, "3.5"),
    ("2 < 3", lambda build: build.constant(2).op("lt", 3), "True"),
    ("√4", lambda build: build.constant(4.0).op("sqrt"), "2.0"),
    ("log 0", lambda build: build.constant(0.0).op("log"), "log(0.0)"),
    (
        "a number in an array",
        lambda build: build.constant(2.0).broadcast((3,)) * 3,
        "broadcast(6.0, shape=[3])",
    ),
    ("cast of a number", lambda build: build.constant(3).cast("float32"), "3.0"),
    ("a fixed size", lambda build: build.apply("size", dim=6, dtype="float32"), "6.0"),
    # quotients
    ("x * (1 / y)", lambda x, y: x * (1 / y), "div(x, y)"),
    ("x * reciprocal(y)", lambda x, y: x * y.op("reciprocal"), "div(x, y)"),
    ("2 x / N", lambda build, x: (x * 2) / build.size(N), "mul(x, div(2.0, size(N)))"),
    ("3 * (2 / N)", lambda build: 3 * (2 / build.size(N)), "div(6.0, size(N))"),
    ("x N / N", lambda build, x: (x * build.size(N)) / build.size(N), "x"),
    ("x / s - y / s", lambda x, y, s: x / s - y / s, "div(sub(x, y), s)"),
    ("s x + s y", lambda x, y, s: s * x + y * s, "mul(add(x, y), s)"),
    # powers
    ("x ^ 1", lambda x: x**1, "x"),
    ("x ^ 2", lambda x: x**2, "square(x)"),
    ("x ^ 0.5", lambda x: x**0.5, "sqrt(x)"),
    ("x ^ -1", lambda x: x**-1, "reciprocal(x)"),
    ("x ^ 0", lambda x: x**0, "broadcast(1.0, shape=[N, 3])"),
    ("x x", lambda x: x * x, "square(x)"),
    # choices
    ("max(x, x)", lambda x: x.op("maximum", x), "x"),
    ("where(b, x, x)", lambda x: x.op("gt", 0).op("where", x, x), "x"),
    ("where(true, x, y)", lambda build, x, y: build.constant(True).op("where", x, y), "x"),
    (
        "where(false, x, u)",
        lambda build, x, u: build.constant(False).op("where", x, u),
        "broadcast(u, shape=[N, 3])",
    ),
    ("where(not b, x, y)", lambda x, y: x.op("gt", y).op("not").op("where", x, y), "where(gt(x, y), y, x)"),
    ("|-x|", lambda x: (-x).op("abs"), "abs(x)"),
    # casts
    ("cast to the same", lambda x: x.op("cast", dtype="float32"), "x"),
    (
        "widened twice",
        lambda x: x.op("gt", 0).cast("int64").cast("float32"),
        "cast(gt(x, 0.0), dtype=float32)",
    ),
    (
        "cut, then widened",
        lambda x: x.cast("int64").cast("float32"),
        "cast(cast(x, dtype=int64), dtype=float32)",
    ),
    # broadcasting
    ("x + repeated u", lambda x, u: x + u.broadcast((N, 3)), "add(x, u)"),
    ("tanh of repeated u", lambda u: u.broadcast((N, 3)).op("tanh"), "broadcast(tanh(u), shape=[N, 3])"),
    ("s + [[s]]", lambda x, s: x * s.reshape((1, 1)), "mul(x, s)"),
    ("repeated twice", lambda u: u.broadcast((1, 3)).broadcast((N, 3)), "broadcast(u, shape=[N, 3])"),
    ("repeated column", lambda x, column: x + column.broadcast((N, 3)), "add(x, column)"),
    # movements
    ("reshape to the same", lambda x: x.op("reshape", shape=(N, 3)), "x"),
    ("reshape twice", lambda a: a.reshape((6, 4)).reshape((24,)), "reshape(a, shape=[24])"),
    ("there and back", lambda a: a.reshape((6, 4)).reshape((2, 3, 4)), "a"),
    ("transpose twice", lambda w: w.T.T, "w"),
    ("no transpose", lambda w: w.op("transpose", axes=(0, 1)), "w"),
    (
        "two transposes",
        lambda a: a.transpose((1, 0, 2)).transpose((2, 1, 0)),
        "transpose(a, axes=[2, 0, 1])",
    ),
    ("whole slice", lambda w: w.op("slice", start=(0, 0), stop=(3, 4), step=(1, 1)), "w"),
    (
        "slice of a slice",
        lambda a: a.op("slice", start=(0, 0, 1), stop=(2, 3, 4), step=(1, 2, 1)).op(
            "slice", start=(1, 1, 0), stop=(2, 2, 3), step=(1, 1, 2)
        ),
        "slice(a, start=[1, 2, 1], step=[1, 2, 2], stop=[2, 3, 4])",
    ),
    (
        "slice of where it was put",
        lambda w: w.op("embed", shape=(9, 4), start=(2, 0), step=(3, 1)).op(
            "slice", start=(2, 0), stop=(9, 4), step=(3, 1)
        ),
        "w",
    ),
    (
        "slice between padding",
        lambda w: w.op("pad", before=(1, 0), after=(2, 0), value=7.0).op(
            "slice", start=(1, 0), stop=(4, 4), step=(1, 1)
        ),
        "w",
    ),
    (
        "one part of what was joined",
        lambda x, column: x.op("concat", column, axis=1).op("slice", start=(0, 3), stop=(N, 4), step=(1, 1)),
        "column",
    ),
    ("no padding", lambda w: w.op("pad", before=(0, 0), after=(0, 0), value=0.0), "w"),
    ("nothing to join", lambda w: w.op("concat", axis=0), "w"),
    ("flipped twice", lambda w: w.op("flip", axes=(0, 1)).op("flip", axes=(1,)), "flip(w, axes=[0])"),
    ("flip of one place", lambda column: column.op("flip", axes=(1,)), "column"),
    (
        "one number, moved",
        lambda s: s.broadcast((3, 4)).T.op("flip", axes=(0,)).reshape((12,)),
        "broadcast(s, shape=[12])",
    ),
    ("(a @ bᵀ)ᵀ", lambda x, w: (x @ w.T.T).T, "transpose(matmul(x, w), axes=[1, 0])"),
    ("(xᵀ @ y)ᵀ", lambda x, y: (x.T @ y).T, "matmul(transpose(y, axes=[1, 0]), x)"),
    # reductions
    ("sum of no axis", lambda x: x.op("sum", axis=(), keep=False), "x"),
    ("sum of one place", lambda column: column.sum((1,)), "reshape(column, shape=[N])"),
    ("maximum of one place", lambda column: column.op("max", axis=(1,), keep=True), "column"),
    ("sum of a sum", lambda a: a.sum((1,)).sum((1,)), "sum(a, axis=[1, 2])"),
    ("sum of repeated s", lambda x, s: s.broadcast(x.shape).sum((0, 1)), "mul(s, size(3*N))"),
    ("sum of repeated u", lambda x, u: u.broadcast(x.shape).sum((0,)), "mul(u, size(N))"),
    ("sum of ones", lambda x: ones(x).sum((1,)), "broadcast(3.0, shape=[N])"),
    ("sum of all, transposed", lambda x: x.T.sum((0, 1)), "sum(x, axis=[0, 1])"),
    ("sum of all, reshaped", lambda a: a.reshape((6, 4)).sum((0, 1)), "sum(a, axis=[0, 1, 2])"),
    ("sum of a transpose", lambda x: x.T.sum((1,)), "sum(x, axis=[0])"),
    ("sum of a softmax", lambda x: x.op("softmax", axis=1).sum((1,)), "broadcast(1.0, shape=[N])"),
    (
        "sum of what was put",
        lambda column, i: column.op("put_along", i, axis=1, size=9).sum((1,)),
        "reshape(column, shape=[N])",
    ),
    (
        "sum of what was embedded",
        lambda x: -x.op("embed", shape=(N, 9), start=(0, 2), step=(1, 3)).sum((1,)),
        "neg(reshape(sum(x, axis=[1], keep=True), shape=[N]))",
    ),
    (
        "one number put in each row",
        lambda x, s, i: s.broadcast((N, 1)).op("put_along", i, axis=1, size=9),
        "mul(one_hot(reshape(i, shape=[N]), classes=9, dtype=float32), s)",
    ),
    ("sum of a scaled x", lambda u, x: (x * u).sum((0,)), "mul(sum(x, axis=[0]), u)"),
    (
        "sum of x over y",
        lambda column, x: (x / column).sum((1,), keep=True),
        "div(sum(x, axis=[1], keep=True), column)",
    ),
    (
        "sum of a scaled product",
        lambda u, x, y: ((x * u) * y).sum((0,), keep=True),
        "mul(sum(mul(x, y), axis=[0], keep=True), u)",
    ),
    (
        "maxima of a shifted image",
        lambda a, s: (a + s).op("maxpool", **POOL),
        "add(maxpool(a, kernel=[2], pad=[[0, 0]], stride=[2]), s)",
    ),
    (
        "places of a shifted image's maxima",
        lambda a, s: a.op("maxpool", **POOL).op("maxpool_scatter", a + s, **POOL),
        "maxpool_scatter(maxpool(a, kernel=[2], pad=[[0, 0]], stride=[2]), a, "
        "kernel=[2], pad=[[0, 0]], stride=[2])",
    ),
    (
        "sum of what was put where the maxima are",
        lambda a: a.op("maxpool", **POOL).op("maxpool_scatter", a, **POOL).sum((0, 2)),
        "reshape(sum(maxpool(a, kernel=[2], pad=[[0, 0]], stride=[2]), axis=[0, 2], keep=True), shape=[3])",
    ),
    ("sum of -x", lambda x: (-x).sum((0,)), "neg(sum(x, axis=[0]))"),
    (
        "sum of the squares of what was joined",
        lambda x, column: x.op("concat", column, axis=1).op("square").sum((1,)),
        "add(sum(square(x), axis=[1]), reshape(square(column), shape=[N]))",
    ),
    (
        "sum of all squares, reshaped",
        lambda a: a.reshape((24,)).op("square").sum((0,)),
        "sum(square(a), axis=[0, 1, 2])",
    ),
    (
        "a multiple of one part",
        lambda a, w: (
            (2 * a.reshape((24,)).op("concat", w.reshape((12,)), axis=0))
            .op("slice", start=(24,), stop=(36,), step=(1,))
            .reshape((3, 4))
        ),
        "mul(2.0, w)",
    ),
    # products
    ("small first", lambda x, column: column * (2 * x), "mul(mul(column, 2.0), x)"),
    ("small first, of two", lambda x, column, s: (x * column) * s, "mul(mul(s, column), x)"),
    (
        "xᵀ @ ones",
        lambda x, y: x.T @ ones(y),
        "broadcast(reshape(sum(x, axis=[0]), shape=[3, 1]), shape=[3, 3])",
    ),
    (
        "repeated rows",
        lambda x, u: x.T @ u.broadcast(x.shape),
        "mul(reshape(sum(x, axis=[0]), shape=[3, 1]), u)",
    ),
    (
        "repeated columns",
        lambda x, w, column: column.broadcast((N, 3)) @ w,
        "mul(column, sum(w, axis=[0], keep=True))",
    ),
]


@pytest.mark.parametrize(("make", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_rule(make: Make, expected: str) -> None:
    before = made(make)
    after = simplify(cse(before))
    verify(after, "simplify")
    assert formula(after) == expected
    (a,), (b,) = before.results.values(), after.results.values()
    assert before[a].type == after[b].type


KEPT: list[tuple[str, Make]] = [
    ("integer division by a cast", lambda i: i.cast("float32").cast("int64")),
    ("product that is read twice", lambda x, y: (x.T @ y).T + (x.T @ y)),
    ("stop_gradient", lambda x: x.op("stop_gradient")),
    (
        "slice of another part",
        lambda w: w.op("pad", before=(1, 0), after=(2, 0), value=7.0).op(
            "slice", start=(0, 0), stop=(3, 4), step=(1, 1)
        ),
    ),
    ("sum of padding that counts", lambda w: w.op("pad", before=(1, 0), after=(0, 0), value=7.0).sum((0,))),
    ("sum of one place and more", lambda column: column.sum((0, 1))),
    ("sum of -x that is read twice", lambda x: (-x).sum((0,)) + (-x).op("exp")),
    ("sum of x scaled along it", lambda u, x: (x * u).sum((1,))),
    ("sum of a multiple of x", lambda s, x: (x * s).sum((0,))),
    ("sum of a smaller factor", lambda u, column: (u * column).sum((0,))),
    (
        "maxima of an image shifted along them",
        lambda a: (a + a.sum((1,), keep=True)).op("maxpool", **POOL),
    ),
    (
        "sum of the other axes of what was put where the maxima are",
        lambda a: a.op("maxpool", **POOL).op("maxpool_scatter", a, **POOL).sum((0,)),
    ),
    ("outer product", lambda u, column, x: u * (column * x.sum((0,)))),
    ("sum of integers repeated", lambda i: i.broadcast((N, 4)).sum((1,))),
]


@pytest.mark.parametrize("make", [c[1] for c in KEPT], ids=[c[0] for c in KEPT])
def test_is_left_alone(make: Make) -> None:
    before = cse(made(make))
    assert formula(simplify(before)) == formula(before)


def test_names_move_with_values() -> None:
    def make(x: Value, y: Value) -> Value:
        build = x.builder
        z = build.apply("mul", x + y, 1.0, name="z")
        return build.apply("add", z.op("tanh"), 0.0, name="h")

    graph = simplify(made(make))
    named = {node.name: node.op for node in graph}
    assert named == {"x": "input", "y": "input", "z": "add", "h": "tanh"}


def test_a_name_is_not_taken_from_its_owner() -> None:
    graph = simplify(made(lambda x: x.builder.apply("mul", x, 1.0, name="scaled")))
    assert [node.name for node in graph] == ["x"]


def test_numbers_have_no_names() -> None:
    graph = simplify(made(lambda x: x + x.builder.apply("add", x.builder.constant(1.0), 2.0, name="three")))
    assert {node.name for node in graph} == {"x", ""}


def test_scope_stage_and_origin_stay() -> None:
    def make(x: Value) -> Value:
        build = x.builder
        with build.within(stage="backward", of=x.id):
            return x * 2.0 * 3.0

    graph = simplify(made(make))
    (node,) = (node for node in graph if node.op == "mul")
    assert (node.stage, node.of) == ("backward", 0)


def test_unused_leaves_stay() -> None:
    graph = simplify(made(lambda x, y, s: x * 0))
    assert list(graph.leaves("input")) == ["x", "y", "s"]
    assert list(graph.results) == [Result("output", "out")]
