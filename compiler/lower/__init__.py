"""Module -> Network: names, sizes, layers and repeats become a graph; every mistake is located."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

from .. import ast
from ..build import Builder, Value
from ..diagnostics import Diagnostic, Source, Span, SpecError
from ..ir import DType, Graph, Result
from ..network import ColumnType, Network, Training
from ..parse import parse
from . import data, optimizer, settings
from .context import Context, Failed, Frame, Library, nearest
from .expressions import evaluate, shape_text, tensor
from .statements import collect, run

Read = Callable[[str], Source]
Columns = Mapping[str, ColumnType] | None


class Lowering:
    """A file on its way to a Network: settings first, then graphs, since the data's columns are known only between."""

    def __init__(
        self,
        source: Source,
        dims: Mapping[str, ast.Expr] | None = None,
        train: Mapping[str, ast.Expr] | None = None,
        read: Read | None = None,
        precision: DType | None = None,
    ) -> None:
        """Parse and read the settings. Raises SpecError.

        dims, train: overrides. read gives an included file's text and raises OSError where it cannot.
        """
        self.source = source
        self.module = parse(source)
        self.read = read
        self._including: list[str] = [source.name]
        self.overrides = dims or {}
        self.precision: DType = "float32"
        context, frame = self._fresh(training=False)
        self._check_overrides(context, frame)
        run(context, frame, [i for i in self.module.items if isinstance(i, ast.Input)])
        self.inputs = context.inputs
        self.data = self._one(context, ast.Data)
        self.train = self._one(context, ast.Train)
        self.data_spec = self._settled(lambda: settings.data(context, frame, self.data, self.inputs) if self.data else None)
        training = self._settled(lambda: settings.training(context, frame, self.train, train or {}) if self.train else None)
        self.training: Training | None = training
        self.precision = precision or (training.precision if training else "float32")
        self.early = [d for d in context.diagnostics]

    def network(self, columns: Columns = None) -> Network:
        """Lower everything. columns: those of the data source, where they are known. Raises SpecError."""
        diagnostics = list(self.early)
        training, variables = self._forward(True, diagnostics)
        evaluating, _ = self._forward(False, diagnostics)
        graphs = [Graph(), Graph()]
        if self.data is not None and columns is not None:
            for i, is_training in enumerate((True, False)):
                context, frame = self._fresh(is_training)
                context.inputs = dict(self.inputs)
                graphs[i] = context.builder.graph
                _quietly(lambda c=context, f=frame: data.bindings(c, f, self.data, columns))  # type: ignore[arg-type]
                variables.update(context.variables)
                diagnostics += [d for d in context.diagnostics if d not in diagnostics]
        errors = [d for d in diagnostics if d.severity == "error"]
        if errors:
            raise SpecError(*errors[:20])
        dims = {k: b.value for k, b in self._dims.items() if isinstance(b.value, int)}
        warnings = tuple(dict.fromkeys(d for d in diagnostics if d.severity == "warning"))
        name = PurePath(self.source.name).stem
        return Network(
            name, dims, dict(self.inputs), variables, training, evaluating, graphs[0], graphs[1],
            self.data_spec, self.training, warnings,
        )  # fmt: skip

    def _fresh(self, training: bool) -> tuple[Context, Frame]:
        builder = Builder(Graph(), self.precision)
        context = Context(builder, training, self._include, {})
        for name, expr in self.overrides.items():
            value = None
            try:
                value = evaluate(context, Frame(Library("")), expr)
            except Failed:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                context.error("override", f"{name} must be a number", expr.span)
                continue
            context.overrides[name] = (value, expr.span)
        frame = Frame(Library(self.source.name))
        collect(context, frame, self.module)
        self._dims = frame.library.dims
        return context, frame

    def _include(self, path: str, span: Span) -> ast.Module:
        """An included file's module. Its path is relative to the file that includes it."""
        here = PurePath(span.source.name).parent
        full = path if PurePath(path).is_absolute() else str(here / path)
        if self.read is None:
            raise SpecError(Diagnostic("include", "there is no file to include from here", span))
        if full in self._including:
            raise SpecError(Diagnostic("include", f"{path} includes itself", span))
        try:
            source = self.read(full)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise SpecError(Diagnostic("include", f"cannot read {path}: {reason}", span)) from None
        self._including.append(full)
        try:
            return parse(source)
        finally:
            self._including.pop()

    def _check_overrides(self, context: Context, frame: Frame) -> None:
        own = {i.name.text for i in self.module.items if isinstance(i, ast.DimDef)} | set(frame.library.dims)
        for name, expr in self.overrides.items():
            if name not in own:
                title = f"{self.source.name} has no dim called {name}"
                notes = (f"its dims are {', '.join(sorted(own))}",) if own else ("it declares none",)
                context.error("override", title, expr.span, "", notes, nearest(name, list(own)))

    def _one(self, context: Context, kind: type[ast.Data] | type[ast.Train]) -> ast.Data | ast.Train | None:
        found = [i for i in self.module.items if isinstance(i, kind)]
        for other in found[1:]:
            word = kind.__name__.lower()
            context.error(word, f"a file has one {word} block", other.span, f"the first is on line {found[0].span.line}")
        return found[0] if found else None

    def _settled(self, read: Callable[[], object]) -> object:
        try:
            return read()
        except Failed:
            return None

    def _forward(self, training: bool, diagnostics: list[Diagnostic]) -> tuple[Graph, dict[str, object]]:
        """The forward graph, and in training the backward and update graphs, with their results."""
        context, frame = self._fresh(training)
        _quietly(lambda: _file(context, frame, self.module, self.training if training else None))
        diagnostics += [d for d in context.diagnostics if d not in diagnostics]
        graph = context.builder.graph
        for name, id in context.named.items():
            graph.results[Result("value", name)] = id
        for name, value in context.updates.items():
            graph.results[Result("update", name)] = value.id
        return graph, dict(context.variables)


def _quietly(work: Callable[[], None]) -> None:
    """Failed statements have left their diagnostics."""
    try:
        work()
    except Failed:
        return


def _file(context: Context, frame: Frame, module: ast.Module, training: Training | None) -> None:
    run(context, frame, module.items)
    results = context.builder.graph.results
    losses = [i for i in module.items if isinstance(i, ast.Loss)]
    for other in losses[1:]:
        first = losses[0].span.line
        context.error("loss", "a file has one loss", other.span, f"the first is on line {first}", (), "add them up: a + b")
    loss = None
    for item in module.items:
        try:
            if isinstance(item, ast.Loss) and loss is None:
                loss = _mean(context, frame, item.value, "loss")
                results[Result("loss", "loss")] = loss.id
            elif isinstance(item, ast.Metric):
                value = _mean(context, frame, item.value, item.name.text)
                _unique(context, results, Result("metric", item.name.text), item.name)
                results[Result("metric", item.name.text)] = value.id
            elif isinstance(item, ast.Output):
                frame.binding = item.name.text
                value = tensor(context, frame, item.value)
                _unique(context, results, Result("output", item.name.text), item.name)
                results[Result("output", item.name.text)] = value.id
        except Failed:
            continue
    if training is not None and loss is None and not losses:
        title = "there is a train block, but no loss to train on"
        help = "write, for example: loss cross_entropy(logits, y)"
        context.error("loss", title, training.span, "", (), help)
    if loss is None or not context.training or any(d.severity == "error" for d in context.diagnostics):
        if training is not None:
            _quietly(lambda: optimizer.find_optimizer(context, frame, training.optimizer) and None)
        return
    _trainable(context, loss)
    found = optimizer.gradients(context, loss)
    for name, gradient in found.items():
        results[Result("gradient", name)] = gradient.id
    if training is not None:
        optimizer.updates(context, frame, training, found)


def _unique(context: Context, results: Mapping[Result, int], result: Result, name: ast.Name) -> None:
    if result in results:
        raise context.error("name", f"two {result.kind}s are called {name.text}", name.span, "", (), f"write {result.kind} other = …")


def _mean(context: Context, frame: Frame, expr: ast.Expr, binding: str) -> Value:
    """A loss or metric: the mean of what the expression gives, over samples and whatever axes it has."""
    frame.binding = binding
    value = tensor(context, frame, expr)
    if not value.type.is_float:
        value = value.cast(context.builder.precision)
    with context.builder.within(span=expr.span):
        if value.shape:
            if value.shape[0] == 0 or isinstance(value.shape[0], int) and len(value.shape) == 1 and value.shape[0] > 1:
                title = f"the {binding} must be a number for each sample, and this gives {shape_text(value.shape)}"
                context.warn("loss", title, expr.span, "its mean is taken")
            axes = tuple(range(len(value.shape)))
            value = value.sum(axes) / context.builder.size(value.type.elements)
        return value


def _trainable(context: Context, loss: Value) -> None:
    """Warn of parameters that the loss does not depend on."""
    graph = context.builder.graph
    seen: set[int] = set()
    stack = [loss.id]
    while stack:
        id = stack.pop()
        if id not in seen:
            seen.add(id)
            stack += graph.operands(id)
    for variable in context.variables.values():
        if variable.kind == "param" and context.leaves[variable.name].id not in seen:
            title = f"the loss does not depend on {variable.name}, so it never changes"
            context.warn("unused", title, variable.span)
