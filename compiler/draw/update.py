"""The step: where each parameter meets its gradient, and what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from ..extract import select
from ..ir import Graph
from ..network import Network
from ..passes import optimise
from .compose import Composer
from .fold import Folded, Unit
from .formula import TooLong, formula, name_text
from .names import NAMED
from .picture import Box, Picture
from .texts import Texts

_LONGEST = 34  # signs of a rule that is written out


class Stepping:
    """Makes the pictures in which parameters stand between the two rows, beside their gradients."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(
        self, name: str, folded: Folded, facts: tuple[str, ...], widths: Sequence[int]
    ) -> list[Picture]:
        composer = _Composer(folded, self)
        return [replace(composer.picture(name, facts, width), meet=True) for width in widths]

    def rule(self, name: str, shown: str) -> str:
        """What becomes of a parameter, by its full name and the one that it is shown by."""
        graph = self._graph
        update, gradient = graph.of_kind("update").get(name), graph.of_kind("gradient").get(name)
        if update is None or gradient is None or self.network.train is None:
            return ""
        names = {n.id: name_text(n.name) for n in graph if n.op in ("param", "state") and n.name}
        names |= {n.id: shown for n in graph if n.op == "param" and n.name == name}
        names |= {gradient: f"∂{shown}"}
        try:
            text = formula(graph, update, names)
        except TooLong:
            text = ""
        if not 0 < len(text) <= _LONGEST:
            text = f"{self.network.train.optimizer.function.text}({shown}, ∂{shown})"
        return f"{shown} ← {text}"

    @cached_property
    def _graph(self) -> Graph:
        return optimise(select(self.network.training, lambda r: r.kind in ("update", "gradient")))


class _Composer(Composer):
    def __init__(self, folded: Folded, stepping: Stepping) -> None:
        super().__init__(folded)
        self.stepping = stepping

    def _gradients(self, unit: Unit, params: list[int], texts: Texts) -> Box:
        box = super()._gradients(unit, params, texts)
        if len(params) > NAMED:
            return box
        rules = [self.stepping.rule(self.graph[p].name, self.names[p]) for p in params]
        return replace(box, muted=(*box.muted, *(r for r in rules if r)))
