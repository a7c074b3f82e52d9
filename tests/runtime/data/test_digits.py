import numpy as np

from .conftest import Load


def test_digits_are_those_of_the_uci_set(load: Load):
    dataset = load("digits")
    train, test = dataset.train, dataset.test
    assert test is not None and dataset.valid is None
    assert train["image"].shape == (1437, 1, 8, 8) and test["image"].shape == (360, 1, 8, 8)
    label = np.concatenate([train["label"], test["label"]])
    image = np.concatenate([train["image"], test["image"]])
    # As counted in the set's own documentation.
    assert np.bincount(label).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (image.dtype, image.min(), image.max()) == (np.uint8, 0, 16)
    # The first sample of the file, a zero, as UCI prints it.
    zero = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    found = np.flatnonzero((image.reshape(-1, 64)[:, :16] == zero).all(axis=1))
    assert label[found].tolist() == [0]


def test_nearest_neighbours_know_most_digits(load: Load):
    """The pixels belong to the labels: 1-NN errs on one or two in a hundred of this set."""
    dataset = load("digits")
    assert dataset.test is not None
    known = dataset.train["image"].reshape(-1, 64).astype(float)
    asked = dataset.test["image"].reshape(-1, 64).astype(float)
    distance = (asked**2).sum(1)[:, None] - 2 * asked @ known.T + (known**2).sum(1)
    assert (dataset.train["label"][distance.argmin(1)] == dataset.test["label"]).mean() > 0.97
