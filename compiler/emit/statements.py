"""One node of a plan as a NumPy statement or expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isnan

from ..ir import Attr, DType, Extent, size_at
from ..ops.op import REGISTRY
from ..plan import Plan
from ..storage import Counter, Literal, Slot, View


class _Bare(str):
    """An expression; in the text of a tuple it stands without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


@dataclass(frozen=True, slots=True)
class Statements:
    """The texts of a plan's nodes.

    names: of every value; work: of the scratch memory; batch: a name that stands for the batch size, or ''
    where the plan's own is written as a number.
    """

    plan: Plan
    names: Mapping[int, str]
    work: Mapping[Slot, str]
    batch: str = ""

    def shape(self, id: int) -> str:
        return repr(self._bound(self.plan.graph[id].type.shape))

    def dtype(self, id: int) -> str:
        dtype = self.plan.graph[id].type.dtype
        return "bool" if dtype == "bool" else f"np.{dtype}"

    def statement(self, id: int) -> str:
        """The statement that computes a node."""
        node, out, operands = self.plan.graph[id], self.names[id], self.plan.graph.operands(id)
        if node.op == "counter":
            return f"{out}[...] = float({node.attr('which')})"
        if node.op == "reshape":  # of a view with gaps: through the operand's shape, which saves a copy
            return f"np.copyto({out}.reshape({self.shape(operands[0])}), {self.operand(operands[0])})"
        template = REGISTRY[node.op].numpy
        attrs = self._attrs(id)
        # What NumPy takes for granted need not be read.
        if attrs.get("keep") is False:
            template = template.replace(", keepdims={keep}", "")
        match attrs.get("axis"):
            case (axis,):
                attrs["axis"] = axis
            case _:
                pass
        texts = [self.operand(operand) for operand in operands]
        work = self.work[self.plan.work[id]] if id in self.plan.work else ""
        return template.format(*texts, out=out, operands=", ".join(texts), work=work, **attrs)

    def view(self, id: int) -> str:
        """A view as an expression of its base."""
        node, storage = self.plan.graph[id], self.plan.storage[id]
        assert isinstance(storage, View)
        base = self.names[storage.base]
        if node.op == "transpose" and node.attr("axes") == (1, 0):
            return f"{base}.T"
        if node.op == "slice":
            return f"{base}[{', '.join(self._cuts(id, storage.base)) or '...'}]"
        return REGISTRY[node.op].numpy.format(base, **self._attrs(id))

    def operand(self, id: int) -> str:
        match self.plan.storage[id]:
            case Literal():
                return self.number(id)
            case Counter(which):
                return f"float({which})"
            case _:
                return self.names[id]

    def number(self, id: int) -> str:
        """A constant or size as a Python number: it takes the dtype of the array that it meets."""
        node = self.plan.graph[id]
        value = self._bound(node.attr("value" if node.op == "constant" else "dim"))
        if isinstance(value, _Bare):
            return f"float({value})" if node.type.is_float else value
        assert isinstance(value, int | float)
        return _number(value, node.type.dtype)

    def _cuts(self, id: int, base: int) -> list[str]:
        node, sizes = self.plan.graph[id], self.plan.graph[base].type.shape
        start, stop, step = (_tuple(node.attr(name)) for name in ("start", "stop", "step"))
        cuts: list[str] = []
        for size, first, last, stride in zip(sizes, start, stop, step, strict=True):
            until = "" if last == size else str(self._bound(last))
            places = f"{self._bound(first) or ''}:{until}"
            cuts.append(places if stride == 1 else f"{places}:{stride}")
        return cuts

    def _attrs(self, id: int) -> dict[str, Attr]:
        return {name: self._bound(value) for name, value in self.plan.graph[id].attrs}

    def _bound(self, value: Attr) -> Attr:
        if isinstance(value, Extent):
            return _Bare(str(value).replace("N", self.batch)) if self.batch else size_at(value, self.plan.n)
        return tuple(self._bound(v) for v in value) if isinstance(value, tuple) else value


def _tuple(value: Attr) -> tuple[Attr, ...]:
    assert isinstance(value, tuple)
    return value


def _number(value: float, dtype: DType) -> str:
    match dtype:
        case "bool":
            return str(bool(value))
        case "float32" | "float64":
            number = float(value)
            named = "np.nan" if isnan(number) else "np.inf" if number > 0 else "-np.inf"
            return repr(number) if abs(number) < inf else named
        case _:
            return str(int(value))
