"""The functions that call a program's kernels: on which threads, and where they wait for one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .context import Words, call, entry, meet
from .memory import Memory
from .nest import Buffer, Kernel, share
from .sharing import Sharing
from .text import Element, Function, Index, Value, number

LOGGED: dict[str, Element] = {"float32": "float", "float64": "double", "int64": "i64"}  # what an epoch notes
CLOCKS = 1 << 16  # the room for the times of a program that is timed
_ASIDE = CLOCKS - 1  # where the other threads note theirs
_SHARED = 1 << 21  # elements moved or multiplied: from here on, it pays to look which thread is free
_SERIAL = 4096  # elements moved or multiplied: below, one thread is done before another has begun


@dataclass
class Calls:
    """kernels: the names of their functions by text, since layers of one shape share them. declarations: of
    what the texts call.
    """

    words: Words
    memory: Memory
    kernels: dict[str, str] = field(default_factory=dict[str, str])
    declarations: set[str] = field(default_factory=set[str])
    _clocks: int = 0

    def function(self, name: str, kernels: Sequence[Kernel], timed: bool) -> str:
        """Each kernel on all threads, which wait where one needs what another has done.

        timed: thread 0 notes the processor's time at the beginning and after each kernel.
        """
        fn = entry()
        thread, threads = fn.parameter("thread", "i64"), fn.parameter("threads", "i64")
        first = fn.compare("eq", thread, number(0, "i64"))
        sharing = Sharing(fn, self.words)
        if timed:
            self._clock(fn, first)
        pending: list[Kernel] = []
        alone = True
        for kernel in kernels:
            work = kernel.moved + kernel.multiply_adds
            serial = kernel.tasks == 1 or work < _SERIAL
            if not (serial and alone) and any(self.memory.conflict(kernel, other) for other in pending):
                meet(fn)
                sharing.met(first)
                pending, alone = [], True
            pending.append(kernel)
            alone = alone and serial
            if serial:
                with fn.when(first):
                    self._call(fn, kernel, 0, kernel.tasks)
            elif not kernel.least or work < _SHARED or sharing.full:
                low, high = share(fn, thread, threads, kernel.tasks)
                with fn.when(fn.compare("slt", low, high)):
                    self._call(fn, kernel, low, high)
            else:
                with sharing.pieces(kernel.tasks, kernel.least) as (low, high):
                    self._call(fn, kernel, low, high)
            if timed:
                self._clock(fn, first)
        if sharing.waits:
            meet(fn)
            sharing.met(first)
        self.declarations |= fn.declarations
        return fn.text(name)

    def epoch(self, results: Sequence[tuple[int, str]], n: int) -> str:
        """`@epoch`: steps until "count" are done or a result is not finite, each result to the "log".

        results: for each its offset in the arena and its dtype, which is one of LOGGED.
        """
        fn, words = entry(), self.words
        first = fn.compare("eq", fn.parameter("thread", "i64"), number(0, "i64"))
        count = words.load(fn, "count", "i64")
        with fn.loop(0, count) as i:
            going = fn.compare("slt", fn.index(i), words.load(fn, "count", "i64"))
            with fn.when(going):
                call(fn, "run0")
                meet(fn)
                with fn.when(first):
                    self._note(fn, i, results)
                    for rows in ("places", "rows"):
                        following = fn.at(words.load(fn, rows), n, "i64")
                        fn.store(following, words.address(fn, rows), 0)
                    self._count(fn)
                    fn.store(fn.index(fn.add(i, 1)), words.address(fn, "done"), 0)
                meet(fn)
        self.declarations |= fn.declarations
        return fn.text("epoch")

    def _call(self, fn: Function, kernel: Kernel, low: Index, high: Index) -> None:
        """A call for some of the tasks."""
        self.declarations |= kernel.declarations
        function = self.kernels.setdefault(kernel.text, f"kernel{len(self.kernels)}")
        pointers = [self._pointer(fn, buffer) for buffer in kernel.buffers]
        arguments = ", ".join(map(str, [*pointers, fn.index(low), fn.index(high)]))
        fn.emit(f"call void @{function}({arguments})")

    def _pointer(self, fn: Function, buffer: Buffer) -> Value:
        words = self.words
        match buffer.where:
            case "word":
                return words.address(fn, buffer.name)
            case "stride":
                return words.address(fn, f"stride {buffer.name}")
            case "variable" | "fed":
                return words.load(fn, f"{buffer.where} {buffer.name}")
            case "arena" | "fixed":
                return fn.at(words.load(fn, buffer.where), self.memory.offset(buffer), "i8")
            case _:
                return words.load(fn, buffer.where)

    def _note(self, fn: Function, i: Index, results: Sequence[tuple[int, str]]) -> None:
        """Write a step's results as doubles; make it the last one if they are not all finite."""
        words = self.words
        row = fn.multiply(i, len(results))
        finite = number(1, "i1")
        for place, (offset, dtype) in enumerate(results):
            pointer = fn.at(words.load(fn, "arena"), offset, "i8")
            value = fn.load(pointer, 0, LOGGED[dtype])
            if value.element != "double":
                value = fn.cast("fpext" if value.is_float else "sitofp", value, "double")
            fn.store(value, words.load(fn, "log"), fn.add(row, place))
            rest = fn.binary("fsub", value, value)  # 0 unless infinite or no number
            finite = fn.binary("and", finite, fn.compare("oeq", rest, number(0, "double")))
        until = fn.select(finite, words.load(fn, "count", "i64"), fn.index(fn.add(i, 1)))
        fn.store(until, words.address(fn, "count"), 0)

    def _count(self, fn: Function) -> None:
        """The step's number goes on, in each dtype that it is read in."""
        for name in self.words.names:
            if name.startswith("step:"):
                element = LOGGED[name.partition(":")[2]]
                step, one = self.words.load(fn, name, element), number(1, element)
                following = fn.binary("fadd" if step.is_float else "add", step, one)
                fn.store(following, self.words.address(fn, name), 0)

    def _clock(self, fn: Function, first: Value) -> None:
        fn.declarations.add("declare i64 @llvm.readcyclecounter()")
        place = fn.select(first, number(self._clocks, "i64"), number(_ASIDE, "i64"))
        now = fn.instruction("call i64 @llvm.readcyclecounter()", "i64")
        fn.store(now, self.words.load(fn, "clock"), place)
        self._clocks += 1
