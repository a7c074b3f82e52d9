"""Rebuilding a graph node by node, with rules that are asked before each operation is added.

Operands are rebuilt before their users, and what a rule builds is offered to the rules in turn, so that a
rule sees operands on which no rule has anything more to say. Every pass here takes time linear in the graph,
provided that a rule looks at a bounded number of operands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from ..build import Builder, Value
from ..diagnostics import InternalError
from ..ir import Attr, Attrs, Dim, Extent, Graph, Node, TensorType


@dataclass(frozen=True, slots=True)
class Term:
    """An operation as rules see it: about to be added, or the one that gives an operand."""

    build: Rewriter
    op: str
    operands: tuple[Value, ...]
    type: TensorType
    attrs: Attrs = ()

    def of(self, position: int) -> Term:
        """The operation that gives an operand."""
        return self.build.term(self.operands[position])

    def attr(self, name: str) -> Attr:
        for key, value in self.attrs:
            if key == name:
                return value
        raise InternalError(f"{self.op} has no attribute {name}")

    def axes(self, name: str = "axis") -> tuple[int, ...]:
        """An attribute that is a tuple of integers."""
        value = self.attr(name)
        return tuple(v for v in value if isinstance(v, int)) if isinstance(value, tuple) else ()

    def dims(self, name: str) -> tuple[Dim, ...]:
        """An attribute that is a tuple of sizes."""
        value = self.attr(name)
        return tuple(v for v in value if isinstance(v, int | Extent)) if isinstance(value, tuple) else ()

    @property
    def number(self) -> float | None:
        """The number that all elements are, if it is known."""
        if self.op == "broadcast":
            return self.of(0).number
        value = self.attr("value") if self.op == "constant" else None
        return value if isinstance(value, int | float) else None

    def alone_reads(self, position: int) -> bool:
        """Whether nothing else reads an operand."""
        return self.build.uses[self.operands[position].id] <= 1


# What stands for the operation, of the same type; None where the rule has nothing to say.
Rule = Callable[[Term], Value | None]
Rules = Mapping[str, Sequence[Rule]]  # by the operation's name


def united(*tables: Rules) -> Rules:
    """All the rules; for one operation, those of the first table are asked first."""
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: tuple(rule for table in tables for rule in table.get(name, ())) for name in names}


@dataclass(slots=True)
class Rewriter(Builder):
    """A builder that asks rules what stands for an operation before it adds it.

    terms: what was asked for or added, by id. uses: how often the old graph reads what became this node.
    parts: of a concat, by id and by where they begin. fired: how often a rule had an answer.
    """

    rules: Rules = field(default_factory=dict[str, Sequence[Rule]])
    terms: dict[int, Term] = field(default_factory=dict[int, Term])
    uses: Counter[int] = field(default_factory=Counter[int])
    parts: dict[int, dict[Dim, Value]] = field(default_factory=dict[int, dict[Dim, Value]])
    fired: int = 0

    def add(
        self, op: str, operands: Sequence[Value], type: TensorType, attrs: Attrs = (), name: str = ""
    ) -> Value:
        term = Term(self, op, tuple(operands), type, attrs)
        for rule in self.rules.get(op, ()):
            found = rule(term)
            if found is not None:
                if found.type != type:
                    raise InternalError(
                        f"the rule {rule.__name__} made {found.type} of {op}, which is {type}"
                    )
                self.fired += 1
                return found
        value = Builder.add(self, op, operands, type, attrs, name)
        self.terms[value.id] = term
        return value

    def term(self, value: Value) -> Term:
        """The operation that gives a value."""
        found = self.terms.get(value.id)
        if found is None:
            node = self.graph[value.id]
            operands = tuple(Value(self, operand) for operand in self.graph.operands(value.id))
            found = self.terms[value.id] = Term(self, node.op, operands, node.type, node.attrs)
        return found


def rewrite(graph: Graph, rules: Rules) -> tuple[Graph, int]:
    """The graph under the rules, and how often they had an answer."""
    build = Rewriter(Graph(), rules=rules)
    return rebuild(graph, build, uses=build.uses), build.fired


def rebuild(
    graph: Graph, build: Builder, keep: Container[int] | None = None, uses: Counter[int] | None = None
) -> Graph:
    """Offer the nodes (those in `keep`, if given) to a builder, in order; returns its graph, with results.

    A node keeps its name, scope, stage, origin and place. Where the builder answers with another node that
    has no name, that one takes the name over; not a constant, which stands for every use of its number.
    uses: counts the users and results that each new node takes over.
    """
    new = build.graph
    ids: dict[int, int] = {}
    results = Counter(graph.results.values())
    for node in graph:
        if keep is not None and node.id not in keep:
            continue
        build.scope, build.stage, build.span = node.scope, node.stage, node.span
        build.of = ids.get(node.of, -1)
        value = _offered(graph, node, build, ids)
        made = new[value.id]
        if node.name and not made.name and made.op != "constant":
            new.replace(replace(made, name=node.name))
        ids[node.id] = value.id
        if uses is not None:
            uses[value.id] += len(graph.users(node.id)) + results[node.id]
    new.results = {result: ids[id] for result, id in graph.results.items()}
    return new


def _offered(graph: Graph, node: Node, build: Builder, ids: Mapping[int, int]) -> Value:
    if node.op == "constant" and not node.name:
        return build.constant(cast(float, node.attr("value")), node.type.dtype)
    operands = [Value(build, ids[operand]) for operand in graph.operands(node.id)]
    return build.add(node.op, operands, node.type, node.attrs, node.name)
