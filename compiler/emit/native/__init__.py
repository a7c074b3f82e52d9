"""A plan as native code for a CPU: kernels as loop nests, written as LLVM's intermediate representation."""

from __future__ import annotations

from . import convolution, gather, movement, pooling, products, random, rows
from .layout import Unsupported
from .program import Host, NativeProgram, Place, Step, build

__all__ = [
    "Host", "NativeProgram", "Place", "Step", "Unsupported", "build",
    "convolution", "gather", "movement", "pooling", "products", "random", "rows",
]  # fmt: skip
