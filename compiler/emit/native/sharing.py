"""Which thread does which tasks of a large kernel: each its own share first, then what the others have left.

Cores are not equally fast: others use them too, and some processors have small ones beside the large. A share
that was fixed would let all threads wait for the slowest. Each thread takes piece after piece of its share,
which keeps what it reads and writes in its own cache, and then those of the others.
Source: Blumofe & Leiserson 1999, "Scheduling multithreaded computations by work stealing".
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from .context import Words
from .text import Function, Value, number

_LINE = 8  # 64-bit words of a cache line: each thread's count of a kernel's taken pieces has one
_AT_ONCE = 8  # kernels that are shared between two meetings
_PIECES = 8  # of a thread's share, if there are so many tasks


def room(threads: int) -> int:
    """The 64-bit words that "claims" points to."""
    return 2 * _AT_ONCE * threads * _LINE


def sharing() -> str:
    """`@claim` and `@clear`, over the counts that the word "claims" points to: all are 0 between two runs.

    @claim(ptr counts, i64 thread, i64 threads, i64 pieces)    the number of a piece that nobody has taken; -1
                                                               if there is none
    @clear(ptr counts, i64 count)                              so many counts are 0 again
    """
    return f"""\
define internal i64 @claim(ptr %counts, i64 %thread, i64 %threads, i64 %pieces) noinline nounwind {{
entry:
  br label %look
look:
  %tried = phi i64 [0, %entry], [%next, %other]
  %sum = add i64 %thread, %tried
  %over = icmp uge i64 %sum, %threads
  %less = sub i64 %sum, %threads
  %whose = select i1 %over, i64 %less, i64 %sum
  %first.n = mul i64 %whose, %pieces
  %first = udiv i64 %first.n, %threads
  %end.n = add i64 %first.n, %pieces
  %end = udiv i64 %end.n, %threads
  %size = sub i64 %end, %first
  %place = mul i64 %whose, {_LINE}
  %count = getelementptr i64, ptr %counts, i64 %place
  %known = load atomic i64, ptr %count monotonic, align 8
  %left = icmp ult i64 %known, %size
  br i1 %left, label %take, label %other
take:
  %taken = atomicrmw add ptr %count, i64 1 monotonic
  %mine = icmp ult i64 %taken, %size
  br i1 %mine, label %found, label %other
found:
  %piece = add i64 %first, %taken
  ret i64 %piece
other:
  %next = add i64 %tried, 1
  %more = icmp ult i64 %next, %threads
  br i1 %more, label %look, label %none
none:
  ret i64 -1
}}

define internal void @clear(ptr %counts, i64 %count) noinline nounwind {{
entry:
  br label %each
each:
  %i = phi i64 [0, %entry], [%next, %each]
  %place = mul i64 %i, {_LINE}
  %at = getelementptr i64, ptr %counts, i64 %place
  store i64 0, ptr %at, align 8
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %each, label %end
end:
  ret void
}}
"""


class Sharing:
    """The large kernels of a function, which all threads run at the same time.

    Those between two meetings of the threads have a set of counts, and the next ones another, while the first
    is cleared.
    """

    def __init__(self, fn: Function, words: Words) -> None:
        self._fn, self._words = fn, words
        self._thread, self._threads = (fn.parameter(name, "i64") for name in ("thread", "threads"))
        self._set = self._used = 0

    @property
    def full(self) -> bool:
        return self._used == _AT_ONCE

    @contextmanager
    def pieces(self, tasks: int, least: int = 1) -> Generator[tuple[Value, Value]]:
        """The body for each piece that this thread takes, with its first task and the one after its last.

        least: tasks of a piece, or about so many.
        """
        fn, threads = self._fn, self._threads
        alone = fn.compare("eq", threads, number(1, "i64"))
        each = fn.binary("udiv", number(tasks // least, "i64"), threads)
        each = fn.intrinsic("smin", fn.intrinsic("smax", each, number(1, "i64")), number(_PIECES, "i64"))
        size = self._rounded_up(number(tasks, "i64"), fn.binary("mul nsw", each, threads))
        size = fn.select(alone, number(tasks, "i64"), size)
        count = self._rounded_up(number(tasks, "i64"), size)
        arguments = ", ".join(map(str, (self._counts(self._used), self._thread, threads, count)))
        self._used += 1
        with fn.each(lambda: fn.instruction(f"call i64 @claim({arguments})", "i64")) as piece:
            low = fn.binary("mul nsw", piece, size)
            yield low, fn.intrinsic("smin", fn.binary("add nsw", low, size), number(tasks, "i64"))

    def met(self, first: Value) -> None:
        """After all have met; `first`: whether this is thread 0."""
        fn = self._fn
        if self._used:
            count = fn.multiply(self._threads, self._used)
            with fn.when(first):
                fn.emit(f"call void @clear({self._counts(0)}, {count})")
        self._set, self._used = 1 - self._set, 0

    @property
    def waits(self) -> bool:
        """Whether the threads must meet before the function ends, so that the counts can be cleared."""
        return self._used > 0

    def _rounded_up(self, a: Value, b: Value) -> Value:
        fn = self._fn
        more = fn.binary("sub nsw", fn.binary("add nsw", a, b), number(1, "i64"))
        return fn.binary("udiv", more, b)

    def _counts(self, kernel: int) -> Value:
        fn = self._fn
        place = fn.multiply(self._threads, (self._set * _AT_ONCE + kernel) * _LINE)
        return fn.at(self._words.load(fn, "claims"), place, "i64")
