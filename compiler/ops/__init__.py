"""The primitives. Importing this package fills REGISTRY."""

from . import (
    contraction,
    elementwise,
    gather,
    leaf,
    movement,
    pooling,
    random,
    reduction,
    row,
    window,
)
from .op import REGISTRY, Op, ShapeError

__all__ = [
    "REGISTRY",
    "Op",
    "ShapeError",
    "contraction",
    "elementwise",
    "gather",
    "leaf",
    "movement",
    "pooling",
    "random",
    "reduction",
    "row",
    "window",
]
