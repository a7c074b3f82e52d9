"""Convolution: patches are gathered into a matrix, and one matrix product does the arithmetic.

Results (`out`) and scratch memory (`work`) lie in one piece; operands may be any view.
Source: Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document
processing".
"""
# pyright: basic

import numpy as np

from .memory import scratch


def taps(space, places, kernel, stride, pad, dilation):
    """For each position in the kernel: its index, the outputs that it serves, the inputs that it meets there.

    Outputs for which it would meet the padding are left out.
    """
    found = [((), (), ())]
    for n, m, k, s, (before, _), d in zip(space, places, kernel, stride, pad, dilation, strict=True):
        axis = []
        for i in range(k):
            shift = i * d - before  # output o meets input o * s + shift
            first, last = max(0, -(shift // s)), min(m - 1, (n - 1 - shift) // s)
            if first <= last:
                inputs = slice(first * s + shift, last * s + shift + 1, s)
                axis.append((i, slice(first, last + 1), inputs))
        found = [((*at, i), (*o, p), (*x, q)) for at, o, x in found for i, p, q in axis]
    return found


def conv(x, w, out, work, stride, pad, dilation, groups):
    """x[N, c, …] with w[k, c / groups, …], some samples at a time so that their patches stay in the cache."""
    shape = (x.shape[1], *w.shape[2:], *out.shape[2:])
    one, _ = scratch(work, x.dtype, shape)
    step = min(len(x), len(work) // one.nbytes)
    patches, _ = scratch(work, x.dtype, (step, *shape))
    patches[...] = 0  # what lies in the padding stays so
    weights = w.reshape(groups, len(w) // groups, -1)
    reach = taps(x.shape[2:], out.shape[2:], w.shape[2:], stride, pad, dilation)
    for n in range(0, len(x), step):
        some = x[n : n + step]
        part = patches[: len(some)]
        for at, outputs, inputs in reach:
            part[(..., *at, *outputs)] = some[(..., *inputs)]
        columns = part.reshape(len(some), groups, weights.shape[2], -1)
        y = out[n : n + step].reshape(len(some), groups, weights.shape[1], -1)
        np.matmul(weights, columns, out=y)


def conv_input_gradient(g, w, out, work, stride, pad, dilation, groups):
    """Each output's gradient times the kernel is a patch; patches are added where conv takes them from."""
    shape = (out.shape[1], *w.shape[2:], *g.shape[2:])
    one, _ = scratch(work, g.dtype, shape)
    step = min(len(g), len(work) // one.nbytes)
    patches, _ = scratch(work, g.dtype, (step, *shape))
    weights = w.reshape(groups, len(w) // groups, -1)
    reach = taps(out.shape[2:], g.shape[2:], w.shape[2:], stride, pad, dilation)
    out[...] = 0
    for n in range(0, len(g), step):
        some = out[n : n + step]
        part = patches[: len(some)]
        columns = part.reshape(len(some), groups, weights.shape[2], -1)
        gradient = g[n : n + step].reshape(len(some), groups, weights.shape[1], -1)
        np.matmul(weights.swapaxes(1, 2), gradient, out=columns)
        for at, outputs, inputs in reach:
            some[(..., *inputs)] += part[(..., *at, *outputs)]


def conv_weight_gradient(x, g, out, work, stride, pad, dilation, groups):
    """Patches times the gradients of what they gave; the matrix product sums over places and samples."""
    kernel, places = out.shape[2:], g.shape[2:]
    product, work = scratch(work, x.dtype, (groups, len(out) // groups, out[0].size))
    one, _ = scratch(work, x.dtype, (x.shape[1], *kernel, *places))
    step = min(len(x), len(work) // (one.nbytes + g[0].nbytes))
    reach = taps(x.shape[2:], places, kernel, stride, pad, dilation)
    out[...] = 0
    for n in range(0, len(x), step):
        some, gradient = x[n : n + step].swapaxes(0, 1), g[n : n + step].swapaxes(0, 1)
        patches, rest = scratch(work, x.dtype, (len(some), *kernel, some.shape[1], *places))
        rows, _ = scratch(rest, x.dtype, gradient.shape)
        patches[...] = 0
        for at, outputs, inputs in reach:
            patches[(slice(None), *at, slice(None), *outputs)] = some[(..., *inputs)]
        rows[...] = gradient
        columns = patches.reshape(groups, product.shape[2], -1)
        np.matmul(rows.reshape(groups, product.shape[1], -1), columns.swapaxes(1, 2), out=product)
        out += product.reshape(out.shape)
