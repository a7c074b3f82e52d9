"""A plan as a program: the text, and what must be known to run it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from textwrap import dedent
from typing import Literal

from ..ir import DType, Graph, Node, Result
from ..plan import Plan, bound, plan
from .kernels import KERNELS
from .numpy import Text, arguments, emit_function

VIEW = '''def view(arena, offset, shape, dtype):
    """A place in the arena as an array; it has no memory of its own."""
    size = np.dtype(dtype).itemsize
    for extent in shape:
        size *= extent
    return arena[offset : offset + size].view(dtype).reshape(shape)
'''
IMPORT = "import numpy as np\n"


@dataclass(frozen=True, slots=True)
class Array:
    """An array that a program takes: a fed one, a parameter or a state."""

    name: str
    dtype: DType
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """Text with one factory `make_<name>(P, arena)`, which gives the function `<name>(<feeds>, <counters>)`.

    text: of the whole module; its lines are traced to nodes of `graph`. feeds: in the order of the arguments;
    counters: those of step, steps, seed, epoch and rows that follow them. variables: the parameters and
    states that the factory takes; updated: the names of those that a run changes. results: what the function
    returns, in order.
    """

    target: Literal["numpy"]
    name: str
    text: Text
    graph: Graph
    n: int
    feeds: tuple[Array, ...]
    counters: tuple[str, ...]
    variables: tuple[Array, ...]
    updated: tuple[str, ...]
    results: tuple[Result, ...]
    arena_bytes: int


def build(
    graph: Graph, n: int, name: str = "step", wanted: Collection[Result] | None = None, about: str = ""
) -> Program:
    """The NumPy program that computes the wanted results (all, unless given) of a graph for batches of n."""
    return program_of(plan(graph, n, wanted), name, about)


def program_of(planned: Plan, name: str, about: str = "") -> Program:
    """The NumPy program of a plan."""
    function = emit_function(
        planned,
        name,
        about or f"{name}, in batches of {planned.n}, over {planned.arena_bytes:,} bytes of arena",
        KERNELS,
    )
    head = "\n\n".join((IMPORT, *kernels_of(function.source)))
    lines = (*[-1] * (head.count("\n") + 2), *function.lines)
    return Program(
        "numpy",
        name,
        Text(f"{head}\n\n{function.source}", lines),
        planned.graph,
        planned.n,
        tuple(array_of(leaf, planned.n) for leaf in planned.leaves("input", "column")),
        arguments(planned),
        tuple(array_of(leaf, planned.n) for leaf in planned.leaves("param", "state")),
        planned.updated,
        tuple(planned.returns),
        planned.arena_bytes,
    )


def kernels_of(*sources: str) -> tuple[str, ...]:
    """The functions that these texts call, and what those call, each after what it needs."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for source in sources:
        _collect(source, found, seen)
    texts = tuple(found.values())
    return (VIEW, *texts) if any("view(arena" in source for source in sources) else texts


def _collect(source: str, found: dict[str, str], seen: set[str]) -> None:
    for name in dict.fromkeys(re.findall(r"(?<![\w.])(\w+)\(", source)):
        if name in KERNELS and name not in seen:
            seen.add(name)
            text = source_of(KERNELS[name])
            _collect(text, found, seen)
            found[name] = text


def source_of(function: Callable[..., object]) -> str:
    """A function's text, without the types in its signature."""
    source = dedent(inspect.getsource(function))
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    body = "\n".join(source.splitlines()[tree.body[0].lineno - 1 :])
    for argument in ast.walk(tree.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return f"def {tree.name}({ast.unparse(tree.args)}):\n{body}\n"


def array_of(leaf: Node, n: int) -> Array:
    """A leaf as the array that a program for batches of n takes."""
    return Array(leaf.name, leaf.type.dtype, bound(leaf.type, n))
