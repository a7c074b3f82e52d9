"""Random tensors: Philox as its paper gives it, repeatable, and independent of one another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from netc.compiler.emit.kernels import KERNELS

Array = np.ndarray[Any, Any]


def draw(
    kind: str, key: str = "h.dropout1", seed: int = 1, step: float = 0, n: int = 1000, dtype: str = "float64"
):
    out = np.empty(n, dtype)
    KERNELS[kind](out, key, seed, step)
    return out


def augment(
    kind: str,
    rows: Array,
    shape: tuple[int, ...] = (7,),
    key: str = "x.flip1",
    seed: int = 1,
    epoch: int = 1,
    dtype: str = "float64",
) -> Array:
    out = np.empty((len(rows), *shape), dtype)
    KERNELS[kind](out, key, seed, epoch, rows)
    return out


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x64-10 (Salmon et al. 2011, section 3.3)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c[0], 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * c[2], 2**64)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B97F4A7C15) % 2**64, (k[1] + 0xBB67AE8584CAA73B) % 2**64]
    return c


def test_philox_is_that_of_its_authors() -> None:
    """Known answers from the Random123 distribution, kat_vectors: philox4x64 10."""
    assert philox([0] * 4, [0] * 2) == [
        0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B,
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 3, -1])
def test_uniform_counts_through_philox(seed: int) -> None:
    """The key is (seed, FNV-1a of the name), the counter's last word the step; 53 bits make a number."""
    key = [seed % 2**64, 0xAF63DC4C8601EC8C]  # FNV-1a of "a", from its authors' test vectors
    blocks = [philox([i, 0, 0, 5], key) for i in range(1, 4)]
    wanted = [(word >> 11) * 2.0**-53 for block in blocks for word in block]
    np.testing.assert_array_equal(draw("uniform", "a", seed, step=5, n=12), wanted)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_repeatable_and_different_for_each_key_seed_and_step(kind: str, dtype: str) -> None:
    first = draw(kind, dtype=dtype)
    np.testing.assert_array_equal(first, draw(kind, dtype=dtype))
    others = [
        draw(kind, key="h.dropout2", dtype=dtype),
        draw(kind, seed=2, dtype=dtype),
        draw(kind, step=1, dtype=dtype),
    ]
    for other in others:
        assert not np.isin(first, other).any() or dtype == "float32"
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.15  # five standard deviations of 1/√1000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(dtype: str) -> None:
    """Kolmogorov and Smirnov's test; the seed is fixed, so that it cannot fail by chance."""
    assert stats.kstest(draw("uniform", n=20_000, dtype=dtype), stats.uniform.cdf).pvalue > 0.01
    assert stats.kstest(draw("normal", n=20_000, dtype=dtype), stats.norm.cdf).pvalue > 0.01
    for rows, shape in ((np.arange(20_000), (1,)), (np.arange(4), (5000,))):
        drawn = augment("sample_uniform", rows, shape, dtype=dtype).ravel()
        assert stats.kstest(drawn, stats.uniform.cdf).pvalue > 0.01
        drawn = augment("sample_normal", rows, shape, dtype=dtype).ravel()
        assert stats.kstest(drawn, stats.norm.cdf).pvalue > 0.01


def test_the_step_may_be_a_float() -> None:
    np.testing.assert_array_equal(draw("normal", step=3.0), draw("normal", step=3))


def test_the_short_philox_is_that_of_its_authors() -> None:
    """Known answers from the Random123 distribution, kat_vectors: philox4x32 10."""
    counters = [(0, 0, 0, 0), (0xFFFFFFFF,) * 4, (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)]
    keys = [0, 2**64 - 1, 0x299F31D0A4093822]
    found = [KERNELS["philox"](np.array(c, np.uint64), k) for c, k in zip(counters, keys, strict=True)]
    assert [[f"{word:08x}" for word in words] for words in found] == [
        ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"],
        ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"],
        ["d16cfe09", "94fdcceb", "5001e420", "24126ea1"],
    ]


@pytest.mark.parametrize("kind", ["sample_uniform", "sample_normal"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (4, 5)])
def test_what_a_sample_gets_is_its_own(kind: str, shape: tuple[int, ...]) -> None:
    whole = augment(kind, np.arange(50), shape)
    some = np.array([31, 4, 49, 4])
    np.testing.assert_array_equal(augment(kind, some, shape), whole[some])
    others = [
        augment(kind, np.arange(50), shape, key="x.flip2"),
        augment(kind, np.arange(50), shape, seed=2),
        augment(kind, np.arange(50), shape, epoch=2),
        augment(kind, np.arange(50, 100), shape),
    ]
    for other in others:
        assert not np.isin(other, whole).any()


@pytest.mark.parametrize("kind", ["sample_uniform", "sample_normal"])
def test_both_precisions_draw_the_same(kind: str) -> None:
    wide, narrow = (augment(kind, np.arange(99), dtype=d) for d in ("float64", "float32"))
    np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-6)
