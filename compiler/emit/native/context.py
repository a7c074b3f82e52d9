"""What a native program is told: a table of 64-bit words, and which word says what."""

from __future__ import annotations

from .sync import CONTEXT_WORDS
from .text import Element, Function, Value

# Where memory lies, which tasks the threads have taken, which rows of the fed arrays are a batch and what
# their numbers in the split are, how many steps `epoch` makes and has made, where it notes their results.
FIRST = ("arena", "fixed", "claims", "places", "rows", "count", "done", "log")


class Words:
    """The words of a context behind those that belong to the threads, by name.

    Beyond FIRST: a counter with its dtype ("step:float64"), a variable ("variable W1"), a fed array and the
    elements from one of its rows to the next ("fed x", "stride x"), and a timed program's table ("clock").
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        for name in FIRST:
            self.place(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._places)

    def place(self, name: str) -> int:
        """The number of a word in the context; a new name takes the next one."""
        return self._places.setdefault(name, CONTEXT_WORDS + len(self._places))

    def address(self, fn: Function, name: str) -> Value:
        """Where a word stands, in a function whose first parameter is the context."""
        return fn.at(fn.parameter("context"), self.place(name), "i64")

    def load(self, fn: Function, name: str, element: Element = "ptr") -> Value:
        return fn.load(self.address(fn, name), 0, element)


def entry() -> Function:
    """A function that all threads call at the same time: (ptr context, i64 thread, i64 threads)."""
    return Function(["context"], ["thread", "threads"])


def call(fn: Function, name: str) -> None:
    """Call another such function."""
    fn.emit(f"call void @{name}(ptr %context, i64 %thread, i64 %threads)")


def meet(fn: Function) -> None:
    """Wait for the other threads."""
    fn.emit("call void @barrier(ptr %context, i64 %threads)")
