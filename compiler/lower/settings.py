"""The train and data blocks: their keys, checked, with overrides from the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import ast
from ..network import DataSpec, InputSpec, Patience, Training
from .context import Context, Failed, Frame, FunctionName
from .expressions import evaluate, number, whole
from .suggest import near, nearest

TRAIN_KEYS = (
    *("epochs", "steps", "batch", "seed", "schedule", "stop", "clip", "average", "freeze", "start", "save"),
    "precision",
)
DATA_KEYS = ("valid",)


def training(context: Context, frame: Frame, block: ast.Train, overrides: Mapping[str, ast.Expr]) -> Training:
    """The train block. An override `train.KEY` replaces a setting, or an argument of the optimizer."""
    settings = {s.name.text: s.value for s in block.settings}
    arguments = {k.name.text: k for k in block.optimizer.keywords}
    optimizer = block.optimizer
    for key, value in overrides.items():
        if key in TRAIN_KEYS:
            settings[key] = value
            if key in ("epochs", "steps"):
                settings.pop({"epochs": "steps", "steps": "epochs"}[key], None)
        else:
            arguments[key] = ast.Keyword(value.span, ast.Name(value.span, key), value)
    called = block.optimizer.function.text
    arguments_of = ("lr", "momentum", "weight_decay", "nesterov")
    hints = {key: f"{key} belongs to the optimizer: train {called}({key} = …)" for key in arguments_of}
    hints |= {key: f"{key} belongs into the data block" for key in DATA_KEYS}
    names = [s.name for s in block.settings]
    meant = {name.text: nearest(name.text, TRAIN_KEYS) for name in names if name.text not in hints}
    _check_keys(context, names, TRAIN_KEYS, "train", hints, meant)
    keywords = tuple(arguments.values())
    optimizer = ast.Call(optimizer.span, optimizer.function, optimizer.positional, keywords)
    if "epochs" in settings and "steps" in settings:
        title = "a training has epochs or steps, not both"
        context.error("train", title, settings["steps"].span, "", (), "delete one of them")
        settings.pop("steps")
    values: dict[str, Any] = {}
    for key, expr in settings.items():
        try:
            values[key] = _setting(context, frame, key, expr)
        except Failed:
            continue
    values = {k: v for k, v in values.items() if k in TRAIN_KEYS}
    if "steps" in values:
        values["epochs"] = None
    return Training(optimizer, span=block.span, **values)


def _setting(context: Context, frame: Frame, key: str, expr: ast.Expr) -> Any:
    match key:
        case "epochs" | "steps":
            return whole(context, frame, expr, key, 0)
        case "batch":
            return whole(context, frame, expr, key, 1)
        case "seed":
            return whole(context, frame, expr, key, 0)
        case "schedule":
            return expr
        case "stop":
            return _patience(context, frame, expr)
        case "clip":
            value = number(context, frame, expr, key)
            if value <= 0:
                raise context.error("train", "clip is the largest norm allowed, above 0", expr.span)
            return float(value)
        case "average":
            value = number(context, frame, expr, key)
            if not 0 < value < 1:
                title = "average is how much of the running average stays at each step, between 0 and 1"
                raise context.error("train", title, expr.span, help="write average = 0.999")
            return float(value)
        case "freeze":
            patterns = expr.items if isinstance(expr, ast.ListExpr) else (expr,)
            if not all(isinstance(p, ast.String) for p in patterns):
                title = "freeze wants the names of parameters"
                raise context.error(
                    "train", title, expr.span, help='write freeze = "h.*", or a list of these'
                )
            return patterns
        case "save" | "start":
            if not isinstance(expr, ast.String):
                title = f'{key} wants a folder\'s name in quotes, such as {key} = "runs/mlp"'
                raise context.error("train", title, expr.span)
            return expr.value
        case "precision":
            if not isinstance(expr, ast.Name) or expr.text not in ("float32", "float64"):
                help = "write precision = float32"
                raise context.error("train", "precision is float32 or float64", expr.span, "", (), help)
            return expr.text
        case _:
            return None


def _patience(context: Context, frame: Frame, expr: ast.Expr) -> Patience:
    help = "write stop = patience(3, on = valid.accuracy)"
    if not isinstance(expr, ast.Call) or expr.function.text != "patience":
        title = "stop wants a rule, such as patience(3, on = valid.accuracy)"
        raise context.error("train", title, expr.span)
    for keyword in expr.keywords:
        if keyword.name.text not in ("epochs", "on"):
            title = f"patience has no argument called {keyword.name.text}"
            raise context.error(
                "call", title, keyword.span, "", (), nearest(keyword.name.text, ("on", "epochs"))
            )
    keywords = {k.name.text: k.value for k in expr.keywords}
    on = keywords.pop("on", ast.Name(expr.span, "valid.loss"))
    epochs = expr.positional[0] if expr.positional else keywords.pop("epochs", None)
    if epochs is None or keywords or len(expr.positional) > 1 or not isinstance(on, ast.Name):
        title = "patience wants a number of epochs, and on = what it watches"
        raise context.error("train", title, expr.span, "", (), help)
    return Patience(whole(context, frame, epochs, "patience", 1), on.text, on.span)


def _check_keys(
    context: Context,
    names: list[ast.Name],
    known: tuple[str, ...],
    block: str,
    hints: Mapping[str, str],
    meant: Mapping[str, str],
) -> None:
    """hints: titles for settings that belong elsewhere. meant: what those that are unknown may have meant."""
    seen: set[str] = set()
    for name in names:
        if name.text not in known:
            title = hints.get(name.text) or f"{block} has no setting called {name.text}"
            notes = (f"it has {', '.join(known)}",)
            context.error(block, title, name.span, "not known", notes, meant.get(name.text, ""))
        elif name.text in seen:
            context.error(block, f"{name.text} is set twice", name.span, "", (), "delete one of them")
        seen.add(name.text)


def data(
    context: Context,
    frame: Frame,
    block: ast.Data,
    inputs: Mapping[str, InputSpec],
    declared: Sequence[str],
) -> DataSpec:
    """The data block's source and its arguments, and how much is split off; nothing is opened.

    declared: the names of all inputs, also of those whose declaration is wrong.
    """
    hints = {key: f"{key} belongs into the train block, not to the data" for key in TRAIN_KEYS}
    known, names = (*declared, *DATA_KEYS), [s.name for s in block.settings]
    meant = {key: f"did you mean {name}?" for key, name in meant_inputs(block, declared).items()}
    for name in names:
        if name.text not in (*known, *TRAIN_KEYS, *meant):
            hints[name.text] = f"there is no input called {name.text}: declare it, or delete this setting"
            meant[name.text] = f"write input {name.text}[N, …]"
    _check_keys(context, names, known, "data", hints, meant)
    positional = tuple(_argument(context, frame, a) for a in block.source.positional)
    keywords = {k.name.text: _argument(context, frame, k.value) for k in block.source.keywords}
    valid = next((s.value for s in block.settings if s.name.text == "valid"), None)
    lengths = {i.type.shape[1] for i in inputs.values() if i.type.rank == 2 and i.classes}
    length = next((n for n in lengths if isinstance(n, int)), None) if len(lengths) == 1 else None
    return DataSpec(
        block.source.function.text,
        positional,
        keywords,
        None if valid is None else _share(context, frame, valid),
        length,
        block.source.span,
    )


def meant_inputs(block: ast.Data, inputs: Iterable[str]) -> dict[str, str]:
    """The settings of a data block that there are not, each with the input that it may have been meant for.

    That is the one of the nearest name; of one unknown setting, where one input has no value, that input.
    """
    given = [s.name.text for s in block.settings]
    known = (*inputs, *DATA_KEYS)
    unknown = [name for name in given if name not in (*known, *TRAIN_KEYS)]
    unbound = [name for name in inputs if name not in given]
    free = [name for name in known if name not in given]
    meant = {name: near(name, free) for name in unknown}
    if len(unknown) == len(unbound) == 1 and not meant[unknown[0]]:
        return {unknown[0]: unbound[0]}
    return {name: known for name, known in meant.items() if known}


def _argument(context: Context, frame: Frame, expr: ast.Expr) -> object:
    """An argument of a data source: text, number or list; a bare name is its own text (`label = species`)."""
    known = (*frame.library.dims, "true", "false", "none")
    if isinstance(expr, ast.Name) and expr.text not in known:
        return expr.text
    value = evaluate(context, frame, expr)
    if isinstance(value, FunctionName):
        return value.name
    if not isinstance(value, str | int | float | bool | tuple) and value is not None:
        raise context.error("data", "a source takes texts, numbers and lists", expr.span)
    return None if value == "none" else value


def _share(context: Context, frame: Frame, expr: ast.Expr) -> int | float:
    value = number(context, frame, expr, "valid")
    share = isinstance(value, float)
    if (share and not 0 < value < 1) or (not share and value < 1):
        title = "valid is a number of samples, or a share such as 10%"
        raise context.error("data", title, expr.span, f"this is {value}")
    return value
