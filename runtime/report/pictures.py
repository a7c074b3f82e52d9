"""Pictures in a page: samples, and what the first layer looks for."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

FILTERS = 64


def data_uri(pixels: np.ndarray) -> str:
    """A PNG, as an address that holds it. pixels: uint8[c, h, w], with 1 or 3 channels."""
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def brightened(pixels: np.ndarray) -> np.ndarray:
    """Integers [n, c, h, w] as uint8: those of fewer than 8 bits (the digits have 0 to 16) are stretched."""
    top = int(pixels.max(initial=1))
    return pixels.astype(np.uint8) if top > 127 else (pixels * (255 // max(top, 1))).astype(np.uint8)


def filters(weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The weights of a first layer as pictures uint8[k, c, h, w], grey where they are 0; None if they are
    none.

    weights: of a convolution, [k, c, h, w], or of a layer [c·h·w, k] that sees every pixel. shape: that of
    a picture, [c, h, w].
    """
    if weights.ndim == 4 and weights.shape[1] == shape[0] and min(weights.shape[2:]) > 1:
        found = weights
    elif weights.ndim == 2 and weights.shape[0] == int(np.prod(shape)):
        found = weights.T.reshape(-1, *shape)
    else:
        return None
    found = found[:FILTERS].astype(np.float64)
    largest = np.abs(found).max(axis=(1, 2, 3), keepdims=True)
    return np.rint(127.5 + 127.5 * found / np.where(largest > 0, largest, 1)).astype(np.uint8)
