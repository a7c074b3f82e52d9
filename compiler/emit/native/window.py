"""How the window of a convolution moves over an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...ir import Dim, Node

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Window:
    """For each spatial axis stride, padding and dilation; and the channels' groups."""

    stride: tuple[int, ...]
    pad: Pairs
    dilation: tuple[int, ...]
    groups: int

    @staticmethod
    def of(node: Node) -> Window:
        attrs = node.arguments
        return Window(attrs["stride"], attrs["pad"], attrs["dilation"], attrs["groups"])  # type: ignore[arg-type]

    def is_small(self, kernel: Sequence[Dim]) -> bool:
        """Whether it is a 3 × 3 kernel that sees every pixel and every channel."""
        alone = all(n == 1 for n in (*self.stride, *self.dilation, self.groups))
        return alone and tuple(kernel) == (3, 3)
