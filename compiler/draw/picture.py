"""What a picture holds, before it is known how it is laid out: columns of boxes, arrows and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["forward", "backward", "parameter", "gradient", "data", "loss", "seed", "link"]


@dataclass(frozen=True, slots=True)
class Box:
    """title is bold, lines are formulas; muted lines are shapes and notes."""

    role: Role
    title: str = ""
    lines: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One operation, from top to bottom. path: the clusters that it stands in, outermost first."""

    forward: Box
    above: tuple[Box, ...] = ()
    backward: Box | None = None
    below: Box | None = None
    path: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """A tensor from one column to a later one. gradient: the lines of the arrow back, None where there is none.

    A carried tensor goes to an earlier column, or the same, in the next turn of a repeat.
    """

    source: int
    target: int
    lines: tuple[str, ...]
    gradient: tuple[str, ...] | None
    is_data: bool = False
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """columns from the data to the loss; clusters: the label of each cluster, by its path."""

    name: str
    facts: tuple[str, ...]
    columns: tuple[Column, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[tuple[tuple[str, ...], str], ...] = ()
