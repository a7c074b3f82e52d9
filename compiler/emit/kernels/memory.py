"""Arrays in scratch memory."""
# pyright: basic

import numpy as np


def scratch(work, dtype, shape):
    """An array at the start of the scratch memory, and the memory after it."""
    size = np.dtype(dtype).itemsize
    for n in shape:
        size *= n
    return work[:size].view(dtype).reshape(shape), work[size:]
