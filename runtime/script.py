"""A model's training as one NumPy text that runs by itself: the recipe, from the model's spec and data
source.
"""

from __future__ import annotations

from collections.abc import Callable

from ..compiler.diagnostics import Diagnostic, SpecError
from ..compiler.emit.program import source_of
from ..compiler.emit.script import Recipe
from ..compiler.emit.script import script as written
from ..compiler.ir import size_at
from ..compiler.network import DataSpec, Variable
from .data.rows import held_out, held_out_tail, numbers, order
from .data.sources import open_source
from .data.statistics import channel_statistics
from .initialise import draw, fans, orthogonal
from .model import Model

EVERY_STEP = 1 << 30  # epochs, where the number of steps is what ends the training


def script(model: Model) -> str:
    """The text. Raises SpecError where the spec has no data, train or loss to write a training from."""
    network = model.compiled.network
    spec, train = network.data, network.train
    if spec is None or train is None:
        missing = "data" if spec is None else "train"
        title = f"{network.name} has no {missing} block, so there is no training to write"
        raise SpecError(Diagnostic(missing, title))
    opened = open_source(spec.source, spec.positional, spec.keywords, model.base, spec.length)
    functions: list[Callable[..., object]] = [opened.source.read]
    if spec.valid is not None:
        functions += [numbers, held_out if spec.length is None else held_out_tail]
    functions += [order] if spec.valid is not None else [numbers, order]
    if any(v.initial[0] == "statistic" for v in network.variables.values()):
        functions.append(channel_statistics)
    if any(v.initial[0] == "orthogonal" for v in network.variables.values()):
        functions.append(orthogonal)
    call = ", ".join(f"{k}={v!r}" for k, v in opened.call().items())
    reader = f"{opened.source.read.__name__}({call})"
    variables = {v.name: _initial(network.drawn(v)) for v in network.variables.values()}
    if any("draw(" in text for text in variables.values()):
        functions += [fans, draw]
    texts = [source_of(f) for f in functions]
    texts += [_with_valid(reader, spec)] if spec.valid is not None else []
    return written(
        Recipe(
            name=f"{network.name}.net",
            source=network.source.text,
            imports=("import hashlib",),
            functions=tuple(texts),
            data="load()" if spec.valid is not None else reader,
            variables=variables,
            epochs=train.epochs if train.epochs is not None else EVERY_STEP,
            batch=train.batch,
            seed=model.seed,
            train=model.compiled.graph("train"),
            evaluate=model.compiled.graph("evaluate"),
            finish=model.compiled.graph("finish"),
            order="order(samples, SEED, epoch)",
            steps=train.steps,
            averages=network.averages,
        )
    )


def _with_valid(reader: str, spec: DataSpec) -> str:
    """The function that reads the data and holds out the validation split."""
    rows = "held_out(len(array), %r, SEED)" if spec.length is None else "held_out_tail(array, %r)"
    return f'''def load():
    """The splits: some of the training split is held out, to validate."""
    data = {reader}
    array = next(iter(data["train"].values()))
    kept, held = {rows % spec.valid}
    data["valid"] = {{name: column[held] for name, column in data["train"].items()}}
    data["train"] = {{name: column[kept] for name, column in data["train"].items()}}
    return data
'''


def _initial(variable: Variable) -> str:
    """The expression of a variable's starting value."""
    shape = tuple(size_at(d, 1) for d in variable.type.shape)
    dtype = variable.type.dtype
    if variable.initial[0] == "statistic":
        part = 0 if variable.initial[2] == "mean" else 1
        return (
            f'channel_statistics(train["{variable.initial[1]}"])[{part}].astype("{dtype}").reshape({shape})'
        )
    if variable.initial[0] in ("zeros", "ones"):
        return f'np.{variable.initial[0]}({shape}, "{dtype}")'
    return f'draw("{variable.name}", {shape}, {variable.initial!r}, SEED, "{dtype}")'
