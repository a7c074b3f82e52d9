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

TEXTS = ("freeze", "save", "start")  # keys whose value is a text: a shell takes quotes away
GRID = "grid"  # the overrides of a command that takes several values for a name

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Overrides:
    """DIM=… and train.KEY=…, by name; of two for the same name the later one counts.

    grid: the texts of those that were given several values, as in H=16,32.
    """

    dims: dict[str, ast.Expr] = field(default_factory=dict[str, "ast.Expr"])
    train: dict[str, ast.Expr] = field(default_factory=dict[str, "ast.Expr"])
    grid: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

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
        texts = list(dict.fromkeys(split(text)))  # two runs of the same values would share a folder
        if known[1] and known[2] in TEXTS:
            texts = [part if part[:1] in ('"', "[") else f'"{part}"' for part in texts]
        try:
            parsed = [expression(part, f"{value} on the command line") for part in texts]
        except SpecError as error:
            raise click.BadParameter(f"the value of {name} is wrong: {error.diagnostics[0].title}") from None
        found.grid.pop(name, None)
        if len(texts) > 1:
            if param.name != GRID:
                raise click.BadParameter(f"{name} is given {len(texts)} values, and this command takes one")
            found.grid[name] = texts
        (found.train if known[1] else found.dims)[known[2]] = parsed[0]
    return found


def split(text: str) -> list[str]:
    """The values of a list without brackets: its commas, but not those within brackets or quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "([{") - (character in ")]}")
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


spec: Decorator = click.argument("spec", metavar="SPEC")
overrides: Decorator = click.argument(
    "overrides", metavar="[DIM=…] [train.KEY=…]", nargs=-1, callback=_overrides
)
grid: Decorator = click.argument(GRID, metavar="[DIM=…] [train.KEY=…]", nargs=-1, callback=_overrides)
device: Decorator = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "numpy", "cuda"]),
    default="auto",
    help="Where to compute; auto takes a GPU if there is one.",
)
threads: Decorator = click.option(
    "--threads",
    type=click.IntRange(1, 64),
    help="Threads of native code; without it, as many as are worth it.",
)
checkpoint: Decorator = click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Trained parameters, or the folder of a run; without it, those of the newest run.",
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
as_csv: Decorator = click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with a heading.")
strict: Decorator = click.option("--strict", is_flag=True, help="Take warnings for errors.")
