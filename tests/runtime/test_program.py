import traceback

import numpy as np
import pytest

import netc.compiler.ops  # noqa: F401  (fills the registry)
from netc.compiler.build import Builder
from netc.compiler.emit.program import build
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.device import Device
from netc.runtime.program import load

LOSS, OUTPUT = Result("loss", "loss"), Result("output", "y")


def step_of(n):
    """y = x w; w becomes w / 2; the loss is log(sum y), which may be infinite."""
    g = Graph()
    b = Builder(g)
    x = b.add("input", (), TensorType("float32", (N, 3)), name="x")
    i = b.add("input", (), TensorType("int64", (N,)), name="i")
    w = b.add("param", (), TensorType("float32", (3, 2)), name="w")
    y = x @ w + i.cast("float32").reshape((N, 1))
    g.results |= {OUTPUT: y.id, LOSS: y.sum((0, 1)).op("log").id, Result("update", "w"): (w * 0.5).id}
    return build(g, n)


def ones():
    return {"w": np.ones((3, 2), np.float32)}


def fed(n, value=1.0):
    return {"x": np.full((n, 3), value, np.float32), "i": np.zeros(n, np.int64)}


def test_a_run_gives_results_and_updates_in_place():
    variables = ones()
    found = load(step_of(4), Device("cpu"), variables).run(fed(4))
    np.testing.assert_array_equal(found[OUTPUT], np.full((4, 2), 3))
    assert found[LOSS] == pytest.approx(np.log(24))
    assert variables["w"].max() == variables["w"].min() == 0.5


def test_results_are_copies_unless_told_otherwise():
    step = load(step_of(4), Device("cpu"), ones())
    kept, lent = step.run(fed(4))[OUTPUT], step.run(fed(4), copy=False)[OUTPUT]
    step.run(fed(4, value=7.0))
    assert kept.max() == 3
    assert lent.max() == 5.25


def test_two_batch_sizes_share_parameters_and_memory():
    device, variables = Device("cpu"), ones()
    small, large = load(step_of(3), device, variables), load(step_of(40), device, variables)
    assert device.arena is None  # until something runs
    assert small.run(fed(3))[OUTPUT].max() == 3
    first = device.arena
    assert large.run(fed(40))[OUTPUT].max() == 1.5
    assert len(device.arena) == step_of(40).arena_bytes > len(first)
    assert small.run(fed(3))[OUTPUT].max() == 0.75
    assert large.run(fed(40))[OUTPUT].max() == 0.375
    arena = device.arena
    assert device.reserve(64) is arena
    assert arena.ctypes.data % 64 == 0


def test_infinities_pass_without_a_warning():
    found = load(step_of(2), Device("cpu"), ones()).run(fed(2, value=0.0))
    assert found[LOSS] == -np.inf


def test_arrays_of_the_same_kind_are_taken_and_kept():
    x = np.asfortranarray(np.arange(12.0).reshape(4, 3))
    before = x.copy()
    found = load(step_of(4), Device("cpu"), ones()).run({"x": x, "i": [0, 0, 0, 1]})
    np.testing.assert_array_equal(found[OUTPUT][:, 0], before.sum(1) + np.array([0, 0, 0, 1]))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": None}, r"x is not given: float32\[4, 3\] is expected"),
        ({"x": np.zeros((5, 3), np.float32)}, r"x should be float32\[4, 3\], not float32\[5, 3\]"),
        ({"i": np.zeros(4)}, r"i should be int64\[4\], not float64\[4\]"),
        ({"x": np.zeros((4, 3), complex)}, r"x should be float32\[4, 3\], not complex128\[4, 3\]"),
        ({"z": np.zeros(4)}, "z is no input; the inputs are i, x"),
    ],
)
def test_wrong_arrays_are_refused_before_anything_changes(change, said):
    variables = ones()
    step = load(step_of(4), Device("cpu"), variables)
    feeds = {name: array for name, array in (fed(4) | change).items() if array is not None}
    with pytest.raises(ValueError, match=said):
        step.run(feeds)
    assert variables["w"].min() == 1


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, r"w is missing: float32\[3, 2\] is expected"),
        ({"w": np.ones((2, 3), np.float32)}, r"w should be float32\[3, 2\], not float32\[2, 3\]"),
        ({"w": np.ones((3, 2))}, r"w should be float32\[3, 2\], not float64\[3, 2\]"),
    ],
)
def test_wrong_parameters_are_refused(variables, said):
    with pytest.raises(ValueError, match=said):
        load(step_of(4), Device("cpu"), variables)


def test_a_parameter_with_gaps_is_refused():
    with pytest.raises(ValueError, match="contiguous"):
        load(step_of(4), Device("cpu"), {"w": np.ones((2, 3), np.float32).T})


def test_a_traceback_shows_the_generated_line():
    step = load(step_of(4), Device("cpu"), ones())
    with pytest.raises(TypeError) as caught:
        step._bound()(None, None)
    assert "np.matmul(x, w, out=y)" in "".join(traceback.format_exception(caught.value))


def test_an_input_may_be_fed_that_no_result_needs():
    g = Graph()
    b = Builder(g)
    x = b.add("input", (), TensorType("float32", (N,)), name="x")
    b.add("input", (), TensorType("float32", (N,)), name="idle")
    g.results[OUTPUT] = (x * 2.0).id
    found = load(build(g, 2), Device("cpu"), {}).run({"x": np.ones(2, np.float32), "idle": np.ones(2)})
    np.testing.assert_array_equal(found[OUTPUT], [2, 2])
