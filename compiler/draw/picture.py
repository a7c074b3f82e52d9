"""What a picture holds, before it is known how it is laid out: columns of boxes, arrows and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "forward", "backward", "parameter", "gradient", "data", "loss", "seed", "link", "card", "sample", "result"
]
CARDS: frozenset[Role] = frozenset({"card", "sample", "result"})  # an operation, the data, the loss


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers as they are printed, row by row; the caption, in one line above them, says of what."""

    caption: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Art:
    """A bitmap, by the name of its file. width, height: in points."""

    caption: str
    name: str
    width: float
    height: float


Block = Grid | Art


@dataclass(frozen=True, slots=True)
class Box:
    """title is bold, lines are formulas; muted lines are shapes and notes; blocks stand beneath them.

    Those of cards have their title in a bar.
    """

    role: Role
    title: str = ""
    lines: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One operation, from top to bottom. path: the clusters that it stands in, outermost first."""

    forward: Box
    above: tuple[Box, ...] = ()
    backward: Box | None = None
    below: Box | None = None
    path: tuple[tuple[str, ...], ...] = ()

    def joined(self, meet: bool) -> bool:
        """Whether a line leads from the operation to its gradient: not past a parameter between them."""
        mirrored = self.backward is not None and self.backward.role != "link"
        return mirrored and not (meet and (self.above or self.below is not None))


@dataclass(frozen=True, slots=True)
class Arrow:
    """A tensor from one column to a later one. gradient: the lines of the arrow back, if there is one.

    A carried tensor goes to an earlier column, or the same, in the next turn of a repeat.
    """

    source: int
    target: int
    lines: tuple[str, ...]
    gradient: tuple[str, ...] | None
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """columns from the data to the loss; clusters: the label of each cluster, by its path.

    meet: parameters stand between the two rows, next to their gradients.
    """

    name: str
    facts: tuple[str, ...]
    columns: tuple[Column, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[tuple[tuple[str, ...], str], ...] = ()
    meet: bool = False
