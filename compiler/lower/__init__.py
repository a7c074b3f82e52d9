"""Module -> Network: names, sizes, layers and repeats become a graph; every mistake is located."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath
from typing import TypeVar

from .. import ast
from ..build import Builder, TooLarge
from ..diagnostics import Diagnostic, Source, Span, SpecError
from ..ir import DType, Graph
from ..limits import most, raising
from ..network import ColumnType, DataSpec, InputSpec, Network, Training, Variable
from ..parse import parse
from . import settings
from .context import MAXIMUM_ERRORS, Context, Failed, Frame, Library, record
from .data import bindings
from .definitions import collect
from .expressions import evaluate
from .goals import lower_file
from .sizes import too_large
from .statements import run
from .suggest import nearest
from .trial import refusals
from .unreached import check_names, unused

Read = Callable[[str], Source]
_Block = TypeVar("_Block", ast.Data, ast.Train)


class Lowering:
    """A file on its way to a Network: settings first, then graphs, as the columns are known only between.

    data_spec: the data block, for whoever opens the source; None where there is none, or where it is wrong.
    walked: the statements and calls of the largest graph so far.
    """

    def __init__(
        self,
        source: Source,
        dims: Mapping[str, ast.Expr] | None = None,
        train: Mapping[str, ast.Expr] | None = None,
        read: Read | None = None,
        precision: DType | None = None,
        builder: Callable[[Graph, DType], Builder] = Builder,
    ) -> None:
        """Parse and read the settings. Raises SpecError for what cannot be parsed.

        dims, train: overrides. read gives an included file's text and raises OSError where it cannot.
        builder: adds the operations; one that rewrites formulas does so before they are differentiated.
        """
        self._builder = builder
        self.walked = 0
        self._entered: set[Span] = set()
        self._included: dict[str, ast.Module] = {}
        self.source = source
        self.module = parse(source)
        self._overrides = dims or {}
        self._given = {**self._overrides, **{f"train.{key}": v for key, v in (train or {}).items()}}
        self._read = read
        self._precision: DType = precision or "float32"
        context, frame = self._fresh(training=False)
        self._check_overrides(context, frame)
        declared = [i for i in self.module.items if isinstance(i, ast.Input)]
        run(context, frame, declared)
        self.inputs: Mapping[str, InputSpec] = context.inputs
        self._data = _only(context, "data", [i for i in self.module.items if isinstance(i, ast.Data)])
        self.data_spec: DataSpec | None = None
        if self._data is not None:
            with suppress(Failed):
                names = [i.tensor.name.text for i in declared]
                self.data_spec = settings.data(context, frame, self._data, self.inputs, names)
        block = _only(context, "train", [i for i in self.module.items if isinstance(i, ast.Train)])
        self._training: Training | None = None
        if block is not None:
            with suppress(Failed):
                self._training = settings.training(context, frame, block, train or {})
        for key, value in (train or {}).items() if block is None else ():
            title = f"{source.name} has no train block whose {key} could be changed"
            context.error("override", title, value.span)
        if precision is None and self._training is not None:
            self._precision = self._training.precision
        self._diagnostics = context.diagnostics

    def network(self, columns: Mapping[str, ColumnType] | None = None) -> Network:
        """Lower everything. columns: those of the data source, where they are known.

        Raises SpecError with every independent mistake.
        """
        self._diagnostics = list(self._diagnostics)
        try:
            training, trained = self._forward(True)
            evaluating, evaluated = self._forward(False)
            training_data, statistics = self._data_graph(True, columns)
            evaluating_data, _ = self._data_graph(False, columns)
            self._check_unreached()
        except SpecError as stop:  # after which nothing else can be told
            for diagnostic in stop.diagnostics:
                record(self._diagnostics, diagnostic)
            raise self._wrong() from None
        except TooLarge as stop:
            title = f"this network has more than {most('operations'):,} operations"
            self._diagnostics.append(Diagnostic("limit", title, stop.span, "", (), raising("operations")))
            raise self._wrong() from None
        except RecursionError:
            title = "layers and expressions are nested too deeply to be followed"
            self._diagnostics.append(Diagnostic("limit", title, None, "", (), "call layers in a row instead"))
            raise self._wrong() from None
        batch = self._training.batch if self._training else 1
        large = [too_large(graph, batch) for graph in (training, evaluating, training_data)]
        self._diagnostics += list(dict.fromkeys(filter(None, large)))[:1]
        if any(d.severity == "error" for d in self._diagnostics):
            raise self._wrong()
        _, frame = self._fresh(training=False)
        sizes = {name: b.value for name, b in frame.library.dims.items() if isinstance(b.value, int)}
        return Network(
            PurePath(self.source.name).stem,
            self.source,
            sizes,
            self._inputs_in(self._precision),
            {**evaluated, **trained, **statistics},
            training,
            evaluating,
            training_data,
            evaluating_data,
            self.data_spec,
            self._training,
            tuple(d for d in self._diagnostics if d.severity == "warning"),
            {name: value.span.source.text for name, value in self._given.items()},
        )

    def mistakes(self, columns: Mapping[str, ColumnType] | None = None) -> tuple[Diagnostic, ...]:
        """The errors of the network as it evaluates and of its data, without looking at the training."""
        self._diagnostics = list(self._diagnostics)
        try:
            self._forward(False)
            self._data_graph(False, columns)
            self._check_unreached()
        except SpecError as stop:
            return stop.diagnostics
        except (TooLarge, RecursionError):
            return (Diagnostic("limit", "this network is too large", None),)
        return self._wrong().diagnostics

    def _wrong(self) -> SpecError:
        errors = [d for d in self._diagnostics if d.severity == "error"]
        return SpecError(*sorted(errors, key=lambda d: d.sort_key)[:MAXIMUM_ERRORS])

    def _inputs_in(self, precision: DType) -> dict[str, InputSpec]:
        """The inputs were read before the precision was known."""
        return {
            name: i if i.classes else replace(i, type=i.type.with_dtype(precision))
            for name, i in self.inputs.items()
        }

    def _fresh(self, training: bool) -> tuple[Context, Frame]:
        """A context with an empty graph, and the file's frame with all that is defined in it."""
        builder = self._builder(Graph(), self._precision)
        builder.most = most("operations")
        context = Context(builder, training, self._include, self.module)
        for name, expr in self._overrides.items():
            with suppress(Failed):
                value = evaluate(context, Frame(Library()), expr)
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise context.error("override", f"{name} must be a number", expr.span)
                context.overrides[name] = (value, expr.span)
        frame = Frame(Library())
        collect(context, frame, self.module)
        return context, frame

    @property
    def _given_by_data(self) -> set[str]:
        """Names to which the data block gives values: of one that is no input, that is told there alone."""
        return {s.name.text for s in self._data.settings} if self._data else set()

    def _forward(self, training: bool) -> tuple[Graph, dict[str, Variable]]:
        """The network's graph, and in training the backward and update graphs, with their results."""
        context, frame = self._fresh(training)
        frame.unknown |= self._given_by_data
        lower_file(context, frame, self.module, self._training if training else None)
        self._keep(context)
        return context.builder.graph, context.variables

    def _data_graph(
        self, training: bool, columns: Mapping[str, ColumnType] | None
    ) -> tuple[Graph, dict[str, Variable]]:
        """From columns to inputs; an empty graph where they are not known."""
        if self._data is None or columns is None:
            return Graph(), {}
        context, frame = self._fresh(training)
        context.inputs = self._inputs_in(self._precision)
        bindings(context, frame, self._data, columns)
        self._keep(context)
        return context.builder.graph, context.variables

    def _check_unreached(self) -> None:
        """Tell what is wrong where no graph leads, and which definitions nothing uses."""
        context, frame = self._fresh(training=False)
        context.diagnostics = []  # what is wrong with the definitions as such is known
        check_names(context, frame.library, self.module, self._given_by_data, self._diagnostics)
        for name, kind in unused(self.module):
            context.warn("unused", f"nothing uses the {kind} {name.text}", name.span)
        for target in frame.library.layers.values():
            if target.definition.name.span not in self._entered:
                context.diagnostics += refusals(lambda: self._fresh(training=False)[0], frame, target)
        self._keep(context)

    def _keep(self, context: Context) -> None:
        self.walked = max(self.walked, context.walked)
        self._entered |= context.entered
        for diagnostic in context.diagnostics:
            record(self._diagnostics, diagnostic)

    def _include(self, path: str, span: Span) -> ast.Module:
        """An included file's module, read once. Raises SpecError."""
        if path in self._included:
            return self._included[path]
        if self._read is None:
            raise SpecError(Diagnostic("include", "there is no file to include from here", span))
        try:
            source = self._read(path)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            help = "the path of an included file begins at the folder of the file that names it"
            title = f"cannot read {path}: {reason}"
            raise SpecError(Diagnostic("include", title, span, help=help)) from None
        self._included[path] = parse(source)
        return self._included[path]

    def _check_overrides(self, context: Context, frame: Frame) -> None:
        known = list(frame.library.dims)
        for name, expr in self._overrides.items():
            if name not in known:
                title = f"{self.source.name} has no dim called {name}"
                notes = (f"its dims are {', '.join(sorted(known))}",) if known else ("it declares none",)
                context.error("override", title, expr.span, "", notes, nearest(name, known))


def _only(context: Context, word: str, blocks: list[_Block]) -> _Block | None:
    for other in blocks[1:]:
        label = f"the first is on line {blocks[0].span.line}"
        context.error(word, f"a file has one {word} block", other.span, label)
    return blocks[0] if blocks else None
