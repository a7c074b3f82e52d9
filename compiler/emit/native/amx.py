"""Intel's matrix unit (AMX): eight tile registers of 16 rows of 64 bytes, and sums of products of them.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18.
"""

from __future__ import annotations

from .text import Function, Index, Value, number, vector

SIDE = 16  # rows of a tile, and 32-bit words of a row
TILE = SIDE * SIDE  # words
_ROW = 4 * SIDE  # bytes
_REGISTERS = 8


def configure(fn: Function) -> None:
    """All registers have their full size from here on, on this thread."""
    settings = [0] * 64
    settings[0] = 1  # the palette
    for register in range(_REGISTERS):
        settings[16 + 2 * register] = _ROW
        settings[48 + register] = SIDE
    place = fn.scratch(len(settings), "i8")
    fn.store(vector(settings, "i8"), place, 0)
    _do(fn, "ldtilecfg", place)


def release(fn: Function) -> None:
    """Give the registers up, which the system would otherwise save for the thread."""
    _do(fn, "tilerelease")


def zero(fn: Function, register: int) -> None:
    _do(fn, "tilezero", number(register, "i8"))


def load(fn: Function, register: int, pointer: Value, word: Index) -> None:
    """A tile whose rows follow each other, from this word on."""
    _do(fn, "tileloadd64", number(register, "i8"), fn.at(pointer, word, "i32"), number(_ROW, "i64"))


def store(fn: Function, register: int, pointer: Value, word: Index) -> None:
    _do(fn, "tilestored64", number(register, "i8"), fn.at(pointer, word, "i32"), number(_ROW, "i64"))


def add_products(fn: Function, sums: int, a: int, b: int) -> None:
    """sums[m, n] += Σ a[m, k] · b[k, n], float32 sums of products of bfloat16.

    A word of a has two of its k, in row m; the same two of b are a word in column n.
    """
    _do(fn, "tdpbf16ps", *(number(register, "i8") for register in (sums, a, b)))


def _do(fn: Function, name: str, *operands: Value) -> None:
    types = ", ".join(f"{o.element} immarg" if o.element == "i8" else o.element for o in operands)
    fn.declarations.add(f"declare void @llvm.x86.{name}({types})")
    fn.emit(f"call void @llvm.x86.{name}({', '.join(map(str, operands))})")
