"""What standardize() needs to know of a column. NumPy alone, so that generated programs can hold it."""

import numpy as np

from .lazy import Array


def channel_statistics(array: Array) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation by channel (axis 1), each [channels]; 1 where a channel never varies.

    Joined block by block (Chan, Golub & LeVeque 1983), so that the array need not fit into memory as floats.
    """
    axes = tuple(axis for axis in range(array.ndim) if axis != 1)
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for begin in range(0, len(array), 1024):
        block = np.asarray(array[begin : begin + 1024], np.float64)
        n = block.size // (block.shape[1] if block.ndim > 1 else 1)
        part = block.mean(axis=axes, keepdims=True)
        spread = ((block - part) ** 2).sum(axis=axes)
        delta = part.reshape(spread.shape) - mean
        squares = squares + spread + delta**2 * count * n / (count + n)
        mean = mean + delta * n / (count + n)
        count += n
    std = np.sqrt(squares / count)
    return mean, np.where(std > 0, std, 1.0)
