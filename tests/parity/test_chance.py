"""Layers that draw: what they may give, and how often they give it.

Each network holds X with a gradient for U that is the layer's value in training (layers.py says how).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import netc
from netc.compiler.library import definition

from .draws import normal

N = 400


def drawn(call: str, x: NDArray[np.float64], result: tuple[int, ...]) -> tuple[Any, Any]:
    """The layer's value on x in training, and when not. result: its shape without the batch axis."""
    name = call.split("(")[0]
    sizes = ", ".join(map(str, x.shape[1:]))
    text = (
        f"{definition(name)}\n"
        f"input x[N, {sizes}]\ninput unit[N, {N}]\n"
        f"param U[{N}, {int(np.prod(result))}] ~ zeros\n"
        f"z = {call}\n"
        f"loss sum(reshape(unit @ U, [N, {', '.join(map(str, result))}]) * z)\n"
        "train sgd(lr = 0) { steps = 1, precision = float64, seed = 3 }\n"
    )
    model = netc.compile(text=text, device="cpu")
    given: Mapping[str, Any] = {"x": x, "unit": np.eye(N)}
    still = model.forward(want=["z"], **given)["z"]
    return model.gradients(**given)["U"].reshape(N, *result), still


def share(hits: Any, p: float) -> None:
    """Of n draws, about n p hit: within five standard deviations."""
    n = np.size(hits)
    assert abs(np.mean(hits) - p) < 5 * np.sqrt(p * (1 - p) / n)


@pytest.mark.filterwarnings("ignore")  # the definition here stands before the standard one
@pytest.mark.parametrize("p", [0.5, 0.2])
def test_dropout(p: float) -> None:
    x = normal("dropout", (N, 30)) + 10
    z, still = drawn(f"dropout(x, {p})", x, (30,))
    np.testing.assert_array_equal(still, x)
    kept = z != 0
    np.testing.assert_allclose(z[kept], (x / (1 - p))[kept], rtol=1e-14)
    share(~kept, p)
    share(~kept[:, :-1] & ~kept[:, 1:], p * p)
    share(~kept[:-1] & ~kept[1:], p * p)


def test_flip() -> None:
    x = normal("flip", (N, 2, 3, 4))
    z, still = drawn("flip(x)", x, (2, 3, 4))
    np.testing.assert_array_equal(still, x)
    same = (z == x).all((1, 2, 3))
    mirrored = (z == x[..., ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    share(mirrored, 0.5)


def test_crop() -> None:
    x = normal("crop", (N, 2, 5, 6))
    z, still = drawn("crop(x, 4, pad = 1)", x, (2, 4, 4))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    np.testing.assert_array_equal(still, padded[:, :, 1:5, 2:6])
    found = np.zeros((4, 5), int)
    for sample, image in zip(z, padded, strict=True):
        places = [
            (top, left)
            for top in range(4)
            for left in range(5)
            if (sample == image[:, top : top + 4, left : left + 4]).all()
        ]
        assert len(places) == 1
        found[places[0]] += 1
    expected = N / found.size
    assert (
        (found - expected) ** 2 / expected
    ).sum() < 43.8  # the χ² of 19 degrees of freedom that 1 in 1000 exceed


def test_noise() -> None:
    x = normal("noise", (N, 30))
    z, still = drawn("noise(x, std = 0.3)", x, (30,))
    np.testing.assert_array_equal(still, x)
    difference = np.sort((z - x).ravel() / 0.3)
    # Kolmogorov's distance from the normal distribution; 1 in 1000 samples exceed 1.95 / √n.
    from math import erf

    normal_share = np.array([0.5 * (1 + erf(d / np.sqrt(2))) for d in difference])
    steps = np.arange(1, difference.size + 1) / difference.size
    assert np.abs(normal_share - steps).max() < 1.95 / np.sqrt(difference.size)
