"""Fisher's 150 irises, which ship with the project (files/README.md says where they are from)."""

from pathlib import Path
from typing import Any

import numpy as np

from .source import Arguments, Column, Columns, Dataset, Source


def read_iris(path: str) -> dict[str, dict[str, np.ndarray]]:
    """Read lines of four lengths in cm and a species: 120 lines to train with, then 30 to test with."""
    rows = np.loadtxt(path, np.float32, delimiter=",")
    features, label = rows[:, :4].copy(), rows[:, 4].astype(np.uint8)
    return {
        "train": {"features": features[:120], "label": label[:120]},
        "test": {"features": features[120:], "label": label[120:]},
    }


def describe(arguments: Arguments) -> Columns:
    species = ("setosa", "versicolor", "virginica")
    return {
        "features": Column(np.dtype(np.float32), (4,)),  # sepal length and width, petal length and width
        "label": Column(np.dtype(np.uint8), (), species, 3),
    }


def call(arguments: Arguments) -> dict[str, Any]:
    return {"path": str(Path(__file__).parent / "files" / "iris.csv")}


def load(arguments: Arguments) -> Dataset:
    return Dataset.of(describe(arguments), read_iris(**call(arguments)))


SUMMARY = "150 irises of three species, four lengths in cm; nothing to fetch"
IRIS = Source("iris", SUMMARY, (), describe, load, read_iris, call)
