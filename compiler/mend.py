"""The one edit that mends a shape error: edits are tried on the text, and told only if it then compiles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from . import ast
from .diagnostics import Diagnostic, Source, Span

Mistakes = Callable[[Source], Sequence[Diagnostic]]
MOST_EDITS = 8  # for one error
MOST_ERRORS = 3
MOST_WALKED = 20_000  # statements and calls of all trials together; to parse 8 characters counts as one


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in the place of a span; say: what a message tells of it."""

    span: Span
    text: str
    say: str


def mended(
    module: ast.Module, found: Sequence[Diagnostic], walked: int, mistakes: Mistakes
) -> tuple[Diagnostic, ...]:
    """The same diagnostics; shape errors say the edit that mends them, if there is one.

    walked: statements and calls of the network, which every trial walks again. mistakes: the errors of
    another text in this one's place.
    """
    source = module.span.source
    told: list[Diagnostic] = []
    tried = 0
    trials = min(MOST_EDITS, MOST_WALKED // (walked + len(source.text) // 8 + 1) // MOST_ERRORS)
    for diagnostic in found:
        here = diagnostic.span is not None and diagnostic.span.source is source
        if diagnostic.code != "shape" or not here or tried >= MOST_ERRORS:
            told.append(diagnostic)
            continue
        tried += 1
        told.append(_mended(module, diagnostic, found, trials, mistakes))
    return tuple(told)


def _mended(
    module: ast.Module, diagnostic: Diagnostic, found: Sequence[Diagnostic], trials: int, mistakes: Mistakes
) -> Diagnostic:
    source = module.span.source
    others = {(d.code, d.title) for d in found if d is not diagnostic}
    own = _own(module, diagnostic)
    edits = [e for e in (*_edits(module, diagnostic), own) if e is not None]
    for edit in list(dict.fromkeys(edits))[:trials]:
        text = source.text[: edit.span.start] + edit.text + source.text[edit.span.end :]
        after = mistakes(Source(source.name, text))
        if {(d.code, d.title) for d in after} <= others:
            return replace(diagnostic, help=edit.say)
        if edit is own and any(d.span and d.span.line == _line(diagnostic) for d in after):
            return replace(diagnostic, help="")
    return diagnostic


def _line(diagnostic: Diagnostic) -> int:
    return diagnostic.span.line if diagnostic.span else 0


def _own(module: ast.Module, diagnostic: Diagnostic) -> Edit | None:
    """The edit that lowering has proposed: another dim of a declared tensor."""
    told = re.fullmatch(r"write (\w+)(\[.*\])", diagnostic.help)
    shaped = [
        n for n in ast.walk(module.items) if isinstance(n, ast.Shaped) and told and n.name.text == told[1]
    ]
    if told is None or len(shaped) != 1:
        return None
    return Edit(shaped[0].span, told[1] + told[2], diagnostic.help)


def _edits(module: ast.Module, diagnostic: Diagnostic) -> Iterator[Edit]:
    """What may mend a diagnostic, the likeliest first."""
    span = diagnostic.span
    assert span is not None
    nodes = list(ast.walk(module.items))
    inside = [n for n in nodes if span.start <= n.span.start and n.span.end <= span.end]
    for node in inside:
        if isinstance(node, ast.Binary) and node.span == span:
            yield from _of_operands(node)
    yield from _of_data(module, span)
    for node in nodes:
        if isinstance(node, ast.Binding) and node.value.span == span and node.target.shape is not None:
            flat = f"{span.text} -> flatten" if isinstance(node.value, ast.Pipe) else f"flatten({span.text})"
            yield Edit(span, flat, f"write {node.target.span.text} = {flat}")
    yield from _of_rank(diagnostic, nodes)
    for node in inside:
        if isinstance(node, ast.Call):
            yield from _of_call(node)
    for node in reversed(nodes):
        if isinstance(node, ast.Stage) and node.call.function.text == "dense" and node.span.start < span.end:
            yield Edit(node.span, f"flatten -> {node.span.text}", f"write flatten -> {node.span.text}")


def _of_operands(node: ast.Binary) -> Iterator[Edit]:
    left, right = _bracketed(node.left), _bracketed(node.right)
    flat = left if left.startswith("(") else f"({left})"
    texts = [f"flatten{flat} {node.op} {right}"]
    if node.op == "@":
        texts = [f"{left} @ {right}.T", *texts, f"{right} @ {left}", f"{left}.T @ {right}"]
    for text in texts:
        yield Edit(node.span, text, f"write {text}")


def _bracketed(part: ast.Expr) -> str:
    text = part.span.text
    plain = isinstance(part, ast.Name | ast.Call | ast.Index | ast.Transpose | ast.Number)
    return text if plain or text.startswith("(") else f"({text})"


def _of_data(module: ast.Module, span: Span) -> Iterator[Edit]:
    """In the data block: flatten too much, or too little."""
    for setting in (s for i in module.items if isinstance(i, ast.Data) for s in i.settings):
        if setting.value.span != span:
            continue
        for node in ast.walk(setting.value):
            if isinstance(node, ast.Call) and node.function.text == "flatten" and len(node.positional) == 1:
                bare = _bracketed(node.positional[0])
                start, end = node.span.start - span.start, node.span.end - span.start
                text = span.text[:start] + bare + span.text[end:]
                yield Edit(span, text, f"write {setting.name.text} = {text}")


def _of_rank(diagnostic: Diagnostic, nodes: Sequence[ast.Node]) -> Iterator[Edit]:
    """A layer that wants images, and was given rows or images without channels."""
    wants = re.search(r"wants \w+\[N, c, h, w\], and was given .*\[N, ([\d, ]+)\]", diagnostic.title)
    if wants is None:
        return
    sizes = [int(d) for d in wants[1].split(",")]
    shapes = [[1, *sizes]] if len(sizes) == 2 else []
    for channels in (1, 3) if len(sizes) == 1 else ():
        side = math.isqrt(sizes[0] // channels)
        if side > 1 and channels * side * side == sizes[0]:
            shapes.append([channels, side, side])
    for node in nodes:
        if isinstance(node, ast.Stage) and node.call.span == diagnostic.span and node.count is None:
            for shape in shapes:
                first = f"reshape([{', '.join(map(str, ('N', *shape)))}])"
                yield Edit(node.span, f"{first} -> {node.span.text}", f"write {first} -> {node.span.text}")


def _of_call(node: ast.Call) -> Iterator[Edit]:
    named = {k.name.text: k for k in node.keywords}
    text = node.span.text
    if node.function.text == "conv" and "pad" not in named and text.endswith(")"):
        for pad in (1, 2, 3):
            padded = f"{text[:-1]}, pad = {pad})"
            yield Edit(node.span, padded, f"write {padded}")
    if node.function.text == "reshape" and isinstance(node.positional[-1], ast.ListExpr):
        sizes = node.positional[-1].span
        yield Edit(sizes, f"[N, {sizes.text[1:]}", f"write [N, {sizes.text[1:]}: N stands for the batch")
    if len(node.positional) == 2 and not node.keywords:
        first, second = (part.span.text for part in node.positional)
        swapped = f"{node.function.text}({second}, {first})"
        yield Edit(node.span, swapped, f"write {swapped}")
    axis = named.get("axis")
    if axis is not None and isinstance(axis.value, ast.Number):
        for other in ("1", "-1", "0"):
            if other != axis.value.span.text:
                yield Edit(axis.span, f"axis = {other}", f"write axis = {other}")
