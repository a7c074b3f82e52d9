"""netc data"""

from __future__ import annotations

from pathlib import Path

import click

from ..compiler import ast
from ..compiler.diagnostics import Diagnostic, SpecError
from ..console import paint, result
from ..downloads import Downloads
from ..overrides import expression
from ..runtime.data.fetch import fetch as fetched
from ..runtime.data.published import PUBLISHED
from ..runtime.data.source import REQUIRED, Columns, Dataset, Source
from ..runtime.data.sources import SOURCES, open_source


@click.group()
def command() -> None:
    """The data sources: list them, show one, or fetch its files."""


@command.command("list")
def list_() -> None:
    """All sources, each as it is written in a data block."""
    for source in SOURCES.values():
        result(f"{paint(source.signature, 'heading')}\n    {source.summary}")


@command.command()
@click.argument("source", metavar="SOURCE")
def show(source: str) -> None:
    """The columns of a source, and how many samples it has.

    SOURCE is a name, or a call as in a data block: 'csv("flowers.csv", label = "species")'
    """
    call = expression(source, "command line")
    name = call.function.text if isinstance(call, ast.Call) else source
    positional = [_value(a) for a in call.positional] if isinstance(call, ast.Call) else []
    keywords = {k.name.text: _value(k.value) for k in call.keywords} if isinstance(call, ast.Call) else {}
    known = SOURCES.get(name)
    if known is not None and not (positional or keywords) and _needs(known):
        result(f"{paint(known.signature, 'heading')}\n    {known.summary}")
        return
    opened = open_source(name, positional, keywords, Path(), length=16)
    dataset = opened.load()
    result(f"{paint(opened.source.signature, 'heading')}\n    {opened.source.summary}")
    result(_columns(dataset.columns))
    result(_splits(dataset))


@command.command()
@click.argument("source", metavar="SOURCE", type=click.Choice(list(PUBLISHED)))
@click.argument(
    "folder", metavar="[FOLDER]", required=False, type=click.Path(file_okay=False, path_type=Path)
)
def fetch(source: str, folder: Path | None) -> None:
    """Download a published data set: mnist, fashion_mnist or cifar10.

    Without FOLDER it goes to a cache (below NETC_CACHE, or else ~/.cache/netc), where data blocks find it
    when the folder that they name holds none of its files. Every file is checked against its known SHA-256;
    what is there already is not fetched again, and an interrupted download goes on where it stopped.
    """
    with Downloads() as shown:
        found = fetched(source, folder, shown.tell)
    result(str(found))


def _needs(source: Source) -> bool:
    return any(parameter.default is REQUIRED for parameter in source.parameters)


def _value(expr: ast.Expr) -> object:
    """An argument's value: a number, a text or a list of them. Raises SpecError."""
    match expr:
        case ast.Number(value=value) | ast.String(value=value):
            return value
        case ast.Name(text=text):
            return {"true": True, "false": False, "none": None}.get(text, text)
        case ast.Unary(op="-", operand=ast.Number(value=value)):
            return -value
        case ast.ListExpr(items=items):
            return [_value(item) for item in items if not isinstance(item, ast.Ellipsis_)]
        case _:
            raise SpecError(Diagnostic("data", "this should be a number, a text or a list", expr.span))


def _columns(columns: Columns) -> str:
    lines: list[str] = []
    width = max(len(name) for name in columns)
    for name, column in columns.items():
        shape = f"[{', '.join(map(str, column.shape))}]" if column.shape else ""
        line = f"    {name:<{width}}   {column.dtype}{shape}"
        if column.classes is not None:
            shown = ", ".join(_visible(c) for c in column.classes[:10])
            more = ", …" if len(column.classes) > 10 else ""
            line += f"   {len(column.classes)} classes: {shown}{more}"
        lines.append(line)
    return "\n".join(lines)


def _visible(name: str) -> str:
    return name if name.isprintable() and name.strip() else repr(name)


def _splits(dataset: Dataset) -> str:
    splits = {"train": dataset.train, "valid": dataset.valid, "test": dataset.test}
    counts = [(name, len(next(iter(split.values())))) for name, split in splits.items() if split]
    return "    " + ", ".join(f"{name} {count:,}" for name, count in counts) + " samples"
