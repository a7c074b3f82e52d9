"""The compiler's table of contents: from a text to the graphs that are planned, emitted and drawn."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from . import ast
from .diagnostics import Diagnostic, Source, SpecError
from .extract import ancestors, compose, select
from .ir import DType, Graph, Result
from .lower import Lowering, Read
from .mend import mended
from .metrics import Accumulated, accumulate
from .network import ColumnType, DataSpec, Network
from .passes import optimise
from .passes.stabilise import stable_builder
from .verify import verify

Columns = Mapping[str, ColumnType]
Purpose = Literal["train", "step", "gradients", "forward", "evaluate", "finish", "predict", "answer"]


@dataclass(frozen=True)
class Compiled:
    """A network and the graphs for all that is done with it, each made when it is first asked for.

    train: a step on columns. step: a step on inputs. gradients: of the loss, from inputs. forward: loss,
    metrics, outputs and named values from inputs. evaluate, finish: statistics of a batch of columns, and
    what they come to. predict: outputs from inputs. answer: outputs from columns.
    """

    network: Network
    _graphs: dict[str, Graph] = field(default_factory=dict[str, Graph], repr=False)

    def graph(self, purpose: Purpose) -> Graph:
        """The optimised graph for a purpose."""
        if purpose not in self._graphs:
            raw = self.raw(purpose)
            verify(raw, f"building the graph to {purpose}")
            self._graphs[purpose] = optimise(raw)
        return self._graphs[purpose]

    def raw(self, purpose: Purpose) -> Graph:
        """The graph for a purpose before any pass."""
        network = self.network
        match purpose:
            case "train":
                return compose(network.training_data, select(network.training, _is_step))
            case "step":
                return select(network.training, _is_step)
            case "gradients":
                return select(network.training, lambda r: r.kind in ("loss", "gradient"))
            case "forward":
                return select(network.evaluating, lambda r: r.kind in ("loss", "metric", "output"))
            case "evaluate":
                return compose(network.evaluating_data, self.accumulated.statistics)
            case "finish":
                return self.accumulated.finish
            case "predict":
                return _predicting(network.evaluating)
            case "answer":
                return compose(network.evaluating_data, self.raw("predict"))

    @cached_property
    def accumulated(self) -> Accumulated:
        return accumulate(select(self.network.evaluating, lambda r: r.kind in ("loss", "metric")))

    def valued(self, names: tuple[str, ...]) -> Graph:
        """The forward graph with these named values besides; a KeyError names one that there is not."""
        key = "forward " + " ".join(names)
        if key not in self._graphs:
            known = self.network.evaluating.of_kind("value")
            for name in names:
                if name not in known:
                    raise KeyError(name)
            results = {Result("value", n) for n in names}
            graph = select(
                self.network.evaluating, lambda r: r in results or r.kind in ("loss", "metric", "output")
            )
            self._graphs[key] = optimise(graph)
        return self._graphs[key]


def _is_step(result: Result) -> bool:
    return result.kind in ("loss", "metric", "update")


def _predicting(graph: Graph) -> Graph:
    """The declared outputs; without any, the last tensor that the file names on the way to the loss."""
    if graph.of_kind("output"):
        return select(graph, lambda r: r.kind == "output")
    losses = graph.of_kind("loss")
    above = ancestors(graph, losses.values())
    values = graph.of_kind("value").items()
    named = {name: id for name, id in values if id in above and not name.startswith("loss.")}
    if not named:
        return select(graph, lambda r: r.kind == "output")
    last = max(named, key=lambda name: named[name])
    chosen = select(graph, lambda r: r == Result("value", last))
    chosen.results = {Result("output", last): id for id in chosen.results.values()}
    return chosen


def compile(
    source: Source,
    dims: Mapping[str, ast.Expr] | None = None,
    train: Mapping[str, ast.Expr] | None = None,
    read: Read | None = None,
    columns: Callable[[DataSpec], Columns | None] | None = None,
    precision: DType | None = None,
) -> Compiled:
    """Compile a text. Raises SpecError with every mistake that it holds.

    dims, train: overrides, by name. read: gives an included file. columns: asked once for what the data
    source holds; without it, or where it gives None, the data block's formulas are left out.
    """
    with _growing():
        lowering = Lowering(source, dims, train, read, precision, stable_builder)
    known = columns(lowering.data_spec) if columns is not None and lowering.data_spec is not None else None
    try:
        with _growing():
            return Compiled(lowering.network(known))
    except SpecError as error:
        told = mended(
            lowering.module,
            error.diagnostics,
            lowering.walked,
            lambda text: _mistakes(text, known, dims, read, precision),
        )
        raise SpecError(*told) from None


@contextmanager
def _growing() -> Generator[None]:
    """Without the search for cycles, which goes over a growing graph again and again: half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _mistakes(
    source: Source,
    columns: Columns | None,
    dims: Mapping[str, ast.Expr] | None,
    read: Read | None,
    precision: DType | None,
) -> tuple[Diagnostic, ...]:
    try:
        with _growing():
            return Lowering(source, dims, None, read, precision).mistakes(columns)
    except SpecError as error:
        return error.diagnostics
