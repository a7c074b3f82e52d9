import numpy as np
import pytest

from .conftest import Load

TOYS = ("xor", "moons", "circles", "spirals", "blobs")


@pytest.mark.parametrize("name", TOYS)
def test_a_fifth_is_for_testing_and_the_seed_decides(load: Load, name: str):
    first, again, other = load(name), load(name), load(name, seed=1)
    assert first.test is not None
    assert first.train["features"].shape == (800, 2) and first.test["label"].shape == (200,)
    assert (first.train["features"] == again.train["features"]).all()
    assert (first.train["features"] != other.train["features"]).any()
    count = first.columns["label"].count
    assert set(first.train["label"].tolist()) == set(range(count or 0))


def polar(name: str, load: Load, **keywords: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    train = load(name, 500, 0.0, **keywords).train
    x, y = train["features"].astype(float).T
    return np.hypot(x, y), np.arctan2(y, x), train["label"]


def test_xor_without_noise(load: Load):
    train = load("xor", noise=0).train
    assert ((train["features"].prod(1) < 0) == (train["label"] == 1)).all()


def test_moons_without_noise(load: Load):
    train = load("moons", noise=0).train
    (x, y), label = train["features"].T, train["label"]
    assert np.allclose(np.hypot(x, y)[label == 0], 1, atol=1e-6) and (y[label == 0] >= 0).all()
    assert np.allclose(np.hypot(1 - x, 0.5 - y)[label == 1], 1, atol=1e-6) and (y[label == 1] <= 0.5).all()


def test_circles_without_noise(load: Load):
    radius, _, label = polar("circles", load)
    assert np.allclose(radius, np.where(label == 1, 0.5, 1), atol=1e-6)


def test_spirals_without_noise(load: Load):
    radius, angle, label = polar("spirals", load, classes=5)
    turns = angle / (2 * np.pi) - radius - label / 5
    assert np.allclose(turns, np.round(turns), atol=1e-4)


def test_blobs_without_noise(load: Load):
    radius, angle, label = polar("blobs", load, classes=4)
    assert np.allclose(radius, 1) and np.allclose(np.exp(1j * angle), 1j**label, atol=1e-6)


def test_noise_is_a_standard_deviation(load: Load):
    still, noisy = load("blobs", 100_000, 0.0), load("blobs", 100_000, 0.3)
    difference = noisy.train["features"] - still.train["features"]
    assert difference.std() == pytest.approx(0.3, rel=0.01)
