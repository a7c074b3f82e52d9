"""Which rows go where: functions of the seed alone, in NumPy alone, so that generated programs can hold them."""

import hashlib

import numpy as np


def numbers(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """The random numbers of one purpose, which do not depend on what else was drawn before."""
    key = hashlib.blake2b(f"{seed} {purpose} {epoch}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def order(n: int, seed: int, epoch: int) -> np.ndarray:
    """The order of n samples in an epoch: int64[n], the same for the same seed and epoch."""
    return numbers(seed, "shuffle", epoch).permutation(n)


def held_out(n: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay in training and the `count` that are held out to validate, each in their old order."""
    shuffled = numbers(seed, "valid").permutation(n)
    # Sorted, so that rows that stand together in memory are read together.
    return np.sort(shuffled[count:]), np.sort(shuffled[:count])
