"""A program that does nothing but multiply and add: how fast this processor can be."""

from __future__ import annotations

from .isa import Isa
from .text import Function, number

ROUNDS = 100_000
_CHAINS = 12  # independent sums: more than are under way at a time


def peak(isa: Isa) -> str:
    """`@peak(ptr context, i64 thread, i64 threads)`; see `operations`."""
    fn = Function(["context"], ["thread", "threads"])
    sums = [fn.variable(number(k, "float", isa.lanes)) for k in range(_CHAINS)]
    factor = number(0.5, "float", isa.lanes)
    with fn.loop(0, ROUNDS):
        for total in sums:
            fn.set(total, fn.fma(fn.get(total), factor, factor))
    # What is not stored would not be computed: each thread has room of its own, behind the threads' words.
    place = fn.multiply(fn.add(fn.parameter("thread", "i64"), 1), _CHAINS * isa.lanes)
    for k, total in enumerate(sums):
        fn.store(fn.get(total), fn.parameter("context"), fn.add(place, k * isa.lanes))
    return "\n".join([*sorted(fn.declarations), fn.text("peak")])


def room(isa: Isa, threads: int) -> int:
    """The 64-bit words of a context for so many threads."""
    return (threads + 1) * _CHAINS * isa.lanes


def operations(isa: Isa) -> int:
    """Multiplications and additions of one thread's call."""
    return 2 * ROUNDS * _CHAINS * isa.lanes
