"""Functions of each number by itself. `out` may be an operand: nothing is read after it is written there."""
# pyright: basic

import numpy as np

from .memory import scratch


def sigmoid(x, out):
    """1 / (1 + exp(-x)), where exp(-x) stays below the largest float."""
    np.negative(x, out=out)
    np.minimum(out, 88 if out.dtype == np.float32 else 709, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def where(c, a, b, out, work):
    """a where c holds, else b."""
    otherwise, _ = scratch(work, bool, np.shape(c))
    np.logical_not(c, out=otherwise)
    np.copyto(out, a, where=c)
    np.copyto(out, b, where=otherwise)


def erf(x, out, work):
    """sign(x) √(1 - exp(-s P(s) / Q(s))) with s = x²; in double precision within 5e-16 of its value.

    P / Q is a least-squares fit of -log(1 - erf(x)²) / x² for s from 0 to 36, where erf is 1 in all digits.
    Where s underflows, |x| below 1e-150 or so, it gives 0.
    """
    P = [
        -6.26841007587247e-12, 2.96966810300016e-07, 1.045308659991137e-05, 1.8507834994653053e-04,
        2.324050151054613e-03, 1.9455589461630157e-02, 1.2302077853308725e-01, 4.643167406583981e-01,
        1.273239544735163,
    ]  # fmt: skip
    Q = [
        2.9517190052155426e-07, 9.830606526405747e-06, 1.7191277199649972e-04, 2.095944385793184e-03,
        1.736750136572401e-02, 1.0581602189845273e-01, 3.947204096469148e-01, 1.0,
    ]  # fmt: skip
    s, work = scratch(work, out.dtype, out.shape)
    p, work = scratch(work, out.dtype, out.shape)
    q, work = scratch(work, out.dtype, out.shape)
    np.abs(x, out=s)
    np.minimum(s, 6, out=s)
    np.multiply(s, s, out=s)
    for polynomial, coefficients in ((p, P), (q, Q)):
        polynomial[...] = coefficients[0]
        for c in coefficients[1:]:
            np.multiply(polynomial, s, out=polynomial)
            np.add(polynomial, c, out=polynomial)
    np.multiply(p, s, out=p)
    np.divide(p, q, out=p)
    np.negative(p, out=p)
    np.expm1(p, out=p)
    np.negative(p, out=p)
    np.sqrt(p, out=p)
    np.copysign(p, x, out=out)
