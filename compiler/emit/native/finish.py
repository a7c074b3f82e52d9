"""Elementwise operations on sums of products as they leave the registers: a bias and an activation, or an
update of the weights.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from .layout import Axis, Layout, Loop, common
from .nest import Tensor, Writer
from .pointwise import Group, values
from .text import Function, Index, Value

# A tensor lies as the result does, or is one number, or moves in one of its loops alone, as a bias does.
Way = Literal["alike", "one"] | Loop


@dataclass(frozen=True, slots=True)
class Finish:
    """A group over the elements of a contraction's result, `head`, which nothing else reads.

    The first output of the group is where the contraction writes to.
    """

    group: Group
    head: int

    @property
    def form(self) -> Hashable:
        """What its code depends on. The head is the operand that is nothing else."""
        return self.group.form

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
        """Whether the outputs lie as the result does, and the inputs in a way that its places tell."""
        inputs = [_way(layout.flat, axis) for _, axis in self.group.inputs.values()]
        outputs = [_way(layout.flat, tensor.layout.flat) for tensor in self.group.outputs.values()]
        return all(inputs) and all(way == "alike" for way in outputs)

    def store(
        self,
        writer: Writer,
        value: Value,
        offset: Index,
        stride: int,
        width: int,
        mask: int,
        first: int = 2,
        wanted: Value | None = None,
    ) -> None:
        """Compute the group from a result, whose place is given, and store it.

        The writer's tensors are the two factors and, from the first one on, the inputs and the outputs.
        mask: so many lanes alone, if it is not 0; wanted: the lanes of a vector side by side.
        """
        fn, group, inputs = writer.fn, self.group, list(self.group.inputs)

        def load(id: int) -> Value:
            if id == self.head:
                return value
            tensor, axis = group.inputs[id]
            which = first + inputs.index(id)
            at, step = self._place(fn, offset, stride, tensor, axis)
            if wanted is not None and step:
                return fn.load(writer.pointers[which], at, tensor.element, width, wanted)
            return writer.load(which, at, step, width, mask)

        known = values(group, fn, width, load)
        for number, (id, tensor) in enumerate(group.outputs.items(), first + len(inputs)):
            made, there = _spread(fn, known[id], width), self._there(fn, offset, tensor)
            if wanted is not None:
                fn.store(made, writer.pointers[number], there, wanted)
            else:
                writer.store(number, made, there, stride, mask)

    def prefetch(self, writer: Writer, offset: Index) -> None:
        """Ask for what will be read at a result's place."""
        fn = writer.fn
        for number, (tensor, axis) in enumerate(self.group.inputs.values(), 2):
            if _way(self.target.layout.flat, axis) == "alike":
                fn.prefetch(writer.pointers[number], self._there(fn, offset, tensor), tensor.element)

    def _place(
        self, fn: Function, offset: Index, stride: int, tensor: Tensor, axis: Axis
    ) -> tuple[Index, int]:
        """Where an input is read for a result's place, and its stride along a vector of results."""
        target = self.target.layout
        match _way(target.flat, axis):
            case Loop(extent, (own, theirs)):
                rounds, _ = fn.divide(fn.add(offset, -target.offset), own)
                _, round = fn.divide(rounds, extent)
                at = fn.add(fn.multiply(round, theirs), tensor.layout.offset)
                return at, theirs if stride == own else 0
            case "alike":
                return self._there(fn, offset, tensor), stride
            case _:
                return tensor.layout.offset, 0

    def _there(self, fn: Function, offset: Index, tensor: Tensor) -> Index:
        """The same place in another tensor."""
        return fn.add(offset, tensor.layout.offset - self.target.layout.offset)


def ends(finish: Finish | None, out: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """What a sum of products, whose result lies in `out`, reads for its end, and all that it writes."""
    return ([], [out]) if finish is None else (finish.inputs, [out, *finish.outputs[1:]])


def _spread(fn: Function, value: Value, width: int) -> Value:
    return fn.splat(value, width) if width else value


def _way(result: Axis, other: Axis) -> Way | None:
    loops = common([result, other])
    moving = [loop for loop in loops if loop.strides[1]]
    if not moving:
        return "one"
    if all(own == theirs for own, theirs in (loop.strides for loop in loops)):
        return "alike"
    if len(moving) > 1:
        return None
    (loop,) = moving
    own = loop.strides[0]
    # The place in this loop follows from a result's offset if the other loops go on within it or around it.
    nested = all(
        lp is loop or lp.extent * lp.strides[0] <= own or lp.strides[0] % (own * loop.extent) == 0
        for lp in loops
    )
    return loop if nested and own > 0 else None
