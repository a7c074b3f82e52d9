"""The numbers view: the mirror with the values of one small batch in its boxes, and their gradients beneath."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .compose import Composer
from .fold import Folded, Unit
from .formula import shape_text
from .picture import Box, Column, Grid, Picture
from .texts import Texts
from .values import MOST_COLUMNS, MOST_ROWS, Array, Values, grid

Evaluate = Callable[[list[int], list[int]], Values]  # values of nodes, and gradients of nodes
NARROWEST = 2  # columns of a grid in the most crowded picture


def numbers(
    name: str, folded: Folded, facts: tuple[str, ...], widths: Sequence[int], evaluate: Evaluate
) -> list[Picture]:
    """The picture with boxes of each of these widths, with grids of fewer and fewer columns."""
    composer = _Numbers(folded)
    composer.values = evaluate(composer.shown(), composer.shown())
    found: list[Picture] = []
    for width in widths:
        for rows, columns in ((MOST_ROWS, MOST_COLUMNS), (3, 3), (2, NARROWEST)):
            composer.rows, composer.columns = rows, columns
            found.append(composer.picture(name, facts, width))
    return found


class _Numbers(Composer):
    def __init__(self, folded: Folded) -> None:
        super().__init__(folded)
        self.values = Values()
        self.rows, self.columns = MOST_ROWS, MOST_COLUMNS

    def shown(self) -> list[int]:
        """Every node that a box gives, with the leaves."""
        nodes = [id for i in range(len(self.flow.units)) for id in self.flow.outputs(i)]
        leaves = [v for reads in self.flow.reads for v in reads if self.graph[v].op in ("input", "param")]
        return list(dict.fromkeys([*nodes, *leaves, *self.graph.of_kind("loss").values()]))

    def _column(self, i: int, unit: Unit, texts: Texts) -> Column:
        column = super()._column(i, unit, texts)
        outputs = self.flow.outputs(i)
        forward = self._with(column.forward, self.values.forward, outputs)
        backward = column.backward
        if backward is not None and not unit.is_loss:
            backward = self._with(backward, self.values.gradients, outputs, "∂")
        return replace(column, forward=forward, backward=backward)

    def _data(self, v: int) -> Box:
        return self._with(super()._data(v), self.values.forward, [v])

    def _parameters(self, i: int, unit: Unit, params: list[int]) -> Box:
        return self._with(super()._parameters(i, unit, params), self.values.forward, params)

    def _gradients(self, unit: Unit, params: list[int], texts: Texts) -> Box:
        return self._with(super()._gradients(unit, params, texts), self.values.gradients, params, "∂")

    def _with(self, box: Box, known: dict[int, Array] | object, ids: Sequence[int], sign: str = "") -> Box:
        assert isinstance(known, dict)
        several = len(ids) > 1 or bool(sign)
        grids: list[Grid] = []
        for id in ids:
            array = known.get(id)
            if array is not None:
                caption = f"{sign}{self.names.get(id, shape_text(self.graph[id]))}" if several else ""
                grids.append(grid(array, caption, self.rows, self.columns))
        return replace(box, blocks=tuple(grids)) if grids else box
