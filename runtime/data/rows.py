"""Which rows go where: functions of the seed, in NumPy alone, so that generated programs can hold them."""

import hashlib

import numpy as np


def numbers(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """The random numbers of one purpose, which do not depend on what else was drawn before."""
    key = hashlib.blake2b(f"{seed} {purpose} {epoch}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def order(n: int, seed: int, epoch: int) -> np.ndarray:
    """The order of n samples in an epoch: int64[n], the same for the same seed and epoch."""
    return numbers(seed, "shuffle", epoch).permutation(n)


def held_out(n: int, valid: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train with and rows to validate with: `valid` of the n, or that share, chosen by the seed."""
    count = int(valid) if valid >= 1 else round(n * valid)
    shuffled = numbers(seed, "valid").permutation(n)
    # Sorted, so that rows that stand together in memory are read together.
    return np.sort(shuffled[count:]), np.sort(shuffled[:count])


def held_out_tail(windows: np.ndarray, valid: float) -> tuple[slice, slice]:
    """The same for windows [n, T + 1] of a text: those at the end, which the others do not reach into."""
    n, width = windows.shape
    stride = windows.strides[0] // windows.itemsize
    step = max(1, (width - 1) // stride)  # windows from one that is measured to the next
    gap = -(-width // stride) - 1  # windows that reach into the tail
    first = n - step * (int(valid) if valid >= 1 else round(n / step * valid))
    return slice(0, max(0, first - gap)), slice(max(0, first), n, step)
