"""What a data block draws for a sample depends on the seed, the sample and the epoch: on nothing else."""

from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.emit.program import build
from netc.compiler.ir import Result
from netc.compiler.passes import optimise
from netc.runtime.data.batches import Batches
from netc.runtime.data.lazy import SelectedArray
from netc.runtime.model import Model
from netc.runtime.opening import open_data, open_model
from netc.runtime.program import load

NET = """
input x[N, 8, 8]
input y[N] : class(10)
logits = flatten(x) -> dense(10)
loss cross_entropy(logits, y)
data digits() {
    x = image -> rotated -> flip -> crop(8, pad = 2) -> noise -> masked -> squeeze(axis = 1)
    y = label
}
layer rotated(image[N, c, h, w]) {
    if training { return where(uniform([N, 1, 1, 1]) < 0.5, transpose(image, [0, 1, 3, 2]), image) }
    return image
}
layer masked(image[N, c, h, w]) {
    if training { return where(uniform([N, 1, 1, 1]) < 0.1, 0, image) }
    return image
}
train sgd(lr = 0.1) { epochs = 1 }
"""


@pytest.fixture(scope="module")
def model() -> Model:
    return open_model(Source("digits.net", NET), Path(), device="cpu")


def augmented(
    model: Model,
    batch: int,
    epoch: int = 1,
    start: int = 0,
    seed: int = 0,
    order: int = 0,
    lazy: bool = False,
) -> dict[int, np.ndarray]:
    """What the network is fed for each sample of an epoch, from a batch on. order: the seed of the order."""
    train = open_data(model.compiled.network, model.base, 0).train
    if lazy:
        train = {n: SelectedArray(a, np.arange(len(a))) for n, a in train.items()}
    graph = optimise(model.compiled.network.training_data)
    found: dict[int, np.ndarray] = {}
    for given in Batches(train, batch, order, names=["image", "label"]).epoch(epoch, start):
        program = load(build(graph, given.size, "data"), model.device, model.memory)
        values = program.run(given.columns, 5, 9, seed, epoch, given.rows)
        found |= zip(given.rows.tolist(), values[Result("input", "x")], strict=True)
    return found


def test_a_sample_is_augmented_alike_in_every_batch(model: Model) -> None:
    whole = augmented(model, 100)
    ways = [
        augmented(model, 37),
        augmented(model, 100, order=1),
        augmented(model, 37, start=12),
        augmented(model, 100, lazy=True),
    ]
    for found in ways:
        assert len(found) > 500
        for row, value in found.items():
            np.testing.assert_array_equal(value, whole[row])


def test_epochs_and_seeds_augment_differently(model: Model) -> None:
    whole = augmented(model, 100)
    for found in (augmented(model, 100, epoch=2), augmented(model, 100, seed=1)):
        assert np.mean([(value == whole[row]).all() for row, value in found.items()]) < 0.05


def test_a_whole_training_does_not_depend_on_how_it_is_cut_into_steps() -> None:
    """With a learning rate of 0, the mean loss of an epoch is that of its augmented samples."""
    losses: list[float] = []
    for batch in (50, 64):
        text = NET.replace("lr = 0.1", "lr = 0").replace("epochs = 1", f"epochs = 1, batch = {batch}")
        text = text.replace("epochs = 1,", "precision = float64, epochs = 1,")
        losses += open_model(Source("digits.net", text), Path(), device="cpu").fit().column("train.loss")
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)
