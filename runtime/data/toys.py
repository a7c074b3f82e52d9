"""Points in the plane whose classes a network learns to tell apart: xor, moons, circles, spirals, blobs.

Each draws n points by its formula, adds normal noise of standard deviation `noise` to both coordinates, and
keeps the last fifth to test with. The same seed gives the same points.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .kinds import NUMBER, integer
from .source import Arguments, Column, Columns, Dataset, Parameter, Source


def read_xor(n: int, noise: float, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw points of the square -1..1; the class is 1 where, before noise, the coordinates' signs differ."""
    random = np.random.default_rng(seed)
    points = random.uniform(-1, 1, (n, 2))
    label = (points[:, 0] > 0) ^ (points[:, 1] > 0)
    points += noise * random.standard_normal((n, 2))
    features, label, cut = points.astype(np.float32), label.astype(np.uint8), n - n // 5
    return {
        "train": {"features": features[:cut], "label": label[:cut]},
        "test": {"features": features[cut:], "label": label[cut:]},
    }


def read_moons(n: int, noise: float, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw two half circles: (cos t, sin t) and (1 - cos t, 1/2 - sin t), t uniform in 0..π."""
    random = np.random.default_rng(seed)
    label, t = np.arange(n) % 2, random.uniform(0, np.pi, n)
    x = np.where(label, 1 - np.cos(t), np.cos(t))
    y = np.where(label, 0.5 - np.sin(t), np.sin(t))
    points = np.stack([x, y], axis=1) + noise * random.standard_normal((n, 2))
    features, label, cut = points.astype(np.float32), label.astype(np.uint8), n - n // 5
    return {
        "train": {"features": features[:cut], "label": label[:cut]},
        "test": {"features": features[cut:], "label": label[cut:]},
    }


def read_circles(n: int, noise: float, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw two circles about the origin, of radius 1 (class 0) and 1/2 (class 1)."""
    random = np.random.default_rng(seed)
    label, t = np.arange(n) % 2, random.uniform(0, 2 * np.pi, n)
    r = np.where(label, 0.5, 1.0)
    points = np.stack([r * np.cos(t), r * np.sin(t)], axis=1) + noise * random.standard_normal((n, 2))
    features, label, cut = points.astype(np.float32), label.astype(np.uint8), n - n // 5
    return {
        "train": {"features": features[:cut], "label": label[:cut]},
        "test": {"features": features[cut:], "label": label[cut:]},
    }


def read_spirals(n: int, noise: float, classes: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw one arm a class k: the radius r uniform in 0..1, the angle 2π (r + k / classes)."""
    random = np.random.default_rng(seed)
    label, r = np.arange(n) % classes, random.uniform(0, 1, n)
    t = 2 * np.pi * (r + label / classes)
    points = np.stack([r * np.cos(t), r * np.sin(t)], axis=1) + noise * random.standard_normal((n, 2))
    features, label, cut = points.astype(np.float32), label.astype(np.uint8), n - n // 5
    return {
        "train": {"features": features[:cut], "label": label[:cut]},
        "test": {"features": features[cut:], "label": label[cut:]},
    }


def read_blobs(n: int, noise: float, classes: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw normal clouds about points of the unit circle, of class k about the angle 2π k / classes."""
    random = np.random.default_rng(seed)
    label = np.arange(n) % classes
    t = 2 * np.pi * label / classes
    points = np.stack([np.cos(t), np.sin(t)], axis=1) + noise * random.standard_normal((n, 2))
    features, label, cut = points.astype(np.float32), label.astype(np.uint8), n - n // 5
    return {
        "train": {"features": features[:cut], "label": label[:cut]},
        "test": {"features": features[cut:], "label": label[cut:]},
    }


def describe(arguments: Arguments) -> Columns:
    count = arguments.values.get("classes", 2)
    return {
        "features": Column(np.dtype(np.float32), (2,)),
        "label": Column(np.dtype(np.uint8), (), tuple(map(str, range(count))), count),
    }


def call(arguments: Arguments) -> dict[str, Any]:
    return dict(arguments.values)


Read = Callable[..., dict[str, dict[str, np.ndarray]]]


def toy(name: str, summary: str, read: Read, noise: float, classes: int = 0) -> Source:
    def load(arguments: Arguments) -> Dataset:
        return Dataset.of(describe(arguments), read(**call(arguments)))

    # Five samples are the fewest of which a fifth can be kept for testing.
    parameters = [Parameter("n", integer(5), 1000), Parameter("noise", NUMBER, noise)]
    if classes:
        parameters.append(Parameter("classes", integer(2, most=256), classes))
    parameters.append(Parameter("seed", integer(0), 0))
    return Source(name, summary, tuple(parameters), describe, load, read, call)


TOYS = (
    toy("xor", "points of the plane: class 1 where the signs of the coordinates differ", read_xor, 0.05),
    toy("moons", "points of the plane: two half circles, one in the other", read_moons, 0.1),
    toy("circles", "points of the plane: a circle in a circle", read_circles, 0.08),
    toy("spirals", "points of the plane: the arms of a spiral", read_spirals, 0.02, classes=2),
    toy("blobs", "points of the plane: a round cloud for each class", read_blobs, 0.2, classes=3),
)
