"""The syntax tree: what a .net file says, before any name or size is known. Every node has its span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal, cast

from .diagnostics import Span


@dataclass(frozen=True, slots=True)
class Number:
    span: Span
    value: int | float
    percent: bool = False  # 10% is Number(0.1, percent=True)


@dataclass(frozen=True, slots=True)
class String:
    span: Span
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A plain name, or a dotted one (`valid.accuracy`, `h.W`)."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Unary:
    span: Span
    op: Literal["-", "not"]
    operand: Expr


BinaryOp = Literal["+", "-", "*", "/", "@", "^", "==", "!=", "<", "<=", ">", ">=", "and", "or"]


@dataclass(frozen=True, slots=True)
class Binary:
    """`op_span` marks the operator alone."""

    span: Span
    op: BinaryOp
    left: Expr
    right: Expr
    op_span: Span


@dataclass(frozen=True, slots=True)
class Transpose:
    """x.T: the last two axes swapped."""

    span: Span
    operand: Expr


@dataclass(frozen=True, slots=True)
class Keyword:
    span: Span
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """f(a, b, k = 1). A bare stage of a pipe (`x -> relu`) is a Call without brackets: `bare` is true."""

    span: Span
    function: Name
    positional: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands to the right of an arrow: `count * call as pin`."""

    span: Span
    call: Call
    count: Expr | None = None
    pin: Name | None = None


@dataclass(frozen=True, slots=True)
class Pipe:
    """head -> stage -> stage: the value flows through the stages, as their first argument."""

    span: Span
    head: Expr
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Pinned:
    """`conv(x, 10, 5) as c1` outside a pipe: the call's parameters take the pinned name."""

    span: Span
    call: Call
    pin: Name


@dataclass(frozen=True, slots=True)
class Slice:
    """start:stop:step inside an index; each part may be missing."""

    span: Span
    start: Expr | None
    stop: Expr | None
    step: Expr | None


@dataclass(frozen=True, slots=True)
class Ellipsis_:
    """`...` inside an index, a pattern or a list."""

    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """x[i, a:b, ...]."""

    span: Span
    operand: Expr
    items: tuple[Expr | Slice | Ellipsis_, ...]


@dataclass(frozen=True, slots=True)
class ListExpr:
    """[a, b]; `...` in it stands for the axes that a layer's pattern matched."""

    span: Span
    items: tuple[Expr | Ellipsis_, ...]


Expr = Number | String | Name | Unary | Binary | Transpose | Call | Pipe | Pinned | Index | ListExpr


@dataclass(frozen=True, slots=True)
class Shape:
    """[N, 3, 32, 32]: dims are expressions over dims; `...` only in a layer's pattern."""

    span: Span
    dims: tuple[Expr | Ellipsis_, ...]


@dataclass(frozen=True, slots=True)
class Shaped:
    """A declared tensor, W1[3072, H]. A scalar is m[] or plain m: shape has no dims or is None."""

    span: Span
    name: Name
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class DimDef:
    """dim H = 16"""

    span: Span
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Input:
    """input x[N, 3], or input y[N] : class(10)"""

    span: Span
    tensor: Shaped
    classes: Expr | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """param a[..], b[..] ~ init, or state likewise."""

    span: Span
    kind: Literal["param", "state"]
    tensors: tuple[Shaped, ...]
    initialiser: Call | Number


@dataclass(frozen=True, slots=True)
class Binding:
    """h = …, or h[N, 16] = … with an asserted shape."""

    span: Span
    target: Shaped
    value: Expr


@dataclass(frozen=True, slots=True)
class Shared:
    """shared enc = dense(64)"""

    span: Span
    name: Name
    call: Call


@dataclass(frozen=True, slots=True)
class Update:
    """m <- …; inside an optimizer `param <- …` too."""

    span: Span
    target: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Repeat:
    """repeat 3 as i { … }; i counts from 1."""

    span: Span
    count: Expr
    counter: Name | None
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class If:
    """if c { … } else { … }, decided while compiling."""

    span: Span
    condition: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Carry:
    """carry h[N, width] = 0: what one turn of a scan hands to the next, and its value before the first."""

    span: Span
    tensor: Shaped
    value: Expr


@dataclass(frozen=True, slots=True)
class Scan:
    """scan x as xt { carry h[N, width] = 0   h = tanh(xt @ W + h @ U) }

    Runs along axis 1 of x. After it, each carried name stands for all its turns, stacked along axis 1.
    """

    span: Span
    sequence: Expr
    item: Name
    carries: tuple[Carry, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Return:
    span: Span
    value: Expr


@dataclass(frozen=True, slots=True)
class Formal:
    """A tensor formal has a pattern, x[..., d]; a hyper-parameter has none, and perhaps a default."""

    span: Span
    name: Name
    pattern: Shape | None
    default: Expr | None


@dataclass(frozen=True, slots=True)
class LayerDef:
    span: Span
    name: Name
    formals: tuple[Formal, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class OptimizerDef:
    span: Span
    name: Name
    formals: tuple[Formal, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """output probabilities = softmax(logits), or output logits."""

    span: Span
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Loss:
    span: Span
    value: Expr


@dataclass(frozen=True, slots=True)
class Metric:
    """metric accuracy(logits, y), or metric err = 1 - accuracy(logits, y); the name is that of the call."""

    span: Span
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Setting:
    """key = value inside data { … } and train { … }."""

    span: Span
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Data:
    span: Span
    source: Call
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Train:
    span: Span
    optimizer: Call
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Include:
    span: Span
    path: String


Statement = DimDef | Declaration | Binding | Shared | Update | Repeat | If | Scan | Return
Item = (
    DimDef | Input | Declaration | Binding | Shared | Update | Repeat | If | Scan
    | LayerDef | OptimizerDef | Output | Loss | Metric | Data | Train | Include
)  # fmt: skip


Node = (
    Item | Return | Carry | Expr | Stage | Slice | Ellipsis_ | Keyword | Shape | Shaped | Formal | Setting
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Module:
    """One file. Dims declared on one line (`dim C = 16, L = 3`) are one DimDef each."""

    span: Span
    items: tuple[Item, ...]


def walk(tree: object) -> Iterator[Node]:
    """All nodes of a tree, or of several in a tuple, in the order of the text."""
    if isinstance(tree, tuple):
        for part in cast(tuple[object, ...], tree):
            yield from walk(part)
    elif is_dataclass(tree) and not isinstance(tree, Span):
        yield cast(Node, tree)
        for f in fields(tree):
            yield from walk(getattr(tree, f.name))
