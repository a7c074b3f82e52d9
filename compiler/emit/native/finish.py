"""Elementwise operations on a sum of products as it leaves the registers: say, an update of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .layout import Axis, Layout, common
from .nest import Tensor, Writer
from .pointwise import Group, values
from .text import Function, Index, Value

Way = Literal["alike", "one"]  # a tensor lies as the result does, or is one number


@dataclass(frozen=True, slots=True)
class Finish:
    """A group over the elements of a contraction's result, `head`, which nothing else reads.

    The first output of the group is where the contraction writes to.
    """

    group: Group
    head: int

    @property
    def target(self) -> Tensor:
        return next(iter(self.group.outputs.values()))

    @property
    def inputs(self) -> list[Tensor]:
        return [tensor for tensor, _ in self.group.inputs.values()]

    @property
    def outputs(self) -> list[Tensor]:
        return list(self.group.outputs.values())

    def fits(self, layout: Layout) -> bool:
        """Whether everything lies as the result does, or is one number."""
        axes = [axis for _, axis in self.group.inputs.values()]
        axes += [tensor.layout.flat for tensor in self.group.outputs.values()]
        return all(_way(layout.flat, axis) for axis in axes)

    def store(
        self,
        writer: Writer,
        value: Value,
        offset: Index,
        stride: int,
        width: int,
        mask: int,
        first: int = 2,
    ) -> None:
        """Compute the group from a result, whose place is given, and store it.

        The writer's tensors are the two factors and, from the first one on, the inputs and the outputs.
        """
        fn, group, inputs = writer.fn, self.group, list(self.group.inputs)
        target = self.target.layout

        def place(tensor: Tensor, axis: Axis) -> tuple[Index, int]:
            if _way(target.flat, axis) == "one":
                return tensor.layout.offset, 0
            return self._there(fn, offset, tensor), stride

        def load(id: int) -> Value:
            if id == self.head:
                return value
            tensor, axis = group.inputs[id]
            at, step = place(tensor, axis)
            return writer.load(first + inputs.index(id), at, step, width, mask)

        known = values(group, fn, width, load)
        for number, (id, tensor) in enumerate(group.outputs.items(), first + len(inputs)):
            at, step = place(tensor, tensor.layout.flat)
            writer.store(number, _spread(fn, known[id], width), at, step, mask)

    def prefetch(self, writer: Writer, offset: Index) -> None:
        """Ask for what will be read at a result's place."""
        fn = writer.fn
        for number, (tensor, axis) in enumerate(self.group.inputs.values(), 2):
            if _way(self.target.layout.flat, axis) == "alike":
                fn.prefetch(writer.pointers[number], self._there(fn, offset, tensor), tensor.element)

    def _there(self, fn: Function, offset: Index, tensor: Tensor) -> Index:
        """The same place in another tensor."""
        return fn.add(offset, tensor.layout.offset - self.target.layout.offset)


def _spread(fn: Function, value: Value, width: int) -> Value:
    return fn.splat(value, width) if width else value


def _way(result: Axis, other: Axis) -> Way | None:
    loops = [loop.strides for loop in common([result, other])]
    if all(theirs == 0 for _, theirs in loops):
        return "one"
    return "alike" if all(own == theirs for own, theirs in loops) else None
