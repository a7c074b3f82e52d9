"""Draws what parameters and states start from. The functions are pasted into generated programs too."""

from __future__ import annotations

import numpy as np

from ..compiler.emit.kernels.random import generator


def draw(
    name: str, shape: tuple[int, ...], initial: tuple[str | float, ...], seed: int, dtype: str
) -> np.ndarray:
    """The starting value of one parameter or state, by the seed and its name alone.

    initial: a name of compiler/initialisers.py and its arguments in order, all or none of them. Numbers are
    drawn in double precision, so that float32 and float64 start from the same values.
    Raises ValueError where the shape has no input and output axis to take the scale from, or fan_in is below
    0. Sources: glorot: Glorot & Bengio 2010, equation 16; he: He et al. 2015, equation 10; lecun: LeCun,
    Bottou, Orr & Müller 1998, "Efficient BackProp", section 4.6; orthogonal: Saxe, McClelland & Ganguli 2013.
    """
    kind, *numbers = initial
    values = [float(number) for number in numbers]
    rng = generator(f"{name} ~ {kind}", seed, 0)
    if kind in ("zeros", "ones", "constant"):
        (value,) = {"zeros": [0.0], "ones": [1.0], "constant": values}[kind]
        return np.full(shape, value, dtype)
    if kind == "normal":
        mean, std = values or (0.0, 1.0)
        return (mean + std * rng.standard_normal(shape)).astype(dtype)
    if kind == "uniform":
        low, high = values or (-1.0, 1.0)
        return rng.uniform(low, high, shape).astype(dtype)
    if kind == "fan_in_uniform" and any(values):
        if values[0] < 0:
            raise ValueError(f"fan_in of {name} is {values[0]:g}, and should be the number of its inputs")
        limit = values[0] ** -0.5
        return rng.uniform(-limit, limit, shape).astype(dtype)
    if len(shape) < 2:
        raise ValueError(f"{kind} needs two axes, an input and an output; {name} has {len(shape)}")
    if kind == "orthogonal":
        return orthogonal(rng, shape).astype(dtype)
    fan_in, fan_out = fans(shape)
    variance = {
        "glorot": 2 / (fan_in + fan_out),
        "glorot_normal": 2 / (fan_in + fan_out),
        "he": 2 / fan_in,
        "he_normal": 2 / fan_in,
        "lecun": 1 / fan_in,
        "fan_in_uniform": 1 / (3 * fan_in),
    }[str(kind)]
    if kind in ("glorot_normal", "he_normal"):
        return (variance**0.5 * rng.standard_normal(shape)).astype(dtype)
    limit = (3 * variance) ** 0.5  # a uniform distribution on ±limit has variance limit² / 3
    return rng.uniform(-limit, limit, shape).astype(dtype)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers flow into one output, and out of one input: of W[in, out] or of W[k, c, *kernel]."""
    if len(shape) == 2:
        return shape[0], shape[1]
    places = 1
    for size in shape[2:]:
        places *= size
    return shape[1] * places, shape[0] * places


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer, of the first axis against the others."""
    columns = 1
    for size in shape[1:]:
        columns *= size
    wide = shape[0] < columns
    q, r = np.linalg.qr(rng.standard_normal((columns, shape[0]) if wide else (shape[0], columns)))
    q = q * np.sign(np.diag(r))  # without this, signs would not be uniform
    return (q.T if wide else q).reshape(shape)
