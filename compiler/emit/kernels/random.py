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
    drawn = generator(key, seed, step).random(out.size + out.size % 2, dtype=out.dtype)
    out[...] = normals(drawn)[: out.size].reshape(out.shape)


def normals(drawn):
    """[…, count] normal numbers from as many uniform ones, two from two (Box & Muller 1958)."""
    radius, angle = np.sqrt(-2 * np.log(1 - drawn[..., ::2])), 2 * np.pi * drawn[..., 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(drawn.shape)


def philox(counter, key):
    """Philox4x32-10: four random words of 32 bits, for counters of four such words and a key of 64 bits."""
    a, b, c, d = counter
    low, high = key % 2**32, key >> 32
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = q >> 32 ^ b ^ low, q & 0xFFFFFFFF, p >> 32 ^ d ^ high, p & 0xFFFFFFFF
        low, high = (low + 0x9E3779B9) % 2**32, (high + 0xBB67AE85) % 2**32
    return a, b, c, d


def fractions(count, dtype, key, seed, epoch, rows):
    """[len(rows), count] numbers k / 2²⁴ from 0 to below 1; those of a row depend on its number alone."""
    block = np.arange(-(-count // 4), dtype=np.uint64)[None, :]
    row = np.asarray(rows).astype(np.uint64)[:, None]
    words = philox((block + 0 * row, row + 0 * block, epoch + 0 * row, 0 * row), seed % 2**64 ^ stream(key))
    words = np.stack(words, axis=-1).reshape(len(row), -1)[:, :count]
    return (words >> 8).astype(dtype) * 2.0**-24


def sample_uniform(out, key, seed, epoch, rows):
    drawn = fractions(out.size // len(out), out.dtype, key, seed, epoch, rows)
    out[...] = drawn.reshape(out.shape)


def sample_normal(out, key, seed, epoch, rows):
    count = out.size // len(out)
    drawn = fractions(count + count % 2, out.dtype, key, seed, epoch, rows)
    out[...] = normals(drawn)[:, :count].reshape(out.shape)
