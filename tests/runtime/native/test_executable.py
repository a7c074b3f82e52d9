from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.emit.native import build
from netc.compiler.emit.program import build as build_numpy
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.device import Device
from netc.runtime.native.executable import NativeExecutable
from netc.runtime.native.jit import host
from netc.runtime.program import load

from ...compiler.emit.native.test_padding import drawn, graph

Array = np.ndarray[Any, Any]
LOSS = Result("loss", "loss")


@pytest.fixture(autouse=True, scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETC_CACHE", str(tmp_path_factory.mktemp("store")))
        yield


def native(of: Graph, n: int, variables: dict[str, Array], device: Device) -> NativeExecutable:
    return NativeExecutable(build(of, n, host().isa), device, variables)


def training(flipped: bool = False) -> Graph:
    """A step with momentum towards y = tanh(x w), with dropout and noise. flipped: NumPy turns the batch."""
    made = Graph()
    b = Builder(made)
    x, y = (b.add("input", (), TensorType("float32", (N, k)), name=name) for name, k in (("x", 5), ("y", 3)))
    w, v = (
        b.add(op, (), TensorType("float32", (5, 3)), name=name)
        for op, name in (("param", "w"), ("state", "v"))
    )
    kept = b.apply("uniform", shape=(N, 5), key="h", dtype="float32").op("lt", 0.8).cast("float32")
    moved = b.apply("sample_uniform", shape=(N, 5), key="x", dtype="float32") * 0.01
    moved = moved + b.apply("normal", shape=(N, 5), key="n", dtype="float32") * 0.01
    if flipped:
        moved = moved + x.op("flip", axes=(0,)) * 0.01
    seen = (x + moved) * kept
    error = (seen @ w).op("tanh") - y
    new_v = v * 0.9 + seen.T @ error / b.size(N)
    rate = 1.0 / (b.apply("counter", which="step", dtype="float32") + 1.0)
    made.results |= {
        LOSS: ((error * error).sum((0, 1)) / b.size(N)).id,
        Result("update", "v"): new_v.id,
        Result("update", "w"): (w - new_v * rate).id,
    }
    return made


def variables() -> dict[str, Array]:
    return {"w": np.full((5, 3), 0.1, np.float32), "v": np.zeros((5, 3), np.float32)}


def samples(count: int) -> dict[str, Array]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(count, 5)).astype(np.float32)
    return {"x": x, "y": np.tanh(x[:, :3] - x[:, 2:])}


def test_the_number_of_threads_changes_no_bit() -> None:
    of, n = graph(), 200
    arrays = drawn(n)
    program = build(of, n, host().isa)
    parameters = {a.name: arrays[a.name] for a in program.variables}
    feeds = {a.name: arrays[a.name] for a in program.feeds}
    found = [NativeExecutable(program, Device("cpu", threads=t), parameters).run(feeds) for t in (1, 2, 3)]
    for result, alone in found[0].items():
        for together in found[1:]:
            np.testing.assert_array_equal(together[result], alone, result.name)


@pytest.mark.parametrize("flipped", [False, True])
def test_steps_are_those_of_numpy(flipped: bool) -> None:
    """Also where NumPy does a part of them between two calls."""
    of, ours, theirs, feeds = training(flipped), variables(), variables(), samples(21)
    step = native(of, 21, ours, Device("cpu"))
    reference = load(build_numpy(of, 21), Device("numpy"), theirs)
    assert (step.repeating is None) == flipped
    for i in range(4):
        how: dict[str, Any] = {"step": i, "seed": -5, "epoch": 2, "rows": np.arange(21)[::-1] + i}
        found, wanted = step.run(feeds, **how), reference.run(feeds, **how)
        np.testing.assert_allclose(found[LOSS], wanted[LOSS], rtol=1e-5)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, atol=1e-6)


def test_an_epoch_is_its_steps() -> None:
    one_by_one, at_once, columns = variables(), variables(), samples(40)
    rng = np.random.default_rng(0)
    places = rng.permutation(40)[:36]
    rows = places + 100
    step = native(training(), 12, one_by_one, Device("cpu", threads=2))
    losses = []
    for i in range(3):
        batch = places[12 * i : 12 * (i + 1)]
        feeds = {name: column[batch] for name, column in columns.items()}
        found = step.run(feeds, step=i, seed=3, epoch=1, rows=rows[12 * i : 12 * (i + 1)])
        losses.append(float(found[LOSS]))
    program = native(training(), 12, at_once, Device("cpu", threads=2))
    log = program.epoch(columns, places, rows, 3, {"step": 0, "seed": 3, "epoch": 1})
    np.testing.assert_array_equal(log[:, 0], losses)
    for name in one_by_one:
        np.testing.assert_array_equal(at_once[name], one_by_one[name])


def test_an_epoch_ends_where_a_result_is_not_finite() -> None:
    columns = samples(40)
    columns["x"][17] = np.nan
    program = native(training(), 8, variables(), Device("cpu", threads=2))
    log = program.epoch(columns, np.arange(40), np.arange(40), 5, {"step": 0, "seed": 3, "epoch": 1})
    assert np.isfinite(log[:, 0]).tolist() == [True, True, False]


def test_batch_sizes_share_parameters_and_memory() -> None:
    device, shared = Device("cpu"), variables()
    small, large = (native(training(), n, shared, device) for n in (3, 40))
    before = shared["w"].copy()
    small.run(samples(3))
    first = shared["w"].copy()
    large.run(samples(40))
    second = shared["w"].copy()
    small.run(samples(3), step=1)
    assert (before != first).any()
    assert (first != second).any()
    assert (second != shared["w"]).any()
    assert len(device.arena) >= large.program.arena_bytes > small.program.arena_bytes


def test_wrong_arrays_change_nothing() -> None:
    held = variables()
    step = native(training(), 3, held, Device("cpu"))
    for feeds in ({"x": samples(3)["x"]}, samples(4), samples(3) | {"z": np.zeros(3)}):
        with pytest.raises(ValueError, match=r"x|y|z"):
            step.run(feeds)
    np.testing.assert_array_equal(held["w"], variables()["w"])
    with pytest.raises(ValueError, match="w"):
        native(training(), 3, {"v": held["v"]}, Device("cpu"))
