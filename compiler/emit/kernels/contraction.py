"""einsum by matrix products. (CuPy has none with `out`; NumPy's looks for an order again in every call.)"""
# pyright: basic

import numpy as np


def einsum(spec, *operands, out):
    """Operands are taken from left to right; letters are summed as soon as nothing needs them."""
    terms, result = spec.replace(" ", "").split("->")
    (left, *terms), (a, *operands) = terms.split(","), operands
    while len(operands) > 1:
        later = result + "".join(terms[1:])
        kept = "".join(letter for letter in dict.fromkeys(left + terms[0]) if letter in later)
        sizes = dict(zip(left + terms[0], a.shape + operands[0].shape, strict=True))
        product = np.empty([sizes[letter] for letter in kept], out.dtype)
        contract(a, left, operands[0], terms[0], product, kept)
        a, left, operands, terms = product, kept, operands[1:], terms[1:]
    if operands:
        contract(a, left, operands[0], terms[0], out, result)
    else:
        out[...] = ordered(a, left, result)


def contract(a, left, b, right, out, result):
    """out[result] = Σ a[left] b[right], by one matrix product for each value of the letters in all three."""
    if result and result[-1] not in right:
        a, left, b, right = b, right, a, left  # so that the fastest letter of the result is a column
    both = "".join(letter for letter in result if letter in left and letter in right)
    rows = "".join(letter for letter in result if letter not in right)
    columns = "".join(letter for letter in result if letter not in left)
    inner = "".join(letter for letter in left if letter in right and letter not in result)
    a, b = ordered(a, left, both + rows + inner), ordered(b, right, both + inner + columns)
    target = ordered(out, result, both + rows + columns)
    n, batch, depth = len(both), target.shape[: len(both)], 1
    for size in a.shape[n + len(rows) :]:
        depth *= size
    if not inner:  # nothing to sum: each with each
        a = a.reshape((*a.shape, *[1] * len(columns)))
        b = b.reshape((*batch, *[1] * len(rows), *b.shape[n:]))
        np.multiply(a, b, out=target)
    elif both + rows + columns == result:
        a, b = a.reshape((*batch, -1, depth)), b.reshape((*batch, depth, -1))
        np.matmul(a, b, out=out.reshape((*batch, a.shape[n], b.shape[n + 1])))
    else:
        product = np.matmul(a.reshape((*batch, -1, depth)), b.reshape((*batch, depth, -1)))
        target[...] = product.reshape(target.shape)


def ordered(a, letters, wanted):
    """The axes in the wanted order; those that are not wanted are summed."""
    lone = tuple(axis for axis, letter in enumerate(letters) if letter not in wanted)
    kept = [letter for letter in letters if letter in wanted]
    return (a.sum(axis=lone) if lone else a).transpose([kept.index(letter) for letter in wanted])
