"""The text form of a graph: one line a node, then what the graph is for.

    %7 h : float32[N, 16] = tanh(%6) in dense1:dense/block:block#2
    %9 : float32[16] = sum(%8) {axis=(0,), keep=false} backward of %7
    loss = %12
    update W1 = %30

A name that is not made of letters, digits, `_`, `.` and `∂` stands in double quotes. What a node has by
default is left out: no scope, the stage `forward`, no `of`, no `group`. Spans are not part of the text.
"""

from __future__ import annotations

import ast
import json
import re
from functools import lru_cache
from itertools import zip_longest
from math import inf, nan
from typing import cast, get_args

from .diagnostics import Diagnostic, Source, Span, SpecError
from .ir import Attr, Attrs, Dim, DType, Extent, Graph, N, Node, Result, ResultKind, Scope, Stage, TensorType


def show(graph: Graph) -> str:
    """The graph as text, which `read` takes back."""
    lines = [_node_line(graph, node) for node in graph]
    for (kind, name), id in graph.results.items():
        lines.append(f"{kind} {_name(name)} = %{id}" if name else f"{kind} = %{id}")
    return "\n".join(lines) + "\n"


def read(text: str, name: str = "graph") -> Graph:
    """The graph that a text describes; `name` is what errors call the text.

    Nodes are numbered from 0 in their order, whatever numbers the text gives them; `#` starts a line that is
    left out. Raises SpecError at a line that is no node or result, or uses a number before it is given.
    """
    reader = _Reader(Source(name, text))
    start = 0
    for line in text.split("\n"):
        reader.line(line, start)
        start += len(line) + 1
    return reader.graph


def same(a: Graph, b: Graph) -> bool:
    """Whether two graphs have the same nodes, numbers included, and the same results; spans do not count."""
    return list(a.results.items()) == list(b.results.items()) and all(
        m is not None and n is not None and _identity(a, m) == _identity(b, n) for m, n in zip_longest(a, b)
    )


def _identity(graph: Graph, n: Node) -> tuple[object, ...]:
    # Attributes by their text: 1, 1.0 and true are equal in Python, nan is not equal to itself.
    rest = (n.type, repr(n.attrs), n.name, n.scope, n.stage, n.of, n.group)
    return (n.id, n.op, graph.operands(n.id), *rest)


_BARE = re.compile(r"[\w.∂]+")


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _node_line(graph: Graph, n: Node) -> str:
    operands = ", ".join([f"%{o}" for o in graph.operands(n.id)])
    parts = [f"%{n.id} {_name(n.name)}" if n.name else f"%{n.id}", f": {n.type} = {n.op}({operands})"]
    if n.attrs:
        parts.append("{" + ", ".join([f"{key}={_attr(value)}" for key, value in n.attrs]) + "}")
    if n.scope:
        parts.append("in " + "/".join([_scope(s) for s in n.scope]))
    if n.stage != "forward":
        parts.append(n.stage)
    if n.of != -1:
        parts.append(f"of %{n.of}")
    if n.group != -1:
        parts.append(f"group {n.group}")
    return " ".join(parts)


def _attr(value: Attr) -> str:
    if isinstance(value, tuple):
        return f"({_attr(value[0])},)" if len(value) == 1 else f"({', '.join([_attr(v) for v in value])})"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _scope(s: Scope) -> str:
    return f"{_name(s.instance)}:{_name(s.layer)}" + (f"#{s.repeat}" if s.repeat else "")


_STRING = r'"(?:[^"\\]|\\.)*"'
_NAME = rf"(?:[\w.∂]+|{_STRING})"
_SCOPE = rf"{_NAME}:{_NAME}(?:\#\d+)?"
_NODE = re.compile(
    rf"""%(?P<id>\d+) (?:\ (?P<name>{_NAME}))? \ :\ (?P<type>\w+\[[^]]*\])
    \ =\ (?P<op>\w+)\((?P<operands>[%\d,\ ]*)\) (?:\ \{{(?P<attrs>(?:[^"}}]|{_STRING})*)\}})?
    (?:\ in\ (?P<scope>{_SCOPE}(?:/{_SCOPE})*))? (?:\ (?P<stage>{"|".join(get_args(Stage))}))?
    (?:\ of\ %(?P<of>\d+))? (?:\ group\ (?P<group>\d+))?""",
    re.VERBOSE,
)
_ONE_SCOPE = re.compile(rf"({_NAME}):({_NAME})(?:#(\d+))?")
_RESULT = re.compile(rf"(?P<kind>\w+)(?: (?P<name>{_NAME}))? = %(?P<id>\d+)")


class _Reader:
    def __init__(self, source: Source) -> None:
        self.graph = Graph()
        self.source = source
        self.ids: dict[str, int] = {}  # by the number that the text gives

    def line(self, line: str, start: int) -> None:
        """One line, which begins at `start`."""
        if not line.strip() or line.startswith("#"):
            return
        try:
            if node := _NODE.fullmatch(line):
                self.node(node)
            elif (result := _RESULT.fullmatch(line)) and result["kind"] in get_args(ResultKind):
                key = Result(result["kind"], _unquoted(result["name"] or ""))  # pyright: ignore[reportArgumentType]
                self.graph.results[key] = self.ids[result["id"]]
            else:
                raise ValueError("this is neither a node nor a result")
        except KeyError as unknown:
            raise self.error(f"%{unknown.args[0]} is not given before this line", start, line) from None
        except (ValueError, SyntaxError) as wrong:
            raise self.error(str(wrong), start, line) from None

    def node(self, m: re.Match[str]) -> None:
        if m["id"] in self.ids:
            raise ValueError(f"%{m['id']} is given twice")
        self.ids[m["id"]] = self.graph.add(
            m["op"],
            [self.ids[number] for number in re.findall(r"\d+", m["operands"])],
            _type(m["type"]),
            _attrs(m["attrs"] or ""),
            _unquoted(m["name"] or ""),
            _scopes(m["scope"] or ""),
            m["stage"] or "forward",  # pyright: ignore[reportArgumentType]
            self.ids[m["of"]] if m["of"] else -1,
            group=int(m["group"] or -1),
        )

    def error(self, title: str, start: int, line: str) -> SpecError:
        return SpecError(Diagnostic("graph-text", title, Span(self.source, start, start + len(line))))


def _unquoted(name: str) -> str:
    return json.loads(name) if name.startswith('"') else name


@lru_cache(maxsize=1024)
def _scopes(text: str) -> tuple[Scope, ...]:
    found = _ONE_SCOPE.findall(text)
    return tuple(Scope(_unquoted(instance), _unquoted(layer), int(n or 0)) for instance, layer, n in found)


@lru_cache(maxsize=1024)
def _type(text: str) -> TensorType:
    dtype, _, shape = text[:-1].partition("[")
    if dtype not in get_args(DType):
        raise ValueError(f"there is no type {dtype}")
    dims = _value(ast.parse(f"({shape},)" if shape else "()", mode="eval").body)
    if not isinstance(dims, tuple) or not all(isinstance(d, int | Extent) for d in dims):
        raise ValueError(f"[{shape}] is not a shape")
    return TensorType(dtype, cast("tuple[Dim, ...]", dims))  # pyright: ignore[reportArgumentType]


def _attrs(text: str) -> Attrs:
    if not text:
        return ()
    call = ast.parse(f"_({text})", mode="eval").body
    if not isinstance(call, ast.Call) or call.args:
        raise ValueError(f"{{{text}}} is not a list of attributes")
    return tuple((keyword.arg or "", _value(keyword.value)) for keyword in call.keywords)


_WORDS: dict[str, Attr] = {"true": True, "false": False, "none": None, "inf": inf, "nan": nan, "N": N}


def _value(tree: ast.expr) -> Attr:
    """An attribute's value, from Python's reading of it: literals, tuples, and sums and products with N."""
    match tree:
        case ast.Constant(value=int() | float() | str() as value):
            return value
        case ast.Tuple(elts=elements):
            return tuple(map(_value, elements))
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _value(operand)
            return number * -1 if isinstance(number, Extent) else -cast(float, number)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = cast(int, _value(left)), cast(int, _value(right))
            return a * b if isinstance(op, ast.Mult) else a + b if isinstance(op, ast.Add) else a - b
        case _:
            raise ValueError(f"{ast.unparse(tree)} is not a value")
