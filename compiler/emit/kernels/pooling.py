"""Pooling: position by position in the window, over all windows at once."""
# pyright: basic

import numpy as np

from .memory import scratch
from .window import taps


def windows(x, y, kernel, stride, pad):
    """taps for the last axes of x[…, *space] and y[…, *places]."""
    rank = len(kernel)
    return taps(x.shape[-rank:], y.shape[-rank:], kernel, stride, pad, (1,) * rank)


def maxpool(x, out, kernel, stride, pad):
    """The maximum of each window; padding is less than everything."""
    out[...] = -np.inf
    for _, outputs, inputs in windows(x, out, kernel, stride, pad):
        y = out[(..., *outputs)]
        np.maximum(y, x[(..., *inputs)], out=y)


def maxpool_gather(h, x, out, work, kernel, stride, pad):
    """h where each window of x has its first maximum."""
    y, work = scratch(work, x.dtype, out.shape)
    found, _ = scratch(work, bool, out.shape)
    maxpool(x, y, kernel, stride, pad)
    out[...] = 0
    for _, outputs, inputs in reversed(windows(x, out, kernel, stride, pad)):
        here = found[(..., *outputs)]
        np.equal(x[(..., *inputs)], y[(..., *outputs)], out=here)
        np.copyto(out[(..., *outputs)], h[(..., *inputs)], where=here)  # an earlier maximum comes later


def maxpool_scatter(g, x, out, work, kernel, stride, pad):
    """g added where each window of x has its first maximum, 0 elsewhere."""
    y, work = scratch(work, x.dtype, g.shape)
    product, work = scratch(work, x.dtype, g.shape)
    found, work = scratch(work, bool, g.shape)
    done, _ = scratch(work, bool, g.shape)
    apart = all(s >= k for s, k in zip(stride, kernel, strict=True))
    maxpool(x, y, kernel, stride, pad)
    done[...] = False
    out[...] = 0
    for _, outputs, inputs in windows(x, g, kernel, stride, pad):
        here, past, to = found[(..., *outputs)], done[(..., *outputs)], out[(..., *inputs)]
        np.equal(x[(..., *inputs)], y[(..., *outputs)], out=here)
        np.greater(here, past, out=here)  # the first one only
        np.logical_or(here, past, out=past)
        share = to if apart else product[(..., *outputs)]
        np.multiply(g[(..., *outputs)], here, out=share)
        if not apart:
            to += share


def avgpool(x, out, kernel, stride, pad):
    """The mean of each window; zeros of the padding count."""
    out[...] = 0
    for _, outputs, inputs in windows(x, out, kernel, stride, pad):
        out[(..., *outputs)] += x[(..., *inputs)]
    for k in kernel:
        out /= k


def avgpool_gradient(g, out, work, kernel, stride, pad):
    """Each window's gradient in equal shares to what the window covers."""
    share, _ = scratch(work, g.dtype, g.shape)
    share[...] = g
    for k in kernel:
        share /= k
    out[...] = 0
    for _, outputs, inputs in windows(out, share, kernel, stride, pad):
        out[(..., *inputs)] += share[(..., *outputs)]
