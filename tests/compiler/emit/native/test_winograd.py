"""Convolutions by minimal filtering against sums in float64, where tiles, channels and samples do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from netc.compiler.build import Builder, Value
from netc.compiler.emit.native import build
from netc.compiler.emit.native.isa import AVX2, Isa
from netc.compiler.emit.native.winograd import SCHEMES, Matrix
from netc.compiler.ir import DType, Graph, N, Result, TensorType
from netc.runtime.device import Device
from netc.runtime.native.executable import NativeExecutable
from netc.runtime.native.jit import host

Array = np.ndarray[Any, Any]
Pad = tuple[tuple[int, int], tuple[int, int]]

SAME, NONE, UNEVEN = ((1, 1), (1, 1)), ((0, 0), (0, 0)), ((2, 1), (0, 2))
OPS = ("conv", "conv_input_gradient", "conv_weight_gradient")
SHAPES = {  # samples, channels in and out, rows and columns, padding
    "whole": (16, 16, 32, (8, 8), SAME),
    "odd": (21, 20, 24, (7, 9), SAME),
    "bare": (5, 17, 40, (9, 6), NONE),
    "uneven": (18, 16, 19, (5, 11), UNEVEN),
    "narrow": (33, 48, 64, (3, 21), SAME),
    "wide": (2, 130, 70, (4, 4), SAME),
}


def arrays_for(shape: str) -> dict[str, Array]:
    n, channels, filters, size, pad = SHAPES[shape]
    rng = np.random.default_rng(len(shape))
    out = [s + sum(p) - 2 for s, p in zip(size, pad, strict=True)]
    return {
        "x": rng.standard_normal((n, channels, *size)),
        "w": rng.standard_normal((filters, channels, 3, 3)),
        "g": rng.standard_normal((n, filters, *out)),
    }


def windows(x: Array, size: tuple[int, ...], pad: Pad) -> Array:
    return sliding_window_view(np.pad(x, ((0, 0), (0, 0), *pad)), size, (2, 3))


def wanted(op: str, x: Array, w: Array, g: Array, pad: Pad) -> Array:
    """In float64."""
    if op == "conv":
        return np.einsum("nihwkl,oikl->nohw", windows(x, (3, 3), pad), w, optimize=True)
    if op == "conv_weight_gradient":
        return np.einsum("niklhw,nohw->oikl", windows(x, g.shape[2:], pad), g, optimize=True)
    around = np.einsum(
        "nohwkl,oikl->nihw", windows(g, (3, 3), ((2, 2), (2, 2))), w[..., ::-1, ::-1], optimize=True
    )
    (top, _), (left, _) = pad
    return around[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def graph_of(op: str, arrays: dict[str, Array], pad: Pad, dtype: DType = "float32") -> Graph:
    builder = Builder(Graph(), precision=dtype)

    def leaf(name: str) -> Value:
        shape = arrays[name].shape
        type = TensorType(dtype, shape if name == "w" else (N, *shape[1:]))
        return builder.add("param" if name == "w" else "input", (), type, name=name)

    how: dict[str, Any] = {"stride": (1, 1), "pad": pad, "dilation": (1, 1), "groups": 1}
    if op == "conv":
        y = builder.apply(op, leaf("x"), leaf("w"), **how)
    elif op == "conv_input_gradient":
        y = builder.apply(op, leaf("g"), leaf("w"), space=arrays["x"].shape[2:], **how)
    else:
        y = builder.apply(op, leaf("x"), leaf("g"), kernel=(3, 3), **how)
    builder.graph.results[Result("value", "y")] = y.id
    return builder.graph


def computed(
    op: str, arrays: dict[str, Array], pad: Pad, winograd: int, isa: Isa, threads: int = 1
) -> tuple[Array, list[str]]:
    """The result, and what the kernels are called. What is read and was never written is NaN."""
    program = build(graph_of(op, arrays, pad), len(arrays["x"]), isa, winograd=winograd)
    rounded = {name: array.astype(np.float32) for name, array in arrays.items()}
    device = Device("cpu", threads=threads)
    native = NativeExecutable(program, device, {v.name: rounded[v.name] for v in program.variables})
    device.reserve(program.arena_bytes)[:] = 0xFF
    found = native.run({feed.name: rounded[feed.name] for feed in program.feeds})
    return found[Result("value", "y")], [kernel.about for kernel in program.kernels]


def error(found: Array, wanted: Array) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("isa", [host().isa, AVX2], ids=["host", "avx2"])
def test_the_results_are_those_of_sums(op: str, shape: str, isa: Isa) -> None:
    arrays = arrays_for(shape)
    rounded = {name: array.astype(np.float32).astype(np.float64) for name, array in arrays.items()}
    known, pad = wanted(op, **rounded, pad=SHAPES[shape][-1]), SHAPES[shape][-1]
    plain, _ = computed(op, arrays, pad, 0, isa)
    small, about = computed(op, arrays, pad, 2, isa)
    large, _ = computed(op, arrays, pad, 4, isa)
    assert any("transform" in name for name in about)
    assert error(plain, known) < 1e-6
    assert error(small, known) < max(4 * error(plain, known), 6e-7)
    assert error(large, known) < 3e-6


@pytest.mark.parametrize(("filters", "filtered"), [(900, True), (2000, True), (2300, False)])
def test_what_a_thread_keeps_fits_on_its_stack(filters: int, filtered: bool) -> None:
    rng = np.random.default_rng(2)
    arrays = {"x": rng.standard_normal((16, 16, 4, 8)), "g": rng.standard_normal((16, filters, 4, 8))}
    arrays["w"] = rng.standard_normal((filters, 16, 3, 3))
    found, about = computed("conv_weight_gradient", arrays, SAME, 4, host().isa, threads=2)
    assert error(found, wanted("conv_weight_gradient", **arrays, pad=SAME)) < 3e-6
    assert any("transformed" in name for name in about) == filtered


@pytest.mark.parametrize("op", OPS)
def test_more_threads_give_the_same_numbers(op: str) -> None:
    arrays = arrays_for("odd")
    alone, _ = computed(op, arrays, SAME, 2, host().isa)
    together, _ = computed(op, arrays, SAME, 2, host().isa, threads=3)
    np.testing.assert_array_equal(alone, together)


def test_few_channels_are_summed_as_they_stand() -> None:
    n, filters, size = 16, 32, (8, 8)
    rng = np.random.default_rng(1)
    arrays = {
        "x": rng.standard_normal((n, 3, *size)),
        "w": rng.standard_normal((filters, 3, 3, 3)),
        "g": rng.standard_normal((n, filters, *size)),
    }
    program = build(graph_of("conv", arrays, SAME), n, host().isa)
    assert not any("transform" in kernel.about for kernel in program.kernels)


def test_float64_is_summed_as_it_stands() -> None:
    arrays = arrays_for("whole")
    program = build(graph_of("conv", arrays, SAME, "float64"), 16, host().isa)
    assert not any("transform" in kernel.about for kernel in program.kernels)


@pytest.mark.parametrize("tile", SCHEMES)
def test_the_transforms_convolve_one_tile(tile: int) -> None:
    """Against a sum, in float64."""
    scheme = SCHEMES[tile]
    rng = np.random.default_rng(tile)
    image, kernel = rng.standard_normal((tile + 2, tile + 2)), rng.standard_normal((3, 3))

    def both(matrix: Matrix, x: Array) -> Array:
        return np.asarray(matrix) @ x @ np.asarray(matrix).T

    found = both(scheme.results, both(scheme.kernel, kernel) * both(scheme.image, image))
    known = np.einsum("hwkl,kl->hw", sliding_window_view(image, (3, 3)), kernel)
    np.testing.assert_allclose(found, known, rtol=1e-12, atol=1e-12)
