"""The numbers view: the mirror with the values of one small batch, and their gradients, in its boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .compose import Composer
from .fold import Folded, Unit
from .picture import Box, Column, Grid, Picture
from .texts import Texts
from .values import Array, Values, grid

Evaluate = Callable[[Sequence[int]], Values]  # the values of nodes of the whole, and the gradients there
_GRIDS = ((4, 5), (3, 4), (3, 3), (2, 4))  # rows and columns of the largest grid, from roomy to crowded


def numbers(
    name: str, folded: Folded, facts: tuple[str, ...], widths: Sequence[int], evaluate: Evaluate
) -> list[Picture]:
    """The picture with boxes of each of these widths, and with larger and smaller grids in them."""
    composer = _Numbers(folded, evaluate)
    found: list[Picture] = []
    for composer.most in _GRIDS:
        found += [composer.picture(name, facts, width) for width in widths]
    return found


class _Numbers(Composer):
    def __init__(self, folded: Folded, evaluate: Evaluate) -> None:
        super().__init__(folded)
        self.most = _GRIDS[0]
        shown = self._shown()
        sources = folded.part.sources
        found = evaluate([sources[id] for id in shown])
        self.values = Values(
            {id: found.forward[sources[id]] for id in shown if sources[id] in found.forward},
            {id: found.gradients[sources[id]] for id in shown if sources[id] in found.gradients},
        )

    def _shown(self) -> list[int]:
        """What boxes read and give."""
        nodes = [id for i in range(len(self.flow.units)) for id in self.flow.outputs(i)]
        return list(dict.fromkeys([*nodes, *(v for reads in self.flow.reads for v in reads)]))

    def _column(self, i: int, unit: Unit, texts: Texts) -> Column:
        column = super()._column(i, unit, texts)
        given = self._with(column.forward, self.values.forward, self.flow.outputs(i))
        backward = column.backward
        if backward is not None:
            passed = [v for v in self.flow.reads[i] if v in self.flow.differentiable]
            tensors = [v for v in passed if self.graph[v].op != "param"]
            backward = self._with(backward, self.values.gradients, tensors, "∂")
        return replace(column, forward=given, backward=backward)

    def _data(self, v: int) -> Box:
        return self._with(super()._data(v), self.values.forward, [v])

    def _parameters(self, i: int, unit: Unit, params: list[int]) -> Box:
        return self._with(super()._parameters(i, unit, params), self.values.forward, params)

    def _gradients(self, unit: Unit, params: list[int], texts: Texts) -> Box:
        return self._with(super()._gradients(unit, params, texts), self.values.gradients, params, "∂")

    def _with(self, box: Box, known: Mapping[int, Array], ids: Sequence[int], sign: str = "") -> Box:
        found = [id for id in ids if id in known]
        return replace(box, blocks=tuple(self._grid(id, known[id], sign, len(found) > 1) for id in found))

    def _grid(self, id: int, array: Array, sign: str, several: bool) -> Grid:
        """A caption tells grids apart; the gradient of a tensor that several boxes read is their sum."""
        summed = sign and self.graph[id].op != "param" and len(self.flow.readers(id)) > 1
        name = f"{sign}{self.names[id]}" if several or summed else ""
        return grid(array, f"{name} in all" if summed else name, *self.most)
