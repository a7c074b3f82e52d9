"""float32 numbers as sums of three bfloat16 numbers, in the tiles that a matrix unit multiplies.

x = high + middle + low exactly: each has 8 of the 24 bits. Of the nine products of two such sums the six
largest do: what is left out is below 2⁻²² of a product, as much as float32 rounds.
Source: Henry, Tang & Heinecke 2019, "Leveraging the bfloat16 artificial intelligence datatype for
higher-precision computations".
"""

from __future__ import annotations

from typing import NamedTuple

from .amx import SIDE, TILE
from .copying import transposed
from .text import Function, Index, Value, number, vector

PARTS = 3  # of a number
PRODUCTS = (
    (0, 2),
    (0, 1),
    (1, 1),
    (1, 0),
    (2, 0),
    (0, 0),
)  # of the parts of two numbers: few change at a time
_UNROLLED = 4  # rows


class Square(NamedTuple):
    """Numbers of a matrix in memory, from a place on: so many rows and columns, of at most SIDE."""

    start: Index
    rows: Index
    columns: Index


Pair = tuple[Square, Square]


class Splitter:
    """Makes tiles of the squares of a matrix, whose rows and columns are so far apart; one of both is 1."""

    def __init__(self, fn: Function, pointer: Value, row: int, column: int) -> None:
        self._fn, self._pointer, self._row, self._column = fn, pointer, row, column
        self._turned = None if column == 1 else fn.scratch(2 * TILE, "float")

    def split(self, pair: Pair, target: Value, place: Index) -> None:
        """The tiles of the three parts, one after the other; a word has a number of each square.

        What the squares lack counts as 0.
        """
        fn = self._fn
        if self._turned is not None:
            for i, square in enumerate(pair):
                self._turn(square, self._turned, i * TILE)
        with fn.loop(0, SIDE, _UNROLLED) as first:
            for k in range(_UNROLLED):
                row = fn.add(first, k)
                low, high = (self._vector(square, row, i * TILE) for i, square in enumerate(pair))
                for part, word in enumerate(_words(fn, low, high)):
                    fn.store(word, target, fn.add(place, fn.multiply(row, SIDE), part * TILE))

    def _vector(self, square: Square, row: Index, turned: int) -> Value:
        fn = self._fn
        if self._turned is not None:
            return fn.load(self._turned, fn.add(turned, fn.multiply(row, SIDE)), "float", SIDE)
        place = fn.add(square.start, fn.multiply(row, self._row))
        return self._load(place, square.columns, row, square.rows)

    def _turn(self, square: Square, target: Value, place: int) -> None:
        """The rows of a square whose columns are vectors in memory."""
        fn = self._fn
        columns = [
            self._load(fn.add(square.start, k * self._column), square.rows, k, square.columns)
            for k in range(SIDE)
        ]
        for k, row in enumerate(transposed(fn, columns)):
            fn.store(row, target, place + k * SIDE)

    def _load(self, place: Index, count: Index, vector_: Index, vectors: Index) -> Value:
        """The first numbers of a vector, as many as there are, or 0 where there are not so many vectors."""
        fn = self._fn
        if count == SIDE and vectors == SIDE:
            return fn.load(self._pointer, place, "float", SIDE)
        there = fn.compare("slt", fn.index(vector_), fn.index(vectors))
        known = fn.splat(fn.select(there, fn.index(count), number(0, "i64")), SIDE)
        mask = fn.compare("slt", vector(range(SIDE), "i64"), known)
        return fn.load(self._pointer, place, "float", SIDE, mask)


def _words(fn: Function, low: Value, high: Value) -> list[Value]:
    """For each part: that of the one number in the lower half of a word, that of the other in the upper."""
    sixteen = number(16, "i32", SIDE)
    parts = zip(_parts(fn, low), _parts(fn, high), strict=True)
    return [fn.binary("or", fn.binary("lshr", a, sixteen), b) for a, b in parts]


def _parts(fn: Function, x: Value) -> list[Value]:
    """The bits of the parts, each in the upper half of a word: the first is rounded, the others cut off."""
    upper, half = number(-0x10000, "i32", SIDE), number(0x8000, "i32", SIDE)
    high = fn.binary("and", fn.binary("add", fn.cast("bitcast", x, "i32"), half), upper)
    rest = fn.binary("fsub", x, fn.cast("bitcast", high, "float"))
    middle = fn.binary("and", fn.cast("bitcast", rest, "i32"), upper)
    low = fn.binary("fsub", rest, fn.cast("bitcast", middle, "float"))
    return [high, middle, fn.cast("bitcast", low, "i32")]
