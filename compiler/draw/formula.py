"""The mathematics of a node as text: each operation's own, put together with the brackets that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isqrt

from ..ir import Dim, Extent, Graph, Node, product
from ..ops.op import REGISTRY

LONGEST = 400  # where a text is given up: shared operands would double it again and again
DEEPEST = 100  # operations inside each other, likewise

_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})

# Movements that change no number: a formula goes through them.
TRANSPARENT = frozenset({"reshape", "broadcast", "cast", "stop_gradient"})

# How firmly a text holds together, for texts whose operands stand bare; one that holds less gets brackets.
_LOOSE, _COMPARED, _SUM, _PRODUCT, _POWER, _ATOM = range(6)
_STRENGTH = {
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "and", "or"), _COMPARED),
    **dict.fromkeys(("add", "sub", "expm1"), _SUM),
    **dict.fromkeys(("mul", "div", "neg", "matmul", "reciprocal", "rsqrt"), _PRODUCT),
    **dict.fromkeys(("conv", "conv_input_gradient", "conv_weight_gradient"), _PRODUCT),
    **dict.fromkeys(("sum", "prod", "max", "min", "any", "all", "argmax", "argmin", "cumsum"), _PRODUCT),
    **dict.fromkeys(("pow", "square", "sqrt", "transpose"), _POWER),
    **dict.fromkeys(("take", "take_along"), _ATOM),
}
# Operands that need more than their operation's own strength: (operation, position).
_TIGHTER = {
    *((op, 0) for op in ("matmul", "conv", "conv_input_gradient", "conv_weight_gradient")),
    *((op, 1) for op in ("sub", "div", "matmul", "conv", "conv_input_gradient", "conv_weight_gradient")),
}
_TIGHTEST = frozenset({"pow", "square", "sqrt", "rsqrt", "reciprocal", "transpose", "take", "take_along"})
_SLOT = re.compile(r"\{(\w+)\}")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class TooLong(Exception):
    """A formula outgrew every box."""


def name_text(name: str) -> str:
    """A name as mathematics has it: `a.conv1.W2` is W₂."""
    if name.startswith("∂"):
        return f"∂{name_text(name[1:])}"
    # A name that is bound again in each turn of a repeat ends with the turn: h.h.3.
    short = re.sub(r"(\.\d+)+$", "", name).rsplit(".", 1)[-1]
    stem = short.rstrip("0123456789")
    if not stem or stem == short:
        return short
    return stem.rstrip("_") + short[len(stem) :].translate(_SUBSCRIPTS)


def subscript(number: int) -> str:
    return str(number).translate(_SUBSCRIPTS)


def dim_text(d: Dim) -> str:
    return str(d).replace("*", "")


def shape_text(node: Node) -> str:
    """N×16; a single number is a scalar."""
    return "×".join(map(dim_text, node.type.shape)) or "scalar"


def count_text(number: int) -> str:
    """Thousands are set apart by narrow spaces that do not break."""
    return f"{number:,}".replace(",", "\u202f")


def number_text(value: object) -> str:
    """A number as short as a picture wants it: 0.1, 1e−5, √128."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        return str(value)
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    root = round(value * value)
    if value > 1 and value % 1 and abs(value * value - root) < 1e-9 * root and isqrt(root) ** 2 != root:
        return f"√{root}"
    text = f"{value:.4g}"
    mantissa, _, exponent = text.partition("e")
    return (f"{mantissa}e{int(exponent)}" if exponent else mantissa).replace("-", "−")


def formula(
    graph: Graph,
    id: int,
    names: Mapping[int, str],
    called: Callable[[int], str | None] = lambda id: None,
) -> str:
    """The text of a node; `names` are not looked into, except at the node itself.

    called: a node's whole text where it shall stand for what is below it. Raises TooLong.
    """
    return _Writer(graph, names, called).write(id, top=True)[0]


class _Writer:
    def __init__(self, graph: Graph, names: Mapping[int, str], called: Callable[[int], str | None]) -> None:
        self.graph, self.names, self.called = graph, names, called
        self.known: dict[int, tuple[str, int]] = {}
        self.depth = 0

    def write(self, id: int, top: bool = False) -> tuple[str, int]:
        """The text and how firmly it holds together."""
        if not top and id in self.names:
            return self.names[id], _ATOM
        if id not in self.known:
            if self.depth > DEEPEST:
                raise TooLong
            self.depth += 1
            whole = self.called(id)
            found = (whole, _ATOM) if whole is not None else self._written(self.graph[id])
            self.depth -= 1
            if len(found[0]) > LONGEST:
                raise TooLong
            self.known[id] = found
        return self.known[id]

    def operand(self, id: int, least: int) -> str:
        text, strength = self.write(id)
        return text if strength >= least else f"({text})"

    def _written(self, node: Node) -> tuple[str, int]:
        operands = self.graph.operands(node.id)
        if node.op in TRANSPARENT:
            return self.write(operands[0])
        if node.op == "constant":
            text = number_text(node.attr("value"))
            return text, _PRODUCT if text.startswith("−") else _POWER if text.startswith("√") else _ATOM
        if node.op == "size":
            dim = node.attr("dim")
            return str(dim).replace("*", ""), _ATOM
        special = self._special(node, operands)
        return special if special is not None else self._templated(node, operands)

    def _special(self, node: Node, operands: Sequence[int]) -> tuple[str, int] | None:
        """Where several operations have one sign, such as a mean, and where attributes read as indices."""
        if not operands:
            return None
        if node.op == "div":
            summed = self._through(operands[0])
            if summed.op == "sum" and summed.id not in self.names and self._counts(operands[1], summed):
                return self._mean(self.graph.operands(summed.id)[0])
        if node.op == "mul":
            for one, other in (operands, operands[::-1]):
                root = self._through(other)
                if root.op == "rsqrt" and root.id not in self.names:
                    below = self.operand(self.graph.operands(root.id)[0], _ATOM)
                    return f"{self.operand(one, _PRODUCT)} / √{below}", _PRODUCT
        if (
            node.op == "concat"
            and len(operands) > 2
            and all(self._through(o).op == "param" for o in operands)
        ):
            return "params", _ATOM
        if node.op in _COMPARISONS and node.type.rank > 1 and not self._reads(node.id):
            return "mask", _ATOM
        if node.op == "slice":
            source = self.graph[operands[0]].type.shape
            cut = _cut(node.attr("start"), node.attr("stop"), node.attr("step"), source)
            return f"{self.operand(operands[0], _ATOM)}[{cut}]", _ATOM
        if node.op == "embed":
            inner = self.graph[operands[0]].type.shape
            stop = _stops(node.attr("start"), node.attr("step"), inner)
            cut = _cut(node.attr("start"), stop, node.attr("step"), node.type.shape)
            return f"{self.operand(operands[0], _SUM)} at [{cut}], else 0", _LOOSE
        if node.op == "transpose":
            axes = node.attr("axes")
            rank = node.type.rank
            if axes != (*range(rank - 2), rank - 1, rank - 2):
                return f"transpose({self.write(operands[0])[0]})", _ATOM
        return None

    def _mean(self, id: int) -> tuple[str, int]:
        inner = self._through(id)
        if inner.op == "neg" and inner.id not in self.names:
            return f"−{self._mean(self.graph.operands(inner.id)[0])[0]}", _PRODUCT
        return f"mean {self.operand(id, _POWER)}", _PRODUCT

    def _through(self, id: int) -> Node:
        node = self.graph[id]
        while node.op in TRANSPARENT and node.id not in self.names:
            node = self.graph[self.graph.operands(node.id)[0]]
        return node

    def _reads(self, id: int) -> bool:
        """Whether a named tensor or a leaf goes into a node."""
        node = self.graph[id]
        if id in self.names or node.op in ("input", "param", "state", "uniform", "normal"):
            return True
        return any(self._reads(o) for o in self.graph.operands(id))

    def _counts(self, id: int, summed: Node) -> bool:
        """Whether a number is how many entries were summed."""
        node = self._through(id)
        axes = summed.attr("axis")
        source = self.graph[self.graph.operands(summed.id)[0]].type
        assert isinstance(axes, tuple)
        count = product([source.shape[a] for a in axes if isinstance(a, int)])
        found = (
            node.attr("dim") if node.op == "size" else node.attr("value") if node.op == "constant" else None
        )
        return found == count

    def _templated(self, node: Node, operands: Sequence[int]) -> tuple[str, int]:
        """The operation's own text. An operand between brackets or commas needs none of its own."""
        template = REGISTRY[node.op].math.replace(" @ ", " ").replace("-", "−")
        bare = False

        def filled(match: re.Match[str]) -> str:
            nonlocal bare
            slot = match[1]
            if slot == "operands":
                return ", ".join(self.write(o)[0] for o in operands)
            if not slot.isdigit():
                return _attribute(node.attr(slot))
            before, after = template[: match.start()], template[match.end() :]
            if before.endswith(("(", "[", "|", ", ", "⌊", "⌈")) and after.startswith(tuple(")]|,⌋⌉")):
                return self.write(operands[int(slot)])[0]
            bare = True
            least = _COMPARED if node.op == "where" else _STRENGTH.get(node.op, _SUM)
            if (node.op, int(slot)) in _TIGHTER:
                least += 1
            if node.op in _TIGHTEST:
                least = _ATOM
            return self.operand(operands[int(slot)], least)

        text = _SLOT.sub(filled, template)
        closed = not bare and ("(" in template or "|" in template or "⌊" in template or "⌈" in template)
        return text, _ATOM if closed else _STRENGTH.get(node.op, _LOOSE if operands else _ATOM)


def _attribute(value: object) -> str:
    if isinstance(value, tuple):
        return "×".join(map(_attribute, value))
    return dim_text(value) if isinstance(value, Extent) else number_text(value)


def _stops(start: object, step: object, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Where a slice of this shape ends."""
    assert isinstance(start, tuple) and isinstance(step, tuple)
    sizes = zip(start, step, shape, strict=True)
    return tuple(a + (n - 1) * s + 1 for a, s, n in sizes if isinstance(a, int) and isinstance(s, int))


def _cut(start: object, stop: object, step: object, shape: tuple[Dim, ...]) -> str:
    """A slice as the language writes it: :, 7, 0:3."""
    assert isinstance(start, tuple) and isinstance(stop, tuple) and isinstance(step, tuple)
    parts: list[str] = []
    for a, b, s, n in zip(start, stop, step, shape, strict=True):
        if a == 0 and b == n and s == 1:
            parts.append(":")
        elif isinstance(a, int) and b == a + 1:
            parts.append(str(a))
        else:
            parts.append(f"{_attribute(a)}:{_attribute(b)}" + (f":{_attribute(s)}" if s != 1 else ""))
    return ", ".join(parts)
