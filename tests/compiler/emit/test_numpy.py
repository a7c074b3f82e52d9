import tracemalloc

import numpy as np
import pytest

import netc.compiler.ops  # noqa: F401  (fills the registry)
from netc.compiler.build import Builder
from netc.compiler.differentiate import differentiate
from netc.compiler.emit.numpy import emit_function
from netc.compiler.emit.program import build
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.compiler.plan import plan
from netc.runtime.device import Device
from netc.runtime.program import load


def leaf(b, op, name, shape, dtype="float32"):
    return b.add(op, (), TensorType(dtype, shape), name=name)


def network(features=64, hidden=16, convolution=False, batch=N):
    """The training step of a small network with momentum."""
    g = Graph()
    b = Builder(g)
    with b.within(stage="data"):
        image = leaf(b, "column", "image", (batch, features), "uint8")
        y = leaf(b, "column", "label", (batch, 10))
        x = b.apply("div", image.cast("float32"), 16.0, name="x")
    parameters = [leaf(b, "param", "h.W", (features, hidden)), leaf(b, "param", "h.b", (hidden,))]
    v = leaf(b, "state", "v", (features, hidden))
    h = b.apply("tanh", x @ parameters[0] + parameters[1], name="h")
    if convolution:
        side = int(hidden**0.5)
        kernel = leaf(b, "param", "c.W", (4, 1, 3, 3))
        how = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
        maps = h.reshape((batch, 1, side, side)).op("conv", kernel, **how)
        pooled = maps.op("maxpool", kernel=(2, 2), stride=(2, 2), pad=((0, 0), (0, 0)))
        h = pooled.reshape((batch, hidden))
        parameters.append(kernel)
    parameters.append(leaf(b, "param", "W", (hidden, 10)))
    logits = b.apply("matmul", h, parameters[-1], name="logits")
    loss = -((logits.op("log_softmax", axis=1) * y).sum((0, 1)) / b.size(N))
    g.results[Result("loss", "loss")] = loss.id
    with b.within(stage="backward"):
        gradients = differentiate(b, loss.id, [p.id for p in parameters])
    with b.within(stage="update"):
        for p, gradient in zip(parameters, gradients, strict=True):
            if g[p.id].name == "h.W":
                gradient = v * 0.9 + gradient
                g.results[Result("update", "v")] = gradient.id
            g.results[Result("update", g[p.id].name)] = (p - gradient * 0.1).id
    return g


def variables(program):
    rng = np.random.default_rng(0)
    return {a.name: rng.normal(0, 0.1, a.shape).astype(a.dtype) for a in program.variables}


def feeds(program):
    rng = np.random.default_rng(1)
    return {a.name: rng.integers(0, 2, a.shape).astype(a.dtype) for a in program.feeds}


STEP = '''\
def make_step(P, arena):
    """One step of training on 4 samples."""
    # parameters and states
    h_W = P["h.W"]
    h_b = P["h.b"]

    # memory: a value's place, or the value whose place it takes as that is needed no more
    h = view(arena, 0, (4, 3), np.float32)
    t1 = view(arena, 64, (4, 3), np.float32)
    loss = view(arena, 128, (), np.float32)
    g1 = view(arena, 64, (4, 3), np.float32)
    d_z = h
    d_h_W = view(arena, 64, (2, 3), np.float32)
    u1 = d_h_W

    def step(x):
        # 2. predict
        np.matmul(x, h_W, out=h)
        np.add(h, h_b, out=h)
        np.tanh(h, out=h)

        # 3. the loss
        np.multiply(h, h, out=t1)
        np.sum(t1, axis=(0, 1), out=loss)
        np.divide(loss, 4.0, out=loss)

        # 4. the gradients, from the loss back to the parameters
        np.multiply(h, h, out=g1)
        np.subtract(1.0, g1, out=g1)
        np.multiply(h, 2.0, out=d_z)
        np.multiply(d_z, g1, out=d_z)
        x_T = x.T
        np.matmul(x_T, d_z, out=d_h_W)

        # 5. the step: every parameter moves against its gradient
        np.multiply(d_h_W, 0.5, out=u1)
        np.subtract(h_W, u1, out=h_W)
        return loss

    return step
'''


def test_the_text_reads_as_mathematics():
    g = Graph()
    b = Builder(g)
    x, w, c = leaf(b, "input", "x", (N, 2)), leaf(b, "param", "h.W", (2, 3)), leaf(b, "param", "h.b", (3,))
    h = b.apply("tanh", x @ w + c, name="h")
    loss = (h * h).sum((0, 1)) / b.size(N)
    with b.within(stage="backward"):
        slope = b.apply("sub", 1.0, h * h)
        d_z = b.apply("mul", h * 2.0, slope, name="∂z")
        d_w = b.apply("matmul", x.T, d_z, name="∂h.W")
    with b.within(stage="update"):
        moved = w - d_w * 0.5
    g.results |= {Result("loss", "loss"): loss.id, Result("update", "h.W"): moved.id}
    text = emit_function(plan(g, 4), "step", "One step of training on 4 samples.").source
    assert text == STEP


def test_lines_name_the_nodes_that_they_compute():
    program = build(network(convolution=True), 8)
    lines = program.text.source.splitlines()
    assert len(lines) == len(program.text.lines)
    begin = lines.index("def make_step(P, arena):")
    assert set(program.text.lines[: begin + 1]) == {-1}
    operations = {
        "matmul(": "matmul",
        "tanh(": "tanh",
        "conv(": "conv",
        "copyto(": "cast",
        "maxpool(": "maxpool",
    }
    found = set()
    for line, id in zip(lines[begin:], program.text.lines[begin:], strict=True):
        for call, op in operations.items():
            if line.strip().removeprefix("np.").startswith(call):
                assert program.graph[id].op == op
                found.add(op)
    assert found == set(operations.values())


@pytest.mark.parametrize("convolution", [False, True])
def test_float32_stays_float32(convolution):
    program = build(network(convolution=convolution), 8)
    step = load(program, Device("cpu"), variables(program))
    step.run(feeds(program))
    memory = [cell.cell_contents for cell in step._function.__closure__]
    dtypes = {array.dtype.name for array in memory if isinstance(array, np.ndarray)}
    assert dtypes <= {"float32", "uint8"}
    assert step.run(feeds(program))[Result("loss", "loss")].dtype == np.float32


@pytest.mark.parametrize("convolution", [False, True])
def test_a_step_allocates_no_arrays(convolution):
    program = build(network(features=256, hidden=1024, convolution=convolution), 64)
    step = load(program, Device("cpu"), variables(program))
    fed = feeds(program)
    usual = np.setbufsize(
        512
    )  # numbers in the buffers of NumPy's own loops: 8192 of them would hide a small array
    tracemalloc.start()
    try:
        step.run(fed)
        step.run(fed)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        step.run(fed)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        np.setbufsize(usual)
    assert min(array.nbytes for array in fed.values()) == 2560  # and what lies between is larger
    assert peak - before < 10_000
    assert after - before < 1_000


def test_names_that_python_or_the_program_needs_are_left_to_them():
    g = Graph()
    b = Builder(g)
    x = leaf(b, "input", "np", (N, 2))
    y = b.apply("tanh", x, name="lambda")
    z = b.apply("tanh", y + leaf(b, "param", "arena", (2,)), name="sigmoid").op("sigmoid")
    g.results |= {Result("value", "P"): z.id, Result("value", "y"): y.id}
    program = build(g, 3)
    found = load(program, Device("cpu"), {"arena": np.ones(2, np.float32)}).run({"np": np.zeros((3, 2))})
    np.testing.assert_allclose(found[Result("value", "P")], 1 / (1 + np.exp(-np.tanh(1))), rtol=1e-6)


def test_slices_and_numbers_are_written_as_people_do():
    g = Graph()
    b = Builder(g)
    w = leaf(b, "param", "w", (6, 5))
    part = w.op("slice", start=(1, 0), stop=(6, 4), step=(2, 1))
    y = part.op("maximum", float("-inf")) * 0.5
    g.results[Result("value", "y")] = y.id
    source = build(g, 1).text.source
    assert "w_part = w[1::2, :4]" in source
    assert "np.maximum(w_part, -np.inf, out=y)" in source
    assert "np.multiply(y, 0.5, out=y)" in source


def test_a_view_with_gaps_is_reshaped_by_one_copy():
    g = Graph()
    b = Builder(g)
    w = leaf(b, "param", "w", (2, 3))
    g.results[Result("value", "y")] = w.T.reshape((6,)).id
    program = build(g, 1)
    assert "np.copyto(y.reshape((3, 2)), w_T)" in program.text.source
    w = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = load(program, Device("cpu"), {"w": w}).run({})[Result("value", "y")]
    np.testing.assert_array_equal(found, w.T.reshape(6))


def test_random_numbers_and_counters_come_as_arguments():
    g = Graph()
    b = Builder(g)
    drawn = b.apply("uniform", shape=(N, 2), key="h.dropout", dtype="float32")
    share = b.apply("counter", which="step", dtype="float32") / b.apply(
        "counter", which="steps", dtype="float32"
    )
    g.results |= {Result("value", "drawn"): drawn.id, Result("value", "share"): share.id}
    program = build(g, 2)
    assert program.counters == ("step", "steps", "seed")
    run = load(program, Device("cpu"), {}).run
    first, again = run({}, step=3, steps=4, seed=1), run({}, step=3, steps=4, seed=1)
    other = run({}, step=4, steps=4, seed=1)
    value = Result("value", "drawn")
    np.testing.assert_array_equal(first[value], again[value])
    assert (first[value] != other[value]).all()
    assert first[Result("value", "share")] == 0.75
