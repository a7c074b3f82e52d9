"""Random numbers by counting, the same as those of the NumPy target.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, prod

from ...ir import Extent, N, Node, TensorType
from ..kernels.random import stream
from . import math
from .layout import Batch, Layout
from .nest import Buffer, Tensor, Writer
from .select import Selection, rule
from .text import Function, Index, Value, number, vector

_ROUNDS = 10
_LOW = 2**32 - 1


def _word(name: str) -> Tensor:
    return Tensor(Buffer(-1, "word", 8, name), Layout(()), "int64")


def _with(fn: Function, operation: str, x: Value, constant: int) -> Value:
    return fn.binary(operation, x, number(constant, x.element, x.lanes))


# Numbers of the samples: four for each counter (which four, row, epoch), by Philox4x32-10.


def _philox4x32(fn: Function, counter: Sequence[Value], key: Value) -> list[Value]:
    """Four random words of 32 bits, each in 64, for counters of four such words and a key of 64 bits."""
    a, b, c, d = counter
    low, high = _with(fn, "and", key, _LOW), _with(fn, "lshr", key, 32)
    for _ in range(_ROUNDS):
        p, q = _with(fn, "mul", a, 0xD2511F53), _with(fn, "mul", c, 0xCD9E8D57)
        mixed = [
            fn.binary(
                "xor", fn.binary("xor", _with(fn, "lshr", product, 32), word), fn.splat(part, word.lanes)
            )
            for product, word, part in ((q, b, low), (p, d, high))
        ]
        (a, c), b, d = mixed, _with(fn, "and", q, _LOW), _with(fn, "and", p, _LOW)
        low = _with(fn, "and", _with(fn, "add", low, 0x9E3779B9), _LOW)
        high = _with(fn, "and", _with(fn, "add", high, 0xBB67AE85), _LOW)
    return [a, b, c, d]


def _rows(fn: Function, rows: Value, first: Index, batch: Batch) -> Value:
    """The numbers of a block's samples; padding samples have that of the last one."""
    places = fn.binary("add", fn.splat(fn.index(first), batch.lanes), vector(range(batch.lanes), "i64"))
    last = number(batch.n - 1, "i64", batch.lanes)
    return fn.gather(rows, places if batch.full else fn.intrinsic("smin", places, last), "i64")


def _share(fn: Function, word: Value, drop: int, out: Tensor) -> Value:
    """A number from 0 to below 1 of a word, without its lowest bits; `drop` leaves 24 or 53 of them."""
    bits = 53 if drop == 11 else 24
    number_of = fn.cast("uitofp", _with(fn, "lshr", word, drop), out.element)
    return fn.binary("fmul", number_of, number(2.0**-bits, out.element, word.lanes))


def _normal_pair(fn: Function, u: Value, v: Value) -> tuple[Value, Value]:
    """Two numbers of the normal distribution from two of the uniform one (Box & Muller 1958)."""

    def constant(value: float) -> Value:
        return number(value, u.element, u.lanes)

    log = math.log(fn, fn.binary("fsub", constant(1), u))
    radius = fn.intrinsic("sqrt", fn.binary("fmul", constant(-2), log))
    angle = fn.binary("fmul", constant(2 * pi), v)
    cos, sin = (math.library(fn, name, angle) for name in ("cos", "sin"))
    return fn.binary("fmul", radius, cos), fn.binary("fmul", radius, sin)


@rule("sample_uniform", "sample_normal")
def of_samples(selection: Selection, node: Node) -> None:
    """For each sample numbers that depend on its row and the epoch alone."""
    if node.type.shape[:1] != (N,):
        selection.fall_back(node)
        return
    out, batch, lanes = selection.out(node), selection.batch, selection.isa.lanes
    rows = Tensor(Buffer(0, "rows", 0), Layout(()), "int64")
    writer = Writer([rows, _word("seed:uint64"), _word("epoch:int64"), out], lanes)
    fn, (row_numbers, seed, epoch, target) = writer.fn, writer.pointers
    size = prod(out.layout.extents[1:])
    fours, left = divmod(size, 4)
    rounds = fours + (left > 0)
    with fn.loop(fn.parameter("lo", "i64"), fn.parameter("hi", "i64")) as task:
        block, four = fn.divide(task, rounds)
        row = _rows(fn, row_numbers, fn.multiply(block, lanes), batch)
        counter = [fn.index(four), row, fn.load(epoch, 0, "i64"), number(0, "i64")]
        key = _with(fn, "xor", fn.load(seed, 0, "i64"), stream(str(node.attr("key"))))
        words = _philox4x32(fn, [fn.splat(word, lanes) for word in counter], key)
        drawn = [_share(fn, word, 8, out) for word in words]
        if node.op == "sample_normal":
            drawn = [z for pair in (drawn[:2], drawn[2:]) for z in _normal_pair(fn, *pair)]
        start = fn.multiply(fn.add(fn.multiply(block, size), fn.multiply(four, 4)), lanes)

        def store(first: int, end: int) -> None:
            for k in range(first, end):
                fn.store(drawn[k], target, fn.add(start, k * lanes))

        store(0, left or 4)
        if left and fours:
            with fn.when(fn.compare("slt", fn.index(four), number(fours, "i64"))):
                store(left, 4)
    work = 20 * out.layout.elements
    selection.run(writer.kernel(1, batch.blocks * rounds, selection.about(node), work))


# Numbers of the step, one after another in the order of the shape, by Philox4x64-10 as NumPy has it.


def _philox4x64(fn: Function, counter: Sequence[Value], key: Sequence[Value]) -> list[Value]:
    """Four random words for counters of four words and a key of two."""
    a, b, c, d = counter
    first, second = key
    for _ in range(_ROUNDS):
        (p_high, p_low), (q_high, q_low) = _wide(fn, a, 0xD2E7470EE14C6C93), _wide(fn, c, 0xCA5A826395121157)
        a = fn.binary("xor", fn.binary("xor", q_high, b), first)
        c = fn.binary("xor", fn.binary("xor", p_high, d), second)
        b, d = q_low, p_low
        first = _with(fn, "add", first, 0x9E3779B97F4A7C15)
        second = _with(fn, "add", second, 0xBB67AE8584CAA73B)
    return [a, b, c, d]


def _wide(fn: Function, x: Value, by: int) -> tuple[Value, Value]:
    """The high and the low 64 bits of a product."""
    product = _with(fn, "mul", fn.cast("zext", x, "i128"), by)
    return fn.cast("trunc", _with(fn, "lshr", product, 64), "i64"), fn.cast("trunc", product, "i64")


@rule("uniform", "normal")
def of_the_step(selection: Selection, node: Node) -> None:
    """As NumPy's generator does it: it counts up before it draws, and makes two float32 numbers of a word,
    the first one of its low half. Normal numbers follow from two of these.
    """
    if any(isinstance(dim, Extent) for dim in node.type.shape[1:]):  # a padded axis that is not the first
        selection.fall_back(node)
        return
    out = selection.out(node)
    natural = selection.batch.natural(node.type)
    halves = 2 if out.element == "float" else 1
    blocks = -(-natural.elements // (4 * halves))
    whole = selection.new(TensorType(out.dtype, (blocks * 4 * halves,)))
    writer = Writer([_word("seed:uint64"), _word("step:int64"), whole], selection.isa.lanes)
    fn, (seed, step, target) = writer.fn, writer.pointers
    with fn.loop(fn.parameter("lo", "i64"), fn.parameter("hi", "i64")) as block:
        zero = number(0, "i64")
        counter = [fn.index(fn.add(block, 1)), zero, zero, fn.load(step, 0, "i64")]
        key = [fn.load(seed, 0, "i64"), number(stream(str(node.attr("key"))), "i64")]
        drawn: list[Value] = []
        for word in _philox4x64(fn, counter, key):
            parts = [word] if halves == 1 else [_with(fn, "and", word, _LOW), _with(fn, "lshr", word, 32)]
            drawn += [_share(fn, part, 11 if halves == 1 else 8, out) for part in parts]
        if node.op == "normal":
            pair = _normal_pair(fn, fn.gathered(drawn[::2]), fn.gathered(drawn[1::2]))
            drawn = [fn.extract(of, lane) for lane in range(len(drawn) // 2) for of in pair]
        for k, value in enumerate(drawn):
            fn.store(value, target, fn.add(fn.multiply(block, 4 * halves), k))
    work = 20 * whole.layout.elements
    selection.run(writer.kernel(1, blocks, selection.about(node), work))
    selection.copy(whole.seen(natural), out, selection.about(node))
