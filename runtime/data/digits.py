"""The 1797 handwritten digits that ship with the project (files/README.md says where they are from)."""

from pathlib import Path
from typing import Any

import numpy as np

from .source import Arguments, Column, Columns, Dataset, Source


def read_digits(path: str) -> dict[str, dict[str, np.ndarray]]:
    """Read lines of 64 pixels (0..16) and a digit: 1437 lines to train with, then 360 to test with."""
    rows = np.loadtxt(path, np.uint8, delimiter=",")
    image, label = rows[:, :64].copy().reshape(-1, 1, 8, 8), rows[:, 64].copy()
    return {
        "train": {"image": image[:1437], "label": label[:1437]},
        "test": {"image": image[1437:], "label": label[1437:]},
    }


def describe(arguments: Arguments) -> Columns:
    digits = tuple("0123456789")
    return {
        "image": Column(np.dtype(np.uint8), (1, 8, 8)),
        "label": Column(np.dtype(np.uint8), (), digits, 10),
    }


def call(arguments: Arguments) -> dict[str, Any]:
    return {"path": str(Path(__file__).parent / "files" / "digits.csv.gz")}


def load(arguments: Arguments) -> Dataset:
    return Dataset.of(describe(arguments), read_digits(**call(arguments)))


SUMMARY = "1797 handwritten digits, 8 by 8 pixels of 0..16; nothing to fetch"
DIGITS = Source("digits", SUMMARY, (), describe, load, read_digits, call)
