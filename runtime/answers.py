"""What a network's outputs mean: classes with their names, or plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..compiler.ir import Graph, Result
from ..compiler.network import Network
from ..compiler.pipeline import Compiled
from .data.source import Columns

Kind = Literal["probabilities", "logits", "scores", "probability", "class", "numbers"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """kind: of the last axis of an output; or of one number, the probability of the second of two classes
    or the place of a class. classes: their names, unless it is numbers.
    """

    kind: Kind
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an output says of one sample. scores: of the classes, or the plain numbers."""

    meaning: Meaning
    scores: np.ndarray

    @property
    def best(self) -> str:
        return self.meaning.classes[int(self.scores.argmax())]

    @property
    def text(self) -> str:
        """A class with its probability, as far as one is known, or the numbers."""
        if self.meaning.kind == "class":
            return self.best
        if self.meaning.kind == "numbers":
            return np.array2string(self.scores, precision=4, threshold=12, separator=", ").replace("\n", "")
        score = float(self.scores.max())
        return (
            f"{self.best}   {100 * score:.1f} %"
            if self.meaning.kind != "scores"
            else f"{self.best}   {score:.3f}"
        )

    @property
    def plain(self) -> Any:
        """For JSON."""
        if self.meaning.kind == "numbers":
            return self.scores.tolist()
        if self.meaning.kind == "class":
            return {"class": self.best}
        named = dict(zip(self.meaning.classes, self.scores.tolist(), strict=True))
        return {"class": self.best, "scores" if self.meaning.kind == "scores" else "probabilities": named}


def answer(meaning: Meaning, values: np.ndarray) -> Answer:
    """Read one sample's output; logits become probabilities."""
    return Answer(meaning, scores(meaning, values))


def scores(meaning: Meaning, values: np.ndarray) -> np.ndarray:
    """Outputs [..., classes] of any number of samples, or [...] of one number for each, as scores of the
    classes; logits become probabilities, and of a class alone the score is 1.
    """
    if meaning.kind == "probability":
        return np.stack([1 - values, values], axis=-1)
    if meaning.kind == "class":
        return np.eye(len(meaning.classes))[values.astype(np.int64)]
    if meaning.kind != "logits":
        return values
    raised = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def meanings(compiled: Compiled, columns: Columns) -> dict[str, Meaning]:
    """What each output is: scores of the classes of an input that is not needed to compute it, or numbers."""
    network = compiled.network
    outputs = compiled.raw("predict")
    used = {node.name for node in outputs if node.op == "input"}
    targets = {i.classes: name for name, i in network.inputs.items() if i.classes and name not in used}
    found: dict[str, Meaning] = {}
    for name, id in outputs.of_kind("output").items():
        count, kind = _scored(network, outputs, id)
        target = targets.get(count)
        if target is None:
            found[name] = Meaning("numbers")
        else:
            classes = class_names(network, target, columns) or tuple(map(str, range(count)))
            found[name] = Meaning(kind, classes)
    return found


def class_names(network: Network, input: str, columns: Columns) -> tuple[str, ...]:
    """The names of an input's classes, from the column that it is bound to; () if they are not known."""
    column = target_column(network, input)
    known = columns.get(column) if column is not None else None
    names = known.classes if known is not None and known.classes is not None else ()
    return names if len(names) == network.inputs[input].classes else ()


def target_column(network: Network, input: str) -> str | None:
    """The column that an input is, unchanged but for its dtype."""
    graph = network.evaluating_data
    id = graph.results.get(Result("input", input))
    while id is not None and graph[id].op == "cast":
        id = graph.operands(id)[0]
    return graph[id].name if id is not None and graph[id].op == "column" else None


def _scored(network: Network, outputs: Graph, id: int) -> tuple[int, Kind]:
    """Of how many classes an output tells, 0 if of none, and how."""
    node, shape = outputs[id], outputs[id].type.shape
    if len(shape) == 2 and isinstance(shape[1], int):
        return shape[1], _kind(network, outputs, id)
    if len(shape) == 1 and node.op == "sigmoid":
        return 2, "probability"
    if len(shape) == 1 and node.op == "argmax":
        scored = outputs[outputs.operands(id)[0]].type.shape
        return (scored[-1] if len(scored) == 2 and isinstance(scored[-1], int) else 0), "class"
    return 0, "numbers"


def _kind(network: Network, outputs: Graph, id: int) -> Literal["probabilities", "logits", "scores"]:
    if outputs[id].op == "softmax":
        return "probabilities"
    graph = network.evaluating
    name = next(result.name for result, node in outputs.results.items() if node == id)
    own = graph.results.get(Result("output", name), graph.results.get(Result("value", name)))
    logits = {graph.operands(n.id)[0] for n in graph if n.op in ("log_softmax", "logsumexp")}
    return "logits" if own in logits else "scores"
