"""Reading and adding at places that an integer tensor names."""
# pyright: basic

import numpy as np

from .memory import scratch


def take(x, i, out):
    """The rows of x at the places i."""
    if hasattr(np, "cuda"):
        np.take(x, i, axis=0, out=out)
    else:
        np.take(x, i, axis=0, out=out, mode="clip")  # the default mode gathers into a copy first


def put(g, i, out, work):
    """Zeros with the rows of g added at the rows i.

    Each number gets an index of its own, because add.at is fast in one dimension alone.
    """
    width = out[0].size
    places, _ = scratch(work, np.int64, (i.size, width))
    np.multiply(i.reshape(-1, 1), width, out=places, dtype=np.int64)
    np.add(places, np.arange(width), out=places)
    out[...] = 0
    np.add.at(out.reshape(-1), places.reshape(-1), g.reshape(-1))


def positions(shape, i, axis):
    """An index that names i along one axis and every place of the others."""
    grid = list(np.ogrid[tuple(map(slice, shape))])
    grid[axis] = i
    return tuple(grid)


def take_along(x, i, out, axis):
    """x at the places i of the axis."""
    out[...] = x[positions(out.shape, i, axis)]


def put_along(g, i, out, axis):
    """Zeros with g added at the places i of the axis."""
    out[...] = 0
    np.add.at(out, positions(g.shape, i, axis), g)


def window_at(x, offsets, out):
    """From each image the window whose corner is that image's offset."""
    h, w = out.shape[2:]
    for image, (row, column), window in zip(x, offsets.tolist(), out, strict=True):
        window[...] = image[:, row : row + h, column : column + w]


def window_put(g, offsets, out):
    """Zeros with each window where its image's offset says."""
    h, w = g.shape[2:]
    out[...] = 0
    for image, (row, column), window in zip(out, offsets.tolist(), g, strict=True):
        image[:, row : row + h, column : column + w] = window
