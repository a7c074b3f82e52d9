"""Which step of the lecture a statement belongs to, and which line of the .net file it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..ir import Graph, Node
from ..plan import Plan
from ..storage import Held

Section = Literal["data", "forward", "loss", "after", "backward", "update"]

HEADINGS: dict[Section, str] = {
    "data": "2. take the batch, as the network wants it",
    "forward": "2. predict",
    "loss": "3. the loss",
    "after": "the metrics",
    "backward": "4. the gradients, from the loss back to the parameters",
    "update": "5. the step: every parameter moves against its gradient",
}
SECTIONS = tuple(HEADINGS)


def sections(plan: Plan) -> dict[int, Section]:
    """The section of every node that is done in a step.

    The loss begins behind the last value that is named or given out; the metrics are what they alone need.
    What writes a parameter or state belongs to the step, wherever it stands in the file.
    """
    graph = plan.graph
    losses = {id for result, id in plan.returns.items() if result.kind == "loss"}
    reports = {id for result, id in plan.returns.items() if result.kind == "metric"}
    given = [id for result, id in plan.returns.items() if result.kind in ("output", "value", "input")]
    named = [id for id in plan.order if graph[id].name and not graph[id].scope and id not in losses | reports]
    predicted = _needed(graph, [*given, *named])
    for_loss, for_reports = _needed(graph, losses), _needed(graph, reports)
    found: dict[int, Section] = {}
    for id in plan.order:
        stage = graph[id].stage
        if isinstance(plan.storage[id], Held):
            found[id] = "update"
        elif stage != "forward" or not losses or id in predicted:
            found[id] = stage
        else:
            found[id] = "loss" if id in for_loss else "after" if id in for_reports else "forward"
    return found


def origin(node: Node, width: int) -> str:
    """The line of the source that a node comes from, with the layer call that it is in; '' where unknown."""
    if node.span is None:
        return ""
    line = " ".join(node.span.source.line(node.span.line).partition("#")[0].split())
    if line.startswith("layer ") and line.endswith("}"):
        line = line.partition("{")[2].rstrip(" }").strip()
    place = ".".join(scope.instance for scope in node.scope)
    text = f"{place}: {line}" if place else line
    return text if len(text) <= width else f"{text[: width - 1]}…"


class Comments:
    """The headings of the sections, and the lines that statements come from, each where it begins."""

    def __init__(self, training: bool) -> None:
        self.training = training
        self.section: Section | None = None  # the one whose heading stands last
        self.line = ""
        self.shown: list[str] = []  # in this section

    def before(self, section: Section, line: str) -> list[str]:
        """What to write before a statement; '' is an empty line."""
        if self._begins(section):
            self.section, self.line, self.shown = section, line, [line] if line else []
            heading = HEADINGS[section]
            heading = heading if self.training else heading.rpartition(". ")[2]
            return ["", f"# {heading}", *([f"# {line}"] if line else [])]
        if line in ("", self.line):
            return []
        before, self.line = self.line, line
        if section != "update":
            return ["", f"# {line}"]
        # The same lines come again for every parameter: each has a paragraph.
        if line in self.shown:
            return [""] if before in self.shown[self.shown.index(line) :] else []
        self.shown.append(line)
        return [f"# {line}"]

    def _begins(self, section: Section) -> bool:
        """Whether a heading is due. Loss and metrics may alternate; what is late for others has none."""
        if self.section is None or section == self.section:
            return self.section is None
        either: tuple[Section, ...] = ("loss", "after")
        later = SECTIONS.index(section) > SECTIONS.index(self.section)
        return later or (section in either and self.section in either)


def _needed(graph: Graph, ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    stack = list(ids)
    while stack:
        id = stack.pop()
        if id not in found:
            found.add(id)
            stack.extend(graph.operands(id))
    return found
