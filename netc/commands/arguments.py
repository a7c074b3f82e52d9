"""Arguments that several commands take."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..compiler.diagnostics import SpecError
from ..overrides import expression

if TYPE_CHECKING:
    from ..compiler import ast

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Overrides:
    """DIM=… and train.KEY=…, by name; of two for the same name the later one counts."""

    dims: dict[str, ast.Expr] = field(default_factory=dict[str, "ast.Expr"])
    train: dict[str, ast.Expr] = field(default_factory=dict[str, "ast.Expr"])

    @property
    def texts(self) -> dict[str, str]:
        """As they were written, by what stands before the equals sign."""
        values = {**self.dims, **{f"train.{key}": value for key, value in self.train.items()}}
        return {name: value.span.source.text for name, value in values.items()}


def _overrides(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Overrides:
    found = Overrides()
    for value in values:
        name, equals, text = value.partition("=")
        known = re.fullmatch(r"(train\.)?([^\W\d]\w*)", name)
        if not equals:
            parts = re.fullmatch(r"((?:train\.)?[^\W\d]\w*)[^\w.]+([\w.]+)", name)
            meant = f"{parts[1]}={parts[2]}" if parts else "H=32 or train.lr=0.05"
            raise click.BadParameter(f"'{value}' is no override: write {meant}")
        if known is None:
            raise click.BadParameter(f"'{name}' in '{value}' is no name: write H=32 or train.lr=0.05")
        if not text.strip():
            raise click.BadParameter(f"{name} is given no value: write {name}=32")
        try:
            (found.train if known[1] else found.dims)[known[2]] = expression(text, f"{value} on the command line")
        except SpecError as error:
            raise click.BadParameter(f"the value of {name} is wrong: {error.diagnostics[0].title}") from None
    return found


spec: Decorator = click.argument("spec", metavar="SPEC")
overrides: Decorator = click.argument(
    "overrides", metavar="[DIM=…] [train.KEY=…]", nargs=-1, callback=_overrides
)
device: Decorator = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    help="Where to compute; auto takes a GPU if there is one.",
)
checkpoint: Decorator = click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Trained parameters; without it, those of the newest run.",
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
strict: Decorator = click.option("--strict", is_flag=True, help="Take warnings for errors.")
