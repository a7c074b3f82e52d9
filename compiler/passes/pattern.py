"""Rules written as equations: `equations(("log(sigmoid(x))", "-softplus(-x)"))`.

Both sides are Python expressions over the names of primitives and the signs + - * / @ ** and unary minus.
A letter stands for any value, and for the same value wherever it stands; c and d for values whose elements
are all one known number, s for any scalar, n for a size, which is not 0. A number stands for such a constant.
After `axis=` and `keep=` a letter stands for the attribute. Commutative operations match in either order. A
name that Python keeps for itself has a `_` after it: `not_(x)`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ..build import Value
from ..ir import Attr
from .rewrite import Rewriter, Rule, Rules, Term

COMMUTATIVE = ("add", "mul", "maximum", "minimum", "eq", "ne", "and", "or")


def equations(*pairs: tuple[str, str]) -> Rules:
    """A table of rules, from left and right sides. What the right side makes is cast and broadcast to fit."""
    found: list[tuple[int, _Call, Rule]] = []
    for left, right in pairs:
        build = _builder(_parsed(right))
        for swaps, call in _orders(_parsed(left)):
            if not isinstance(call, _Call):
                raise ValueError(f"{left} is no operation")
            found.append((swaps, call, _rule(f"{left} = {right}", call, build)))
    table: dict[str, list[tuple[_Call, Rule]]] = {}
    # Operands in the order as written come first, so that what is built keeps the order that the user wrote.
    for _, call, rule in sorted(found, key=lambda f: f[0]):
        table.setdefault(call.op, []).append((call, rule))
    return {op: (_asked_by_operands(rules),) for op, rules in table.items()}


@dataclass(frozen=True, slots=True)
class _Letter:
    name: str


@dataclass(frozen=True, slots=True)
class _Call:
    op: str
    operands: tuple[_Pattern, ...]
    attrs: tuple[tuple[str, _AttrPattern], ...] = ()


_Pattern = _Letter | _Call | float
_AttrPattern = _Letter | tuple["_AttrPattern", ...] | float
_Bound = dict[str, Any]  # what the letters stand for: values and attributes
_Matches = Callable[[Rewriter, Value, _Bound], bool]
_Builds = Callable[[Rewriter, _Bound], Any]

_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.MatMult: "matmul",
    ast.Pow: "pow",
}


def _parsed(text: str) -> _Pattern:
    return _pattern(ast.parse(text, mode="eval").body)


def _pattern(tree: ast.expr) -> _Pattern:
    match tree:
        case ast.Name(id=letter):
            return _Letter(letter)
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _Call("neg", (_pattern(operand),))
        case ast.BinOp(left=left, op=sign, right=right):
            return _Call(_SIGNS[type(sign)], (_pattern(left), _pattern(right)))
        case ast.Call(func=ast.Name(id=op), args=args, keywords=keywords):
            attrs = tuple((k.arg or "", _attr_pattern(k.value)) for k in keywords)
            return _Call(op.rstrip("_"), tuple(map(_pattern, args)), attrs)
        case _:
            raise ValueError(f"{ast.unparse(tree)} cannot stand in an equation")


def _attr_pattern(tree: ast.expr) -> _AttrPattern:
    match tree:
        case ast.Name(id=letter):
            return _Letter(letter)
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Tuple(elts=elements):
            return tuple(map(_attr_pattern, elements))
        case _:
            raise ValueError(f"{ast.unparse(tree)} cannot be an attribute of an equation")


def _orders(pattern: _Pattern) -> Iterator[tuple[int, _Pattern]]:
    """The pattern with the operands of commutative operations in every order, and how many were swapped."""
    if not isinstance(pattern, _Call):
        yield 0, pattern
        return
    commutes = pattern.op in COMMUTATIVE and pattern.operands[0] != pattern.operands[1]
    for choice in product(*map(tuple, map(_orders, pattern.operands))):
        swaps, operands = sum(n for n, _ in choice), tuple(p for _, p in choice)
        yield swaps, replace(pattern, operands=operands)
        if commutes:
            yield swaps + 1, replace(pattern, operands=operands[::-1])


def _rule(equation: str, call: _Call, build: _Builds) -> Rule:
    operands = [_matcher(p) for p in call.operands]
    attrs = call.attrs

    def rule(term: Term) -> Value | None:
        bound: _Bound = {}
        for matches, value in zip(operands, term.operands, strict=True):
            if not matches(term.build, value, bound):
                return None
        if attrs and not _attrs_match(attrs, term, bound):
            return None
        made = build(term.build, bound)
        value = made if isinstance(made, Value) else term.build.constant(made, term.type.dtype)
        return value.cast(term.type.dtype).broadcast(term.type.shape)

    rule.__name__ = equation
    return rule


def _asked_by_operands(rules: list[tuple[_Call, Rule]]) -> Rule:
    """One rule for many about one operation, which asks those that can match the operands' operations."""
    fitting: dict[tuple[str, ...], list[Rule]] = {}

    def ask(term: Term) -> Value | None:
        ops = tuple([term.build.term(value).op for value in term.operands])
        if ops not in fitting:
            fitting[ops] = [rule for call, rule in rules if all(map(_may_be, call.operands, ops))]
        return next((found for rule in fitting[ops] if (found := rule(term)) is not None), None)

    return ask


def _may_be(pattern: _Pattern, op: str) -> bool:
    """Whether a value that this operation gives can match."""
    match pattern:
        case _Call():
            return op == pattern.op
        case _Letter(name="c" | "d") | float() | int():
            return op in ("constant", "broadcast")
        case _Letter(name="n"):
            return op in ("constant", "broadcast", "size")
        case _:
            return True


def _matcher(pattern: _Pattern) -> _Matches:
    match pattern:
        case _Letter(name=letter):
            return _letter_matcher(letter)
        case _Call(op=op, operands=patterns, attrs=attrs):
            operands = [_matcher(p) for p in patterns]

            def is_call(build: Rewriter, value: Value, bound: _Bound) -> bool:
                term = build.term(value)
                return (
                    term.op == op
                    and all(m(build, v, bound) for m, v in zip(operands, term.operands, strict=True))
                    and (not attrs or _attrs_match(attrs, term, bound))
                )

            return is_call
        case number:
            return lambda build, value, bound: build.term(value).number == number


def _letter_matcher(letter: str) -> _Matches:
    def matches(build: Rewriter, value: Value, bound: _Bound) -> bool:
        known = bound.setdefault(letter, value)
        if known is not value:
            return known.id == value.id
        return allowed is None or allowed(build.term(value))

    allowed = _KINDS.get(letter)
    return matches


_KINDS: dict[str, Callable[[Term], bool]] = {
    "c": lambda term: term.number is not None,
    "d": lambda term: term.number is not None,
    "s": lambda term: not term.type.shape,
    "n": lambda term: term.op == "size" or term.number not in (None, 0),
}


def _attrs_match(attrs: tuple[tuple[str, _AttrPattern], ...], term: Term, bound: _Bound) -> bool:
    return all(_attr_matches(pattern, term.attr(name), bound) for name, pattern in attrs)


def _attr_matches(pattern: _AttrPattern, value: Attr, bound: _Bound) -> bool:
    match pattern:
        case _Letter(name=letter):
            return bound.setdefault(letter, value) == value
        case tuple():
            return (
                isinstance(value, tuple)
                and len(value) == len(pattern)
                and all(_attr_matches(p, v, bound) for p, v in zip(pattern, value, strict=True))
            )
        case _:
            return pattern == value


def _builder(pattern: _Pattern) -> _Builds:
    match pattern:
        case _Letter(name=letter):
            return lambda build, bound: bound[letter]
        case _Call(op=op, operands=patterns, attrs=attrs):
            operands = [_builder(p) for p in patterns]

            def call(build: Rewriter, bound: _Bound) -> Value:
                named = {name: _attr_value(p, bound) for name, p in attrs}
                return build.apply(op, *[o(build, bound) for o in operands], **named)

            return call
        case number:
            return lambda build, bound: number


def _attr_value(pattern: _AttrPattern, bound: _Bound) -> Any:
    match pattern:
        case _Letter(name=letter):
            return bound[letter]
        case tuple():
            return tuple(_attr_value(p, bound) for p in pattern)
        case _:
            return pattern
