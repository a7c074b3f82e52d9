"""The syntax tree of each rule of the grammar, and the mistakes that only the finished rule shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal, NamedTuple, TypeVar, cast
from unicodedata import normalize

from lark import Transformer, v_args

from .. import ast
from ..diagnostics import Span
from . import slips
from .layout import Lexeme
from .slips import Slip

Node = TypeVar("Node")
MAX_DIGITS = 100
Sub = ast.Expr | ast.Slice | ast.Ellipsis_


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between braces."""

    span: Span
    statements: tuple[ast.Statement | ast.Carry | ast.Setting, ...]
    broken: bool = False  # a statement in it is wrong, and told


@dataclass(frozen=True, slots=True)
class Formals:
    span: Span
    formals: tuple[ast.Formal, ...]


class Staged(NamedTuple):
    """What stands behind an arrow, before it is known to be a layer."""

    value: ast.Expr
    pin: ast.Name | None


@v_args(inline=True)
class TreeBuilder(Transformer[object, object]):
    """One method for each rule, called with its children: lexemes, and what the rules within it gave.

    The nodes' spans cover their brackets. A method raises Slip where the rule's parts do not go together.
    """

    def module(self, *items: object) -> tuple[ast.Item, ...]:
        return cast(tuple[ast.Item, ...], _flat(items))

    def expression(self, value: ast.Expr) -> ast.Expr:
        return value

    def block(self, *parts: object) -> Block:
        broken = any(isinstance(p, Lexeme) and p.type == "ERROR" for p in parts)
        return Block(_cover(parts), cast(tuple[ast.Statement, ...], _flat(parts)), broken)

    settings = block

    def broken(self, error: Lexeme, *_: Block) -> Lexeme:
        return error

    # ---- statements

    def dim(self, _: Lexeme, *definitions: object) -> tuple[ast.DimDef, ...]:
        return _only(ast.DimDef, definitions)

    def define(self, name: Lexeme, _: Lexeme, value: ast.Expr) -> ast.DimDef:
        return ast.DimDef(name.span.to(value.span), _name(name), value)

    def input(
        self, word: Lexeme, tensor: ast.Shaped, _: Lexeme | None = None, kind: ast.Expr | None = None
    ) -> ast.Input:
        span = word.span.to(kind.span if kind else tensor.span)
        return ast.Input(span, tensor, slips.classes(kind) if kind else None)

    def declaration(self, word: Lexeme, *parts: object) -> ast.Declaration:
        initialiser = slips.initialiser(cast(ast.Expr, parts[-1]))
        kind = cast(Literal["param", "state"], word.text)
        return ast.Declaration(word.span.to(initialiser.span), kind, _only(ast.Shaped, parts), initialiser)

    def shaped(self, name: Lexeme, shape: ast.Shape | None = None) -> ast.Shaped:
        return ast.Shaped(name.span.to(shape.span if shape else name.span), _name(name), shape)

    def shape(self, *parts: object) -> ast.Shape:
        return ast.Shape(_cover(parts), cast(tuple[ast.Expr, ...], _nodes(parts)))

    def binding(self, target: ast.Shaped, _: Lexeme, value: ast.Expr) -> ast.Binding:
        return ast.Binding(target.span.to(value.span), target, value)

    def shared(self, word: Lexeme, name: Lexeme, _: Lexeme, value: ast.Expr) -> ast.Shared:
        return ast.Shared(
            word.span.to(value.span), _name(name), slips.call(value, "a layer, such as `dense(64)`")
        )

    def update(self, target: ast.Shaped, _: Lexeme, value: ast.Expr) -> ast.Update:
        if target.shape is not None:
            raise Slip(
                target.shape.span,
                "the left side of `<-` is a name alone",
                "the shape is known from the declaration",
                help=f"write {target.name.text} <- …",
            )
        return ast.Update(target.span.to(value.span), target.name, value)

    def repeat(self, word: Lexeme, count: ast.Expr, *rest: object) -> ast.Repeat:
        block = cast(Block, rest[-1])
        counter = _name(cast(Lexeme, rest[1])) if len(rest) == 3 else None
        return ast.Repeat(word.span.to(block.span), count, counter, _body(block))

    def if_(self, word: Lexeme, condition: ast.Expr, block: Block, *rest: object) -> ast.If:
        orelse = cast(Block | ast.If, rest[-1]) if rest else None
        span = word.span.to(orelse.span if orelse else block.span)
        match orelse:
            case None:
                return ast.If(span, condition, _body(block), ())
            case Block():
                return ast.If(span, condition, _body(block), _body(orelse))
            case ast.If():
                return ast.If(span, condition, _body(block), (orelse,))

    def scan(self, word: Lexeme, sequence: ast.Expr, _: Lexeme, item: Lexeme, block: Block) -> ast.Scan:
        carries = tuple(s for s in block.statements if isinstance(s, ast.Carry))
        for statement in block.statements[: len(carries)]:
            if not isinstance(statement, ast.Carry):
                late = next(c for c in carries if c.span.start > statement.span.start)
                raise Slip(late.span, "`carry` comes first in a scan", help="move it to the top of the block")
        if not carries and not block.broken:
            raise Slip(
                word.span,
                "this scan carries nothing from turn to turn",
                help="begin its block with what one turn hands to the next: carry h[N, width] = 0",
            )
        body = cast(tuple[ast.Statement, ...], block.statements[len(carries) :])
        return ast.Scan(word.span.to(block.span), sequence, _name(item), carries, body)

    def carry(self, _: Lexeme, *carries: object) -> tuple[ast.Carry, ...]:
        return _only(ast.Carry, carries)

    def carried(self, tensor: ast.Shaped, _: Lexeme, value: ast.Expr) -> ast.Carry:
        return ast.Carry(tensor.span.to(value.span), tensor, value)

    def return_(self, word: Lexeme, value: ast.Expr) -> ast.Return:
        return ast.Return(word.span.to(value.span), value)

    # ---- definitions

    def layer(self, word: Lexeme, name: Lexeme, formals: Formals, block: Block) -> ast.LayerDef:
        return ast.LayerDef(word.span.to(block.span), _name(name), formals.formals, _body(block))

    def optimizer(self, word: Lexeme, name: Lexeme, formals: Formals, block: Block) -> ast.OptimizerDef:
        return ast.OptimizerDef(word.span.to(block.span), _name(name), formals.formals, _body(block))

    def formals(self, *parts: object) -> Formals:
        return Formals(_cover(parts), _only(ast.Formal, parts))

    def formal(
        self, tensor: ast.Shaped, equals: Lexeme | None = None, default: ast.Expr | None = None
    ) -> ast.Formal:
        if equals and tensor.shape:
            raise Slip(
                equals.span.to(default.span if default else equals.span),
                f"the tensor {tensor.name.text} cannot have a default",
                help=f"drop it; or drop the shape, if {tensor.name.text} is a number",
            )
        return ast.Formal(
            tensor.span.to(default.span if default else tensor.span), tensor.name, tensor.shape, default
        )

    # ---- what a file asks for

    def output(self, word: Lexeme, *named: object) -> ast.Output:
        name, value = _named("output", named)
        return ast.Output(word.span.to(value.span), name, value)

    def metric(self, word: Lexeme, *named: object) -> ast.Metric:
        name, value = _named("metric", named)
        return ast.Metric(word.span.to(value.span), name, value)

    def loss(self, word: Lexeme, value: ast.Expr) -> ast.Loss:
        return ast.Loss(word.span.to(value.span), value)

    def data(self, word: Lexeme, source: ast.Expr, block: Block | None = None) -> ast.Data:
        call = slips.call(source, 'a source, such as `digits` or `csv("points.csv")`')
        return ast.Data(word.span.to(block.span if block else call.span), call, _settings(block))

    def train(self, word: Lexeme, optimizer: ast.Expr, block: Block | None = None) -> ast.Train:
        call = slips.call(optimizer, "an optimizer, such as `sgd(lr = 0.1)`")
        return ast.Train(word.span.to(block.span if block else call.span), call, _settings(block))

    def setting(self, name: Lexeme, _: Lexeme, value: ast.Expr) -> ast.Setting:
        return ast.Setting(name.span.to(value.span), _name(name), value)

    def include(self, word: Lexeme, path: Lexeme) -> ast.Include:
        return ast.Include(word.span.to(path.span), self.string(path))

    # ---- expressions

    def pinned(self, value: ast.Expr, _: Lexeme, pin: Lexeme) -> ast.Pinned:
        if not isinstance(value, ast.Call):
            raise Slip(
                value.span,
                "`as` names the parameters of a layer, but this is not a call of one",
                help="write it behind the call: conv(x, 10, 5) as c1",
            )
        return ast.Pinned(value.span.to(pin.span), value, _name(pin))

    def pipe(self, head: ast.Expr, *rest: object) -> ast.Pipe:
        stages = tuple(slips.stage(head, *part) for part in _only(Staged, rest))
        return ast.Pipe(head.span.to(stages[-1].span), head, stages)

    def stage(self, value: ast.Expr, _: Lexeme | None = None, pin: Lexeme | None = None) -> Staged:
        return Staged(value, _name(pin) if pin else None)

    def binary(self, left: ast.Expr, op: Lexeme, right: ast.Expr) -> ast.Binary:
        return ast.Binary(left.span.to(right.span), cast(ast.BinaryOp, op.text), left, right, op.span)

    def comparison(self, left: ast.Expr, op: Lexeme, right: ast.Expr) -> ast.Binary:
        chained = isinstance(left, ast.Binary) and left.op in ("==", "!=", "<", "<=", ">", ">=")
        if isinstance(left, ast.Binary) and chained and left.span.start == left.left.span.start:
            middle, whole = left.right.span.text, left.span
            raise Slip(
                op.span,
                "comparisons do not chain",
                help=f"write {whole.text} and {middle} {op.text} {right.span.text}",
            )
        return self.binary(left, op, right)

    def unary(self, op: Lexeme, operand: ast.Expr) -> ast.Unary:
        return ast.Unary(op.span.to(operand.span), cast(Literal["-", "not"], op.text), operand)

    def call(self, function: ast.Expr, *parts: object) -> ast.Call:
        if not isinstance(function, ast.Name) or "." in function.text:
            raise slips.callee_slip(function, _nodes(parts))
        positional: list[ast.Expr] = []
        keywords: dict[str, ast.Keyword] = {}
        for argument in _nodes(parts):
            if isinstance(argument, ast.Keyword):
                if argument.name.text in keywords:
                    raise Slip(argument.span, f"{argument.name.text} is given twice", help="keep one of them")
                keywords[argument.name.text] = argument
            elif keywords:
                raise slips.order_slip(cast(ast.Expr, argument), tuple(keywords.values()))
            else:
                positional.append(cast(ast.Expr, argument))
        span = function.span.to(_cover(parts))
        return ast.Call(span, function, tuple(positional), tuple(keywords.values()))

    def keyword(self, name: Lexeme, _: Lexeme, value: ast.Expr) -> ast.Keyword:
        return ast.Keyword(name.span.to(value.span), _name(name), value)

    def index(self, operand: ast.Expr, *parts: object) -> ast.Index:
        return ast.Index(operand.span.to(_cover(parts)), operand, cast(tuple[Sub, ...], _nodes(parts)))

    def slice(self, *parts: object) -> ast.Slice:
        bounds: list[ast.Expr | None] = [None]
        for part in parts:
            if isinstance(part, Lexeme):
                bounds.append(None)
            else:
                bounds[-1] = cast(ast.Expr, part)
        start, stop, step = (*bounds, None)[:3]
        return ast.Slice(_cover(parts), start, stop, step)

    def ellipsis(self, dots: Lexeme) -> ast.Ellipsis_:
        return ast.Ellipsis_(dots.span)

    def dotted(self, operand: ast.Expr, _: Lexeme, name: Lexeme) -> ast.Expr:
        span = operand.span.to(name.span)
        if name.text == "T":
            return ast.Transpose(span, operand)
        if isinstance(operand, ast.Name) and operand.text == "self":
            title = f"a layer has no self: its parameters and results are plain names, {name.text}"
            raise Slip(span, title)
        if isinstance(operand, ast.Name) and len(operand.text) > MAX_DIGITS:
            raise Slip(span, "this name is too long")
        if not isinstance(operand, ast.Name):
            title = f"`.{name.text}` can follow a name alone"
            raise Slip(name.span, title, help="of expressions there is `.T` only, the last two axes swapped")
        return ast.Name(span, f"{operand.text}.{_name(name).text}")

    def bracketed(self, opener: Lexeme, value: ast.Expr, closer: Lexeme) -> ast.Expr:
        return replace(value, span=opener.span.to(closer.span))

    def list_(self, *parts: object) -> ast.ListExpr:
        return ast.ListExpr(_cover(parts), cast(tuple[ast.Expr | ast.Ellipsis_, ...], _nodes(parts)))

    def number(self, token: Lexeme) -> ast.Number:
        return _number(token)

    def string(self, token: Lexeme) -> ast.String:
        return ast.String(token.span, token.text[1:-1])

    def name(self, token: Lexeme) -> ast.Name:
        if token.text in slips.FOREIGN:
            raise Slip(token.span, f"`{token.text}` is written `{slips.FOREIGN[token.text]}`")
        return _name(token)


def _flat(parts: Sequence[object]) -> tuple[object, ...]:
    """The nodes among the parts, those of one `dim` line one by one."""
    return tuple(n for part in _nodes(parts) for n in (part if isinstance(part, tuple) else (part,)))


def _nodes(parts: Sequence[object]) -> tuple[object, ...]:
    return tuple(part for part in parts if not isinstance(part, Lexeme))


def _only(kind: type[Node], parts: Sequence[object]) -> tuple[Node, ...]:
    return tuple(part for part in parts if isinstance(part, kind))


def _cover(parts: Sequence[object]) -> Span:
    return cast(Lexeme, parts[0]).span.to(cast(Lexeme, parts[-1]).span)


def _body(block: Block) -> tuple[ast.Statement, ...]:
    for statement in block.statements:
        if isinstance(statement, ast.Carry):
            help = "only the turns of a scan hand something on: scan x as xt { carry … }"
            raise Slip(statement.span, "`carry` belongs in a scan", help=help)
    return cast(tuple[ast.Statement, ...], block.statements)


def _settings(block: Block | None) -> tuple[ast.Setting, ...]:
    return _only(ast.Setting, block.statements) if block else ()


def _named(word: str, parts: Sequence[object]) -> tuple[ast.Name, ast.Expr]:
    value = cast(ast.Expr, parts[-1])
    return (_name(cast(Lexeme, parts[0])) if len(parts) == 3 else slips.named(word, value)), value


def _name(token: Lexeme) -> ast.Name:
    """A name, in the form in which Python too takes names for equal: µ is μ, and ŷ has one spelling."""
    text = normalize("NFKC", token.text)
    if token.text.isidentifier():
        return ast.Name(token.span, text)
    raise slips.sign_in_name(token.span, text)


def _number(token: Lexeme) -> ast.Number:
    text = token.text
    percent = text.endswith("%")
    digits = text.rstrip("%")
    whole = re.search(r"[0-9]+,$", token.span.source.text[max(token.span.start - 20, 0) : token.span.start])
    if len(digits) > 1 and digits[0] == "0" and digits.isdigit() and whole:
        raise slips.decimal_comma(token.span, whole[0][:-1])
    if len(digits) > 1 and digits[0] == "0" and digits.isdigit():
        raise Slip(
            token.span,
            f"`{digits}` begins with a 0, as no number does",
            help=f"write {digits.lstrip('0') or '0'}, or 0.…",
        )
    if len(digits) > MAX_DIGITS:
        raise Slip(
            Span(token.span.source, token.span.start, token.span.start + 1), "this number has too many digits"
        )
    value = int(digits) if digits.isdigit() else float(digits)
    if not isfinite(value) or (isinstance(value, int) and value >= 2**63):
        raise Slip(token.span, "this number is too large")
    return ast.Number(token.span, value / 100 if percent else value, percent)
