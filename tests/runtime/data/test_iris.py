import numpy as np
import pytest

from .conftest import Load


def test_irises_are_fishers(load: Load):
    dataset = load("iris")
    assert dataset.test is not None
    assert len(dataset.train["label"]) == 120 and len(dataset.test["label"]) == 30
    assert dataset.columns["label"].classes == ("setosa", "versicolor", "virginica")
    features = np.concatenate([dataset.train["features"], dataset.test["features"]])
    label = np.concatenate([dataset.train["label"], dataset.test["label"]])
    assert np.bincount(label).tolist() == [50, 50, 50]
    # The means of Fisher's table I, by species.
    means = [features[label == species].mean(0).tolist() for species in range(3)]
    assert means[0] == pytest.approx([5.006, 3.428, 1.462, 0.246], abs=1e-5)
    assert means[1] == pytest.approx([5.936, 2.770, 4.260, 1.326], abs=1e-5)
    assert means[2] == pytest.approx([6.588, 2.974, 5.552, 2.026], abs=1e-5)
