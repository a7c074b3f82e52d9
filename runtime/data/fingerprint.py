"""What tells data from other data, though only a few samples are read."""

import hashlib

import numpy as np

from .source import Dataset

ROWS = 64  # of each column and split


def fingerprint(data: Dataset) -> str:
    """A digest of samples from all over the data. Raises DataError where they cannot be read."""
    made = hashlib.blake2b(digest_size=16)
    for name, split in (("train", data.train), ("valid", data.valid), ("test", data.test)):
        for column, array in sorted((split or {}).items()):
            rows = np.unique(np.linspace(0, len(array) - 1, ROWS).astype(np.intp))
            made.update(f"{name} {column} {array.dtype.str} {array.shape}".encode())
            made.update(np.asarray(array[rows]).tobytes())
    return made.hexdigest()
