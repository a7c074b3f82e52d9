"""What a kernel must know of the processor: the width and the number of its vector registers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Isa:
    """An instruction set.

    lanes: float32 numbers in a vector; registers: vector registers that a loop can keep its values in.
    matrix: whether there is a unit that multiplies tiles (see `amx.py`).
    """

    name: str
    lanes: int
    registers: int
    matrix: bool = False


AVX512 = Isa("avx512", lanes=16, registers=32)
AMX = replace(AVX512, matrix=True)
AVX2 = Isa("avx2", lanes=8, registers=16)
SSE = Isa("sse", lanes=4, registers=16)
NEON = Isa("neon", lanes=4, registers=32)
SCALAR = Isa("scalar", lanes=4, registers=16)  # LLVM makes single numbers, or what else there is, of vectors

_NEEDED = (
    (AMX, {"avx512f", "fma", "amx-tile", "amx-bf16"}),
    (AVX512, {"avx512f", "fma"}),
    (AVX2, {"avx2", "fma"}),
    (SSE, {"sse2"}),
    (NEON, {"neon"}),
)


def isa_of(features: Collection[str]) -> Isa:
    """The widest instruction set that a processor with these features, as LLVM calls them, has."""
    return next((isa for isa, needed in _NEEDED if needed <= set(features)), SCALAR)
