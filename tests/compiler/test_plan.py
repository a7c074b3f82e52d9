"""Plans are run, as NumPy programs, and compared with evaluation node by node into fresh arrays."""

import time
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netc.compiler.ops  # noqa: F401  (fills the registry)
from netc.compiler.build import Builder
from netc.compiler.emit.kernels import KERNELS
from netc.compiler.emit.numpy import arguments, emit_function
from netc.compiler.emit.program import IMPORT, kernels_of, program_of
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.compiler.ops.op import REGISTRY, ShapeError
from netc.compiler.plan import plan
from netc.compiler.storage import Fixed, Held, Literal, Slot, View, bound, bound_attr
from netc.runtime.device import Device
from netc.runtime.program import load

REFERENCE = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
    "gt": np.greater,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "neg": np.negative,
    "where": np.where,
    "cast": lambda x, dtype: x.astype(dtype),
    "matmul": np.matmul,
    "sum": lambda x, axis, keep: np.sum(x, axis=axis, keepdims=keep),
    "softmax": lambda x, axis: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.transpose(axes),
    "broadcast": lambda x, shape: np.broadcast_to(x, shape),
    "flip": lambda x, axes: np.flip(x, axes),
    "stop_gradient": lambda x: x,
    "slice": lambda x, start, stop, step: x[tuple(map(slice, start, stop, step))],
    "range": lambda size, dtype: np.arange(size, dtype=dtype),
}


def evaluate(graph: Graph, n: int, leaves: dict[str, np.ndarray], counters: dict[str, int]):
    """The value of every node, each in an array of its own."""
    values: dict[int, np.ndarray] = {}
    for node in graph:
        attrs = {name: bound_attr(value, n) for name, value in node.attrs}
        match node.op:
            case "input" | "column" | "param" | "state":
                value = leaves[node.name].copy()
            case "constant" | "size":
                value = attrs["value"] if node.op == "constant" else attrs["dim"]
            case "counter":
                value = counters[attrs["which"]]
            case _:
                value = REFERENCE[node.op](*(values[o] for o in graph.operands(node.id)), **attrs)
        values[node.id] = np.array(value, node.type.dtype)
        assert values[node.id].shape == bound(node.type, n)
    return values


SHAPES = [(N, 3), (3, N), (3, 3), (3,), (N, 1), (2, 3, N), ()]
STEPS = [
    "add",
    "sub",
    "mul",
    "maximum",
    "tanh",
    "neg",
    "sigmoid",
    "matmul",
    "where",
    "sum",
    "softmax",
    "concat",
]
STEPS += [
    "reshape",
    "transpose",
    "broadcast",
    "flip",
    "slice",
    "stop_gradient",
    "cast",
    "constant",
    "counter",
]


@st.composite
def graphs(draw):
    """Random operations over two inputs, three parameters and a state, with random updates and results."""
    graph = Graph()
    b = Builder(graph, precision="float64")
    values = [b.add("input", (), TensorType("float64", (N, 3)), name="x")]
    values.append(b.add("input", (), TensorType("float64", (3, 3)), name="y"))
    for name, shape in (("p", (3, 3)), ("q", (3, 3)), ("r", (3,)), ("s", (3, 3))):
        op = "state" if name == "s" else "param"
        values.append(b.add(op, (), TensorType("float64", shape), (("initial", ("zeros",)),), name=name))

    def pick():
        # The latest more often, for long chains.
        return values[-1 - min(draw(st.integers(0, len(values) - 1)), draw(st.integers(0, len(values) - 1)))]

    stages = sorted(draw(st.lists(st.integers(0, 3), min_size=3, max_size=20)))
    for stage in stages:
        with b.within(stage=("data", "forward", "backward", "update")[stage]):
            try:
                values.append(grow(draw, b, pick))
            except ShapeError:
                continue
    for name, leaf in graph.leaves("param").items() | graph.leaves("state").items():
        same = [v for v in values if v.type == leaf.type]
        if draw(st.booleans()):
            graph.results[Result("update", name)] = draw(st.sampled_from(same)).id
    for i in range(draw(st.integers(1, 3))):
        graph.results[Result("value", f"v{i}")] = pick().id
    return graph


def grow(draw, b, pick):
    x, step = pick(), draw(st.sampled_from(STEPS))
    rank = len(x.shape)
    axis = draw(st.integers(0, max(rank - 1, 0)))
    match step:
        case "add" | "sub" | "mul" | "maximum":
            other = draw(st.one_of(st.just(0.5), st.builds(pick)))
            # Bounded, so that long chains neither overflow nor amplify rounding.
            return x.op(step, other) if step != "mul" else x.op("tanh") * other
        case "tanh" | "neg" | "stop_gradient" | "sigmoid":
            return x.op(step)
        case "cast":
            return x.cast("float32").cast("float64")
        case "matmul":
            return x.op("tanh") @ pick().op("tanh")
        case "where":
            return x.op("gt", 0.0).op("where", pick(), draw(st.sampled_from([0.0, 1.0])))
        case "sum" if rank:
            return x.op("tanh").op("sum", axis=(axis,), keep=draw(st.booleans()))
        case "softmax" if rank:
            return x.op("tanh").op("softmax", axis=axis)
        case "concat" if rank:
            return x.builder.apply("concat", x, pick(), axis=axis).op("slice", **half(x, axis))
        case "reshape":
            return x.op("reshape", shape=draw(st.sampled_from([(N, 3), (3, N), (3, 3), (9,), (3, 1, N)])))
        case "transpose":
            return x.op("transpose", axes=tuple(draw(st.permutations(range(rank)))))
        case "broadcast":
            return x.op("broadcast", shape=draw(st.sampled_from([(N, 3), (3, 3), (2, 3, N), (2, N, 3)])))
        case "flip" if rank:
            return x.op("flip", axes=(axis,))
        case "slice" if rank:
            return x.op("slice", **half(x, axis))
        case "counter":
            return b.apply("counter", which=draw(st.sampled_from(["step", "steps"])), dtype="float64")
        case _:
            return b.constant(draw(st.sampled_from([0.5, -2.0])), "float64")


def half(x, axis):
    """Every other place of an axis, or all of it where its length is not known."""
    step = tuple(2 if i == axis and isinstance(d, int) else 1 for i, d in enumerate(x.shape))
    return {"start": (0,) * len(x.shape), "stop": x.shape, "step": step}


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(0, 2**32))
def test_a_planned_program_computes_what_fresh_arrays_give(graph, n, seed):
    rng = np.random.default_rng(seed)
    planned = plan(graph, n)
    program = program_of(planned, "step")
    leaves = {}
    for node in graph:
        if node.op in ("input", "param", "state"):
            leaves[node.name] = rng.uniform(-2, 2, bound(node.type, n))
    variables = {a.name: leaves[a.name].copy() for a in program.variables}
    device = Device("cpu")
    device.reserve(planned.arena_bytes)[...] = 0xFF  # not-a-number, wherever it is read before it is written
    step = load(program, device, variables)
    feeds = {a.name: leaves[a.name].copy() for a in program.feeds}
    for t in range(2):
        expected = evaluate(graph, n, leaves, {"step": t, "steps": 7})
        found = step.run(feeds, step=t, steps=7)
        for result, id in graph.results.items():
            if result.kind == "update":
                leaves[result.name] = expected[id]
                np.testing.assert_allclose(variables[result.name], expected[id], 1e-6, 1e-6)
            else:
                np.testing.assert_allclose(found[result], expected[id], 1e-6, 1e-6)
                assert found[result].dtype == expected[id].dtype
        for name, array in feeds.items():
            np.testing.assert_array_equal(array, leaves[name])


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(2, 5), st.integers(0, 2**32))
def test_a_text_for_any_batch_size_serves_the_smaller_ones_too(graph, most, seed):
    rng = np.random.default_rng(seed)
    planned = plan(graph, most)
    text = emit_function(planned, "step", "", KERNELS, batch="n").source
    namespace = {}
    exec("\n".join((IMPORT, *kernels_of(text), text)), namespace)
    for n in range(1, most + 1):
        leaves = {
            node.name: rng.uniform(-2, 2, bound(node.type, n))
            for node in graph
            if node.op in ("input", "param", "state")
        }
        expected = evaluate(graph, n, leaves, {"step": 3, "steps": 7})
        variables = {name: array.copy() for name, array in leaves.items()}
        arena = np.full(planned.arena_bytes, 0xFF, np.uint8)
        feeds = [leaves[leaf.name] for leaf in planned.leaves("input")]
        counters = [{"step": 3, "steps": 7}[name] for name in arguments(planned)]
        found = namespace["make_step"](variables, arena, n)(*feeds, *counters)
        found = dict(zip(planned.returns, found if len(planned.returns) > 1 else (found,), strict=True))
        for result, id in graph.results.items():
            value = variables[result.name] if result.kind == "update" else found[result]
            np.testing.assert_allclose(value, expected[id], 1e-6, 1e-6)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(1, 4))
def test_values_that_are_alive_together_have_places_of_their_own(graph, n):
    planned = plan(graph, n)
    time_of = {id: t for t, id in enumerate(planned.order)}
    end = len(planned.order)
    last: dict[int, int] = {}
    for id in planned.order:
        for operand in planned.graph.operands(id):
            if not isinstance(planned.storage[id], View):
                last[planned.root(operand)] = max(last.get(planned.root(operand), 0), time_of[id])
    kept = (*planned.returns.values(), *(id for _, id in planned.assigns))
    last |= {planned.root(id): end for id in kept}
    slots = [(id, s) for id, s in planned.storage.items() if isinstance(s, Slot)]
    for id, slot in slots:
        assert slot.offset % 64 == 0
        assert slot.offset + slot.bytes <= planned.arena_bytes
        assert slot.bytes == prod(planned.shape(id)) * np.dtype(planned.graph[id].type.dtype).itemsize
        for other, place in slots:
            apart = slot.offset + slot.bytes <= place.offset or place.offset + place.bytes <= slot.offset
            # An elementwise result may be born in the place where its operand dies.
            if not apart and other != id and time_of[id] <= time_of[other] < last.get(id, time_of[id]):
                pytest.fail(f"{other} overwrites {id}, which is still read")
    for id, slot in planned.work.items():
        for other, place in slots:
            alive = time_of[other] <= time_of[id] <= last.get(other, time_of[other])
            assert (
                not alive
                or slot.offset + slot.bytes <= place.offset
                or place.offset + place.bytes <= slot.offset
            )
    assert planned.lower_bound <= planned.arena_bytes


def leaf(b, name, shape=(4, 4), op="param", dtype="float32"):
    return b.add(op, (), TensorType(dtype, shape), name=name)


def test_an_update_is_computed_in_its_parameter():
    g = Graph()
    b = Builder(g)
    w, v, x = leaf(b, "w"), leaf(b, "v", op="state"), leaf(b, "x", op="input")
    scaled = v * 0.9
    velocity = scaled + x
    moved = w - velocity * 0.1
    g.results |= {Result("update", "v"): velocity.id, Result("update", "w"): moved.id}
    planned = plan(g, 1)
    assert planned.assigns == ()
    assert [planned.storage[v.id] for v in (scaled, velocity, moved)] == [Held("v"), Held("v"), Held("w")]
    assert planned.arena_bytes == 64  # velocity * 0.1


def test_a_parameter_keeps_its_old_value_until_everything_has_read_it():
    g = Graph()
    b = Builder(g)
    w, x = leaf(b, "w"), leaf(b, "x", op="input")
    moved = w - x
    later = w @ x  # reads w, and comes after the update in the graph
    g.results |= {Result("update", "w"): moved.id, Result("loss", "loss"): later.id}
    planned = plan(g, 1)
    assert planned.storage[moved.id] == Held("w")
    assert planned.order.index(later.id) < planned.order.index(moved.id)


@pytest.mark.parametrize("transposed", [False, True])
def test_parameters_that_become_each_other(transposed):
    g = Graph()
    b = Builder(g)
    p, q = leaf(b, "p"), leaf(b, "q")
    g.results |= {Result("update", "p"): (q.T if transposed else q).id, Result("update", "q"): p.id}
    program = program_of(plan(g, 1), "step")
    variables = {"p": np.arange(16, dtype=np.float32).reshape(4, 4), "q": np.ones((4, 4), np.float32)}
    variables["q"][0] = 5
    before = {name: array.copy() for name, array in variables.items()}
    load(program, Device("cpu"), variables).run({})
    np.testing.assert_array_equal(variables["p"], before["q"].T if transposed else before["q"])
    np.testing.assert_array_equal(variables["q"], before["p"])


def test_a_parameter_that_is_handed_out_is_the_one_before_the_step():
    g = Graph()
    b = Builder(g)
    p = leaf(b, "p")
    g.results |= {Result("update", "p"): (p * 2.0).id, Result("value", "p"): p.id}
    variables = {"p": np.ones((4, 4), np.float32)}
    found = load(program_of(plan(g, 1), "step"), Device("cpu"), variables).run({})
    assert found[Result("value", "p")].max() == 1
    assert variables["p"].min() == 2


def test_what_does_not_change_is_computed_once():
    g = Graph()
    b = Builder(g)
    x = leaf(b, "x", (N, 4), op="input")
    places = b.apply("range", size=4).cast("float32")
    y = x + places * 2.0
    g.results[Result("value", "y")] = y.id
    planned = plan(g, 3)
    assert [g[id].op for id in planned.once] == ["range", "cast", "mul"]
    assert isinstance(planned.storage[places.id], Fixed)
    assert planned.order == (y.id,)


def test_n_is_bound():
    g = Graph()
    b = Builder(g)
    x = leaf(b, "x", (N, 4), op="input")
    mean = x.sum((0,)) / b.size(N)
    g.results[Result("value", "mean")] = mean.id
    for n in (1, 5):
        planned = plan(g, n)
        assert planned.shape(x.id) == (n, 4)
        assert Literal(n) in planned.storage.values()
    assert plan(g, 1).graph is g


def test_only_what_is_wanted_is_planned():
    g = Graph()
    b = Builder(g)
    x = leaf(b, "x", op="input")
    loss, other = x.sum((0, 1)), x @ x
    g.results |= {Result("loss", "loss"): loss.id, Result("value", "other"): other.id}
    assert plan(g, 1, [Result("loss", "loss")]).order == (loss.id,)


def test_an_input_is_never_overwritten():
    g = Graph()
    b = Builder(g)
    x = leaf(b, "x", op="input")
    y = x.reshape((16,)) * 2.0
    g.results[Result("value", "y")] = y.id
    assert isinstance(plan(g, 1).storage[y.id], Slot)


def test_a_long_graph_is_planned_in_linear_time():
    def seconds(layers):
        g = Graph()
        b = Builder(g)
        h = leaf(b, "x", (N, 8), op="input")
        for i in range(layers):
            w = leaf(b, f"w{i}", (8, 8))
            h = h + (h @ w).op("tanh")
            g.results[Result("update", f"w{i}")] = (w * 0.5).id
        g.results[Result("loss", "loss")] = h.sum((0, 1)).id
        start = time.process_time()
        plan(g, 16)
        return time.process_time() - start

    seconds(10)
    short, long = (min(seconds(layers) for _ in range(3)) for layers in (200, 2000))
    assert long < 30 * short


SAMPLES = [
    pytest.param(name, i, position, id=f"{name}-{i}-{position}")
    for name, op in REGISTRY.items()
    if op.kind == "elementwise"
    for i, sample in enumerate(op.samples)
    for position in range(len(sample.operands))
]


@pytest.mark.parametrize(("name", "i", "position"), SAMPLES)
def test_every_elementwise_operation_may_write_over_an_operand(name, i, position):
    sample = REGISTRY[name].samples[i]
    outcomes = []
    for stored in (False, True):
        g = Graph()
        b = Builder(g)
        operands, feeds = [], {}
        rng = np.random.default_rng(1)
        for k, d in enumerate(sample.operands):
            whole = d.dtype in ("bool", "uint8", "int32", "int64")
            values = (
                rng.integers(int(d.low), int(d.high), d.shape)
                if whole
                else rng.uniform(d.low, d.high, d.shape)
            )
            feeds[f"x{k}"] = values.astype(d.dtype)
            x = leaf(b, f"x{k}", d.shape, "input", d.dtype)
            # A copy lies in the arena and dies with the operation; a fed array is left alone.
            copied = b.add("cast", (x,), x.type, (("dtype", d.dtype),))
            operands.append(copied if stored and k == position else x)
        y = b.apply(name, *operands, **sample.attrs)
        g.results[Result("value", "y")] = y.id
        planned = plan(g, 1)
        if stored:
            fits = y.type == operands[position].type
            assert (planned.storage[y.id] == planned.storage[operands[position].id]) == fits
        outcomes.append(load(program_of(planned, "step"), Device("cpu"), {}).run(feeds)[Result("value", "y")])
    np.testing.assert_array_equal(*outcomes)
