"""Copies into a larger tensor."""
# pyright: basic


def embed(x, out, start, step):
    """Zeros with x at start, start + step, … along each axis."""
    out[...] = 0
    out[tuple(slice(a, a + n * s, s) for a, n, s in zip(start, x.shape, step, strict=True))] = x


def pad(x, out, before, value):
    """`value` with x in it, `before` places from the start of each axis."""
    out[...] = value
    out[tuple(slice(a, a + n) for a, n in zip(before, x.shape, strict=True))] = x
