"""netc dump"""

from __future__ import annotations

import click

from ..compiler import ast_text, ir_text, plan_text
from ..compiler.extract import ancestors, append
from ..compiler.ir import Graph
from ..compiler.parse import parse
from ..compiler.pipeline import Compiled, Purpose
from ..compiler.plan import plan
from ..console import report, result
from ..locate import Spec, find
from ..runtime.opening import compile_source
from . import arguments
from .arguments import Overrides


@click.command()
@arguments.spec
@arguments.overrides
@click.option(
    "--stage",
    type=click.Choice(["ast", "graph", "backward", "optimised", "plan", "code"]),
    required=True,
    help="Syntax tree, forward graph, gradients and updates, all passes, order and memory, NumPy program.",
)
def command(spec: str, overrides: Overrides, stage: str) -> int:
    """What a stage of the compiler makes of a spec, as text."""
    found = find(spec)
    if stage == "ast":
        result(ast_text.show(parse(found.source)).rstrip())
        return 0
    compiled = compile_source(found.source, found.base, overrides.dims, overrides.train)
    report(compiled.network.warnings)
    result(_text(compiled, found, stage).rstrip())
    return 0


def _text(compiled: Compiled, spec: Spec, stage: str) -> str:
    match stage:
        case "graph":
            return ir_text.show(_forward(compiled.network.training))
        case "backward":
            return ir_text.show(compiled.raw(_purpose(compiled)))
        case "optimised":
            return ir_text.show(compiled.graph(_purpose(compiled)))
        case "plan":
            batch = compiled.network.train.batch if compiled.network.train else 1
            return plan_text.show(plan(compiled.graph(_purpose(compiled)), batch))
        case _:
            from ..runtime.device import Device
            from ..runtime.model import Model

            return Model(compiled, Device("cpu"), spec.base).code


def _purpose(compiled: Compiled) -> Purpose:
    """A training step where there is one; on inputs where the data are not known."""
    if compiled.network.train is None:
        return "forward"
    return "train" if compiled.network.training_data.results else "step"


def _forward(graph: Graph) -> Graph:
    """The network as it was written: nothing backward, no optimizer."""
    results = {
        result: id
        for result, id in graph.results.items()
        if result.kind != "gradient" and graph[id].stage == "forward"
    }
    part = Graph()
    places = append(part, graph, ancestors(graph, results.values()))
    part.results = {result: places[id] for result, id in results.items()}
    return part
