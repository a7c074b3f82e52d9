"""Arrays as small grey or coloured bitmaps, written with Pillow."""

from __future__ import annotations

import io
from math import ceil, sqrt

import numpy as np

from ..model import Array
from .engine import RenderError

_SIDE = 32  # pixels of an image's shorter side at least, so that its numbers stay sharp squares
_LINE = 2  # pixels between the images of a sheet


def png(pixels: Array) -> bytes:
    """uint8[h, w, 4] as a PNG file. Raises RenderError where Pillow is missing."""
    try:
        from PIL import Image
    except ImportError:
        raise RenderError("thumbnails need Pillow, and it is missing", "pip install 'netc[draw]'") from None
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def sheet(images: Array) -> Array:
    """Images uint8[n, h, w] or [n, h, w, 3] side by side in rows: uint8[H, W, 4], with nothing between."""
    n, h, w = images.shape[:3]
    factor = max(1, ceil((_SIDE if n > 1 else 10 * _SIDE) / max(min(h, w), max(h, w) // 8)))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    if images.ndim == 3:
        images = images[..., None].repeat(3, axis=-1)
    h, w = h * factor + _LINE, w * factor + _LINE
    columns = min(ceil(sqrt(n * 1.6 * h / w)), n)
    rows = ceil(n / columns)
    whole = np.zeros((rows * h - _LINE, columns * w - _LINE, 4), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * h, i % columns * w
        whole[y : y + h - _LINE, x : x + w - _LINE] = np.dstack(
            [image, np.full(image.shape[:2], 255, np.uint8)]
        )
    return whole


def grey(array: Array) -> Array:
    """Numbers as grey, the least black and the greatest white, as uint8."""
    values = np.nan_to_num(array.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    return ((values - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)


def signed(array: Array) -> Array:
    """Numbers as grey with 0 in the middle, each of the first axis on a scale of its own, as uint8."""
    values = np.nan_to_num(array.astype(np.float64))
    most = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    return (values / np.where(most > 0, most, 1) * 127 + 128).round().astype(np.uint8)


def image(array: Array) -> Array:
    """An image [c, h, w] of 1 or 3 channels, or [h, w], as it looks: uint8[h, w] or uint8[h, w, 3]."""
    pixels = grey(array)
    if pixels.ndim == 2:
        return pixels
    return pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
