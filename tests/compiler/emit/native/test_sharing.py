"""Tasks that threads share: each is done once, and what a slow thread has left the others do."""

from __future__ import annotations

import numpy as np
import pytest

from netc.compiler.emit.native.context import Words, call, entry, meet
from netc.compiler.emit.native.sharing import Sharing, room, sharing
from netc.compiler.emit.native.sync import CONTEXT_WORDS, barrier
from netc.compiler.emit.native.text import Function, Value, number
from netc.runtime.native.jit import host, load
from netc.runtime.native.threads import aligned, team

PATIENCE = 1 << 30  # looks of a thread that waits for the others to do what is left


def begun() -> tuple[Function, Words, Sharing]:
    fn, words = entry(), Words()
    return fn, words, Sharing(fn, words)


def run(fn: Function, words: Words, threads: int, rounds: int, *arrays: np.ndarray) -> np.ndarray:
    """The counts, after the function has run so often; the words "places", "rows" … point to the arrays."""
    again = entry()
    with again.loop(0, rounds):
        call(again, "shared")
        meet(again)
    texts = [*sorted(fn.declarations), barrier(host().isa), sharing(), fn.text("shared"), again.text("run")]
    context, counts = aligned(CONTEXT_WORDS + len(words.names)), aligned(room(threads))
    for name, array in zip(("claims", "places", "rows"), (counts, *arrays), strict=False):
        context[CONTEXT_WORDS + words.names.index(name)] = array.ctypes.data
    with load("\n".join(texts), None) as code:
        team().run(code.address("run"), context.ctypes.data, threads)
    return counts


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("tasks", [2, 7, 64, 1000])
def test_each_task_is_done_once(threads: int, tasks: int) -> None:
    """Three kernels between two meetings, and one after them."""
    fn, words, shared = begun()
    first = fn.compare("eq", fn.parameter("thread", "i64"), number(0, "i64"))
    place = words.load(fn, "places")
    for kernel in range(4):
        if kernel == 3:
            meet(fn)
            shared.met(first)
        with shared.pieces(tasks) as (low, high), fn.loop(low, high) as task:
            at = fn.add(fn.multiply(task, 4), kernel)
            fn.store(fn.binary("add", fn.load(place, at, "i64"), number(1, "i64")), place, at)
    assert shared.waits
    meet(fn)
    shared.met(first)
    done = np.zeros((tasks, 4), np.int64)
    counts = run(fn, words, threads, 50, done)
    assert (done == 50).all()
    assert not counts.any()


@pytest.mark.parametrize("threads", [2, 3])
def test_what_a_slow_thread_leaves_the_others_do(threads: int) -> None:
    """Thread 0 ends its first piece when all else is done: it would wait for ever for what only it may do."""
    tasks = 8 * threads  # a task is a piece
    fn, words, shared = begun()
    done, taken = words.load(fn, "places"), words.load(fn, "rows")
    fast = fn.compare("ne", fn.parameter("thread", "i64"), number(0, "i64"))
    looks = fn.variable(number(0, "i64"))

    def waiting() -> Value:
        others = fn.instruction(f"load atomic i64, {done} acquire, align 8", "i64")
        fn.set(looks, fn.binary("add", fn.get(looks), number(1, "i64")))
        patient = fn.compare("sgt", number(PATIENCE, "i64"), fn.get(looks))
        left = fn.binary("and", patient, fn.compare("slt", others, number(tasks - 1, "i64")))
        return fn.select(fast, number(-1, "i64"), fn.select(left, number(0, "i64"), number(-1, "i64")))

    with shared.pieces(tasks) as (low, _):
        with fn.each(waiting):
            pass
        fn.store(fn.parameter("thread", "i64"), taken, low)
        fn.instruction(f"atomicrmw add {done}, i64 1 release", "i64")
    who = np.full(tasks, -1, np.int64)
    run(fn, words, threads, 1, np.zeros(1, np.int64), who)
    assert (who >= 0).all()
    assert (who == 0).sum() <= 1
