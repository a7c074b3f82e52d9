"""repeat and scan: blocks that are unrolled, with parameters for each turn, or with the same for all."""

from __future__ import annotations

from contextlib import contextmanager

from .. import ast
from ..build import Value
from ..ir import Dim, Scope
from ..limits import most, raising
from .calls import turns
from .context import Bound, Context, Failed, Frame
from .declarations import check_fresh
from .expressions import dims, tensor
from .operands import apply, describe, shape_text


def repeat(context: Context, frame: Frame, statement: ast.Repeat) -> None:
    from .statements import run

    count = turns(context, frame, statement.count)
    counter = statement.counter
    outer = frame.values.get(counter.text) if counter else None
    if counter:
        check_fresh(context, frame, counter)
    with _rebinding(frame):
        around = frame.turn, frame.moment
        for turn in range(1, count + 1):
            context.walk(statement.count.span)
            frame.turn = _nested(around[0], turn)
            frame.moment = _nested(around[1], turn)
            if counter:
                frame.values[counter.text] = Bound(turn, statement.span, True)
            errors = len(context.diagnostics)
            with context.builder.within(scope=(*context.scope, _scope("repeat", statement, turn))):
                run(context, frame, statement.body)
            if any(d.severity == "error" for d in context.diagnostics[errors:]):
                break  # the next turn would tell the same
        frame.turn, frame.moment = around
    if counter:
        frame.values.pop(counter.text, None)
        if outer is not None:
            frame.values[counter.text] = outer


def scan(context: Context, frame: Frame, statement: ast.Scan) -> None:
    """Unrolled along axis 1; the carried names are stacked along it afterwards."""
    sequence = tensor(context, frame, statement.sequence)
    length = _length(context, statement, sequence)
    check_fresh(context, frame, statement.item)
    carried = {c.tensor.name.text: _start(context, frame, c) for c in statement.carries}
    history: dict[str, list[Value]] = {name: [] for name in carried}
    outside = dict(frame.values)
    counts, sharing, moment = dict(frame.counts), frame.sharing, frame.moment
    try:
        with _rebinding(frame):
            for turn in range(length):
                context.walk(statement.sequence.span)
                frame.counts, frame.sharing = dict(counts), sharing or turn > 0
                frame.moment = _nested(moment, turn + 1)
                with context.builder.within(scope=(*context.scope, _scope("scan", statement, turn + 1))):
                    item = _turn(context, frame, statement, sequence, turn)
                    carried = _one_turn(context, frame, statement, item, carried)
                for name, value in carried.items():
                    history[name].append(value)
    finally:
        frame.sharing, frame.moment, frame.values = sharing, moment, outside
    for carry in statement.carries:
        name = carry.tensor.name.text
        values = [v.reshape((v.shape[0], 1, *v.shape[1:])) for v in history[name]]
        stacked = values[0] if len(values) == 1 else context.builder.apply("concat", *values, axis=1)
        frame.values[name] = Bound(stacked, carry.tensor.span)


@contextmanager
def _rebinding(frame: Frame):
    before, frame.rebinds = frame.rebinds, True
    try:
        yield
    finally:
        frame.rebinds = before


def _nested(around: str, turn: int) -> str:
    return f"{around}.{turn}" if around else str(turn)


def _scope(kind: str, statement: ast.Repeat | ast.Scan, turn: int) -> Scope:
    return Scope(f"{kind}{statement.span.line}", kind, turn)


def _length(context: Context, statement: ast.Scan, sequence: Value) -> int:
    length: Dim | None = sequence.shape[1] if len(sequence.shape) > 1 else None
    if not isinstance(length, int):
        text = describe(sequence, statement.sequence)
        title = f"scan runs along axis 1, and {text} has none of fixed size"
        raise context.error("shape", title, statement.sequence.span)
    if not 0 < length <= most("turns"):
        title = f"a scan of {length:,} turns: 1 to {most('turns'):,} are unrolled"
        raise context.error("limit", title, statement.sequence.span, "", (), raising("turns"))
    return length


def _start(context: Context, frame: Frame, carry: ast.Carry) -> Value:
    """What is carried into the first turn, in its declared shape."""
    check_fresh(context, frame, carry.tensor.name)
    start = tensor(context, frame, carry.value)
    start = start if start.type.is_float else start.cast(context.builder.precision)
    shape = dims(context, frame, carry.tensor.shape)
    return apply(context, frame, "broadcast", [start], [carry.value], carry.value.span, shape=shape)


def _turn(context: Context, frame: Frame, statement: ast.Scan, sequence: Value, turn: int) -> Value:
    """sequence[:, turn]"""
    shape, span = sequence.shape, statement.sequence.span
    start = tuple(turn if axis == 1 else 0 for axis in range(len(shape)))
    stop = tuple(turn + 1 if axis == 1 else d for axis, d in enumerate(shape))
    step = (1,) * len(shape)
    cut = apply(
        context, frame, "slice", [sequence], [statement.sequence], span, start=start, stop=stop, step=step
    )
    return cut.reshape((shape[0], *shape[2:]))


def _one_turn(
    context: Context, frame: Frame, statement: ast.Scan, item: Value, carried: dict[str, Value]
) -> dict[str, Value]:
    """What the body makes of an item and what the turn before has handed on."""
    from .statements import run

    errors = len(context.diagnostics)
    frame.values[statement.item.text] = Bound(item, statement.item.span)
    for name, value in carried.items():
        frame.values[name] = Bound(value, statement.span)
    run(context, frame, statement.body)
    if any(d.severity == "error" for d in context.diagnostics[errors:]):
        raise Failed("scan")
    after: dict[str, Value] = {}
    for carry in statement.carries:
        name = carry.tensor.name.text
        value = frame.values[name].value
        if not isinstance(value, Value):
            raise Failed(name)
        if value.shape != carried[name].shape:
            before, now = shape_text(carried[name].shape), shape_text(value.shape)
            title = f"{name} is {before} before a turn, and {now} after it"
            raise context.error("shape", title, carry.span)
        after[name] = value
    return after
