"""Softmax and its kin. A row of -inf alone is shifted by the lowest float: -inf - -inf is no number."""
# pyright: basic

import numpy as np

from .memory import scratch


def one_a_row(work, x, axis):
    """Scratch memory for one number for each row of x along the axis, and the memory after it."""
    return scratch(work, x.dtype, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def softmax(x, out, work, axis):
    """exp(x) / Σ exp(x) along the axis."""
    row, _ = one_a_row(work, x, axis)
    np.max(x, axis=axis, keepdims=True, out=row)
    np.maximum(row, np.finfo(x.dtype).min, out=row)
    np.subtract(x, row, out=out)
    np.exp(out, out=out)
    np.sum(out, axis=axis, keepdims=True, out=row)
    np.maximum(row, 1, out=row)  # the largest term is exp(0): less than 1 is a row of -inf
    np.divide(out, row, out=out)


def logsumexp(x, out, work, axis, keep):
    """log Σ exp(x) along the axis."""
    top = out if keep else np.expand_dims(out, axis)
    row, work = one_a_row(work, x, axis)
    terms, _ = scratch(work, x.dtype, x.shape)
    np.max(x, axis=axis, keepdims=True, out=top)
    np.maximum(top, np.finfo(x.dtype).min, out=row)
    np.subtract(x, row, out=terms)
    np.exp(terms, out=terms)
    np.sum(terms, axis=axis, keepdims=True, out=row)
    np.maximum(row, 1, out=row)
    np.log(row, out=row)
    np.add(top, row, out=top)


def log_softmax(x, out, work, axis):
    """x - log Σ exp(x) along the axis."""
    top, work = one_a_row(work, x, axis)
    total, _ = one_a_row(work, x, axis)
    np.max(x, axis=axis, keepdims=True, out=top)
    np.maximum(top, np.finfo(x.dtype).min, out=top)
    np.subtract(x, top, out=out)
    np.exp(out, out=out)
    np.sum(out, axis=axis, keepdims=True, out=total)
    np.maximum(total, 1, out=total)
    np.log(total, out=total)
    np.subtract(x, top, out=out)  # again: log(exp(…)) would lose the small ones
    np.subtract(out, total, out=out)
