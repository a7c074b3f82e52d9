"""Random numbers by counting: no state, so a draw can be repeated, skipped or moved without changing another.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox).
"""
# pyright: basic

import numpy as np


def stream(key):
    """64 bits from a name, the same on every machine (FNV-1a: Fowler, Noll & Vo 1991)."""
    bits = 0xCBF29CE484222325
    for byte in key.encode():
        bits = (bits ^ byte) * 0x100000001B3 % 2**64
    return bits


def generator(key, seed, step):
    """A Philox generator that starts at a place of its own for each key, seed and step."""
    seed, word, step = seed % 2**64, stream(key), int(step)
    if hasattr(np.random, "Philox"):
        # One number each: a list of large and small ones would go through float64.
        return np.random.Generator(np.random.Philox(key=seed + word * 2**64, counter=step * 2**192))
    philox = np.random.Philox4x3210  # type: ignore[attr-defined]  # CuPy's, which takes no key
    return np.random.Generator(philox([seed, word, step]))


def uniform(out, key, seed, step):
    generator(key, seed, step).random(out.shape, dtype=out.dtype, out=out)


def normal(out, key, seed, step):
    generator(key, seed, step).standard_normal(out.shape, dtype=out.dtype, out=out)
