"""LLVM IR as text: typed values, loops, memory. It knows machines a little, and networks not at all.

Source: LLVM Language Reference Manual.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Element = Literal["float", "double", "i1", "i8", "i16", "i32", "i64", "i128", "ptr"]
FLOATS: tuple[Element, ...] = ("float", "double")
_BYTES: dict[str, int] = {
    "float": 4,
    "double": 8,
    "i1": 1,
    "i8": 1,
    "i16": 2,
    "i32": 4,
    "i64": 8,
    "i128": 16,
    "ptr": 8,
}


@dataclass(frozen=True, slots=True)
class Value:
    """An operand of an instruction: a scalar, or a vector of as many elements as it has lanes (0: scalar)."""

    text: str
    element: Element
    lanes: int = 0

    @property
    def type(self) -> str:
        return f"<{self.lanes} x {self.element}>" if self.lanes else self.element

    @property
    def is_float(self) -> bool:
        return self.element in FLOATS

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


Index = int | Value  # an i64; a Python int where it is known while compiling


@dataclass(frozen=True, slots=True)
class Variable:
    """A place on the stack, which LLVM turns into registers."""

    pointer: str
    element: Element
    lanes: int


def item_bytes(element: Element) -> int:
    return _BYTES[element]


def number(value: float | int, element: Element, lanes: int = 0) -> Value:
    """A constant, the same in every lane."""
    if element in FLOATS:
        exact = float(value)
        if element == "float":
            try:
                exact = struct.unpack("<f", struct.pack("<f", exact))[0]
            except OverflowError:
                exact = float("inf") if exact > 0 else float("-inf")
        text = f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    else:
        text = str(int(value)) if element != "i1" else ("true" if value else "false")
    return Value(_repeated(text, element, lanes), element, lanes)


def vector(values: Sequence[int], element: Element) -> Value:
    """A constant with a number for each lane."""
    text = ", ".join(str(number(v, element)) for v in values)
    return Value(f"<{text}>", element, len(values))


def _repeated(text: str, element: Element, lanes: int) -> str:
    return f"<{', '.join([f'{element} {text}'] * lanes)}>" if lanes else text


class Function:
    """The text of one function while it is written, instruction by instruction.

    Parameters are pointers, then i64s. Values of type `Index` fold while they are Python ints.
    """

    def __init__(self, pointers: Sequence[str] = (), integers: Sequence[str] = ()) -> None:
        self.declarations: set[str] = set()
        self._parameters = [f"ptr %{p}" for p in pointers] + [f"i64 %{i}" for i in integers]
        self._lines: list[str] = []
        self._allocas: list[str] = []
        self._count = 0
        self._block = "entry"

    def parameter(self, name: str, element: Element = "ptr") -> Value:
        return Value(f"%{name}", element)

    def text(self, name: str, attributes: str = "") -> str:
        """The whole function, which returns nothing."""
        head = f"define {attributes.split(' ', 1)[0] + ' ' if attributes.startswith('internal') else ''}"
        rest = attributes.removeprefix("internal").strip()
        head += f"void @{name}({', '.join(self._parameters)}) {rest}".rstrip()
        body = "\n".join([*self._allocas, *self._lines, "  ret void"])
        return f"{head} {{\nentry:\n{body}\n}}\n"

    # instructions

    def emit(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def _fresh(self, prefix: str = "v") -> str:
        self._count += 1
        return f"%{prefix}{self._count}"

    def instruction(self, right: str, element: Element, lanes: int = 0) -> Value:
        name = self._fresh()
        self.emit(f"{name} = {right}")
        return Value(name, element, lanes)

    def binary(self, operation: str, a: Value, b: Value) -> Value:
        """An arithmetic instruction such as fadd, and, shl."""
        return self.instruction(f"{operation} {a}, {b.text}", a.element, a.lanes)

    def compare(self, condition: str, a: Value, b: Value) -> Value:
        """fcmp or icmp, by the operands' type; condition as in LLVM (olt, eq, sgt)."""
        operation = "fcmp" if a.is_float else "icmp"
        return self.instruction(f"{operation} {condition} {a}, {b.text}", "i1", a.lanes)

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        return self.instruction(f"select {condition}, {a}, {b}", a.element, a.lanes)

    def intrinsic(self, name: str, *operands: Value, element: Element | None = None) -> Value:
        """A call of @llvm.<name>, overloaded on the first operand's type."""
        first = operands[0]
        short = {"float": "f32", "double": "f64"}.get(first.element, first.element)
        suffix = f"v{first.lanes}{short}" if first.lanes else short
        result = Value("", element or first.element, first.lanes)
        return self.call(f"llvm.{name}.{suffix}", operands, result)

    def call(self, function: str, operands: Sequence[Value], result: Value) -> Value:
        """A call of a function that is declared elsewhere; `result` tells its type."""
        types = ", ".join(o.type for o in operands)
        self.declarations.add(f"declare {result.type} @{function}({types})")
        arguments = ", ".join(map(str, operands))
        return self.instruction(f"call {result.type} @{function}({arguments})", result.element, result.lanes)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        return self.intrinsic("fma", a, b, c)

    def cast(self, operation: str, a: Value, element: Element) -> Value:
        """A conversion instruction such as fpext, sitofp, zext, bitcast."""
        to = Value("", element, a.lanes)
        return self.instruction(f"{operation} {a} to {to.type}", element, a.lanes)

    def splat(self, a: Value, lanes: int) -> Value:
        if not lanes or a.lanes:
            return a
        to = Value("", a.element, lanes).type
        one = self.instruction(f"insertelement {to} poison, {a}, i32 0", a.element, lanes)
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self.instruction(f"shufflevector {one}, {to} poison, {zeros}", a.element, lanes)

    def shuffle(self, a: Value, b: Value, places: Sequence[int]) -> Value:
        """Elements of a (0…) and b (from a's lanes on)."""
        mask = ", ".join(f"i32 {p}" for p in places)
        return self.instruction(
            f"shufflevector {a}, {b}, <{len(places)} x i32> <{mask}>", a.element, len(places)
        )

    def extract(self, a: Value, lane: int) -> Value:
        return self.instruction(f"extractelement {a}, i32 {lane}", a.element)

    def insert(self, a: Value, b: Value, lane: int) -> Value:
        return self.instruction(f"insertelement {a}, {b}, i32 {lane}", a.element, a.lanes)

    def gathered(self, scalars: Sequence[Value]) -> Value:
        """A vector of these scalars."""
        found = Value("poison", scalars[0].element, len(scalars))
        for lane, scalar in enumerate(scalars):
            found = self.insert(found, scalar, lane)
        return found

    # indices

    def add(self, *terms: Index) -> Index:
        known = sum(t for t in terms if isinstance(t, int))
        total: Index = 0
        for term in terms:
            if not isinstance(term, int):
                total = term if isinstance(total, int) else self.binary("add nsw", total, term)
        if isinstance(total, int):
            return known
        return self.binary("add nsw", total, number(known, "i64")) if known else total

    def multiply(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if isinstance(a, int):
            a, b = b, a
        if isinstance(b, int) and b in (0, 1):
            return a if b else 0
        return self.binary("mul nsw", self.index(a), self.index(b))

    def divide(self, a: Index, by: int) -> tuple[Index, Index]:
        """Quotient and remainder of an index that is not negative."""
        if isinstance(a, int):
            return divmod(a, by)
        if by == 1:
            return a, 0
        quotient = self.binary("udiv", a, number(by, "i64"))
        return quotient, self.binary("urem", a, number(by, "i64"))

    def index(self, a: Index) -> Value:
        return number(a, "i64") if isinstance(a, int) else a

    def hidden(self, value: int) -> Value:
        """An index that is not known while compiling, as far as LLVM can see."""
        return self.instruction(f'call i64 asm "", "=r,0"(i64 {value})', "i64")

    # memory

    def at(self, pointer: Value, index: Index, element: Element) -> Value:
        """The address of an element."""
        if isinstance(index, int) and index == 0:
            return pointer
        stored = "i8" if element == "i1" else element
        return self.instruction(f"getelementptr inbounds {stored}, {pointer}, {self.index(index)}", "ptr")

    def load(
        self, pointer: Value, index: Index, element: Element, lanes: int = 0, mask: Value | None = None
    ) -> Value:
        """Elements side by side from an index on. Booleans lie as bytes. Masked lanes give 0."""
        place, stored = (
            self.at(pointer, index, element),
            Value("", "i8" if element == "i1" else element, lanes),
        )
        align = item_bytes(element)
        if mask is None:
            found = self.instruction(f"load {stored.type}, {place}, align {align}", stored.element, lanes)
        else:
            name = f"llvm.masked.load.v{lanes}{_SHORT.get(stored.element, stored.element)}.p0"
            self.declarations.add(f"declare {stored.type} @{name}(ptr, i32, <{lanes} x i1>, {stored.type})")
            found = self.instruction(
                f"call {stored.type} @{name}({place}, i32 {align}, {mask}, {stored.type} zeroinitializer)",
                stored.element,
                lanes,
            )
        return self.compare("ne", found, number(0, "i8", lanes)) if element == "i1" else found

    def store(self, value: Value, pointer: Value, index: Index, mask: Value | None = None) -> None:
        place = self.at(pointer, index, value.element)
        align = item_bytes(value.element)
        stored = self.cast("zext", value, "i8") if value.element == "i1" else value
        if mask is None:
            self.emit(f"store {stored}, {place}, align {align}")
        else:
            name = f"llvm.masked.store.v{stored.lanes}{_SHORT.get(stored.element, stored.element)}.p0"
            self.declarations.add(f"declare void @{name}({stored.type}, ptr, i32, <{stored.lanes} x i1>)")
            self.emit(f"call void @{name}({stored}, {place}, i32 {align}, {mask})")

    def prefetch(self, pointer: Value, index: Index, element: Element, write: bool = False) -> None:
        """Ask for the line of memory that has an element, which need not exist, before it is needed."""
        self.declarations.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        place = self.at(pointer, index, element)
        self.emit(f"call void @llvm.prefetch.p0({place}, i32 {int(write)}, i32 2, i32 1)")

    def gather(self, pointer: Value, offsets: Value, element: Element) -> Value:
        """The elements at these offsets, one for each lane."""
        if not offsets.lanes:
            return self.load(pointer, offsets, element)
        lanes, stored = offsets.lanes, "i8" if element == "i1" else element
        places = self.instruction(f"getelementptr inbounds {stored}, {pointer}, {offsets}", "ptr", lanes)
        type, every = f"<{lanes} x {stored}>", number(1, "i1", lanes)
        name = f"llvm.masked.gather.v{lanes}{_SHORT.get(stored, stored)}.v{lanes}p0"
        self.declarations.add(f"declare {type} @{name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {type})")
        call = f"call {type} @{name}({places}, i32 {item_bytes(element)}, {every}, {type} zeroinitializer)"
        found = self.instruction(call, "i8" if element == "i1" else element, lanes)
        return self.compare("ne", found, number(0, "i8", lanes)) if element == "i1" else found

    def scatter(self, value: Value, pointer: Value, offsets: Value) -> None:
        """Each lane's element to its own offset."""
        if not offsets.lanes:
            self.store(value, pointer, offsets)
            return
        stored = self.cast("zext", value, "i8") if value.element == "i1" else value
        lanes = value.lanes
        places = self.instruction(
            f"getelementptr inbounds {stored.element}, {pointer}, {offsets}", "ptr", lanes
        )
        name = f"llvm.masked.scatter.v{lanes}{_SHORT.get(stored.element, stored.element)}.v{lanes}p0"
        self.declarations.add(f"declare void @{name}({stored.type}, <{lanes} x ptr>, i32, <{lanes} x i1>)")
        every = number(1, "i1", lanes)
        self.emit(f"call void @{name}({stored}, {places}, i32 {item_bytes(value.element)}, {every})")

    def scratch(self, count: int, element: Element) -> Value:
        """Memory for so many elements, a thread's own, as long as the function runs."""
        name = self._fresh("m")
        self._allocas.append(f"  {name} = alloca [{count} x {element}], align 64")
        return Value(name, "ptr")

    def variable(self, start: Value) -> Variable:
        """A value that changes, with its first one."""
        name = self._fresh("s")
        self._allocas.append(f"  {name} = alloca {start.type}")
        made = Variable(name, start.element, start.lanes)
        self.set(made, start)
        return made

    def get(self, v: Variable) -> Value:
        return self.instruction(
            f"load {Value('', v.element, v.lanes).type}, ptr {v.pointer}", v.element, v.lanes
        )

    def set(self, v: Variable, value: Value) -> None:
        self.emit(f"store {value}, ptr {v.pointer}")

    # control

    @contextmanager
    def loop(self, first: Index, end: Index, step: int = 1) -> Generator[Index]:
        """The body for first, first + step, … below end; not entered where there is none.

        A body that is done exactly once is written without a loop.
        """
        known = isinstance(first, int) and isinstance(end, int)
        if known and end <= first:  # type: ignore[operator]
            raise ValueError("a loop that is never entered")
        if known and end - first <= step:  # type: ignore[operator]
            yield first
            return
        self._count += 1
        n, before = self._count, self._block
        start, stop = self.index(first), self.index(end)
        if known:
            self.emit(f"br label %loop{n}")
        else:
            any_ = self.compare("slt", start, stop)
            self.emit(f"br {any_}, label %loop{n}, label %done{n}")
        self._label(f"loop{n}")
        i = Value(f"%i{n}", "i64")
        phi = len(self._lines)
        self._lines.append("")
        yield i
        following = self.binary("add nsw", i, number(step, "i64"))
        again = self.compare("slt", following, stop)
        self.emit(f"br {again}, label %loop{n}, label %done{n}")
        self._lines[phi] = (
            f"  {i.text} = phi i64 [{start.text}, %{before}], [{following.text}, %{self._block}]"
        )
        self._label(f"done{n}")

    @contextmanager
    def each(self, following: Callable[[], Value]) -> Generator[Value]:
        """The body for one i64 after another, until `following` gives a negative one."""
        self._count += 1
        n = self._count
        self.emit(f"br label %next{n}")
        self._label(f"next{n}")
        value = following()
        some = self.compare("sge", value, number(0, "i64"))
        self.emit(f"br {some}, label %some{n}, label %none{n}")
        self._label(f"some{n}")
        yield value
        self.emit(f"br label %next{n}")
        self._label(f"none{n}")

    @contextmanager
    def when(self, condition: Value) -> Generator[None]:
        """The body where the condition, an i1, is true."""
        self._count += 1
        n = self._count
        self.emit(f"br {condition}, label %then{n}, label %else{n}")
        self._label(f"then{n}")
        yield
        self.emit(f"br label %else{n}")
        self._label(f"else{n}")

    def _label(self, name: str) -> None:
        self._lines.append(f"{name}:")
        self._block = name


_SHORT: dict[str, str] = {"float": "f32", "double": "f64"}
