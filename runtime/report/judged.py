"""What a trained network says of samples whose classes are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..answers import class_names, meanings, scores, target_column
from ..data.batches import Batches, length
from ..data.source import Dataset, Split
from ..model import Model

MOST = 10_000  # samples; more do not change what is seen
BATCH = 250  # MOST is a multiple of it: a smaller last batch would need a program of its own


@dataclass(frozen=True, slots=True)
class Judged:
    """scores: [n, classes], probabilities unless the network gives none; truth: int[n]; split: where from.

    picture: the column that holds pictures, or ''.
    """

    split: str
    classes: tuple[str, ...]
    scores: np.ndarray
    truth: np.ndarray
    is_probability: bool
    picture: str

    @property
    def said(self) -> np.ndarray:
        return self.scores.argmax(axis=1)

    @property
    def confusion(self) -> np.ndarray:
        """How often a class (row) was taken for another (column)."""
        count = len(self.classes)
        pairs = np.bincount(self.truth * count + self.said, minlength=count * count)
        return pairs.reshape(count, count)

    def worst(self, count: int) -> np.ndarray:
        """The wrong answers that gave the true class least against the one that was said, worst first."""
        rows = np.arange(len(self.truth))
        margin = self.scores[rows, self.said] - self.scores[rows, self.truth]
        order = np.argsort(-margin, kind="stable")
        return order[: min(count, int((self.said != self.truth).sum()))]


def judge(model: Model, data: Dataset) -> Judged | None:
    """Ask a classifier about the test split, or else another; None where its outputs are no classes."""
    network = model.compiled.network
    graph = model.compiled.graph("answer")
    columns = {n.name: n.type for n in graph if n.op == "column"}
    meant = next(((name, m) for name, m in meanings(model.compiled, data.columns).items() if m.classes), None)
    if meant is None or not columns:
        return None
    output, meaning = meant
    targets = [n for n, i in network.inputs.items() if i.classes == len(meaning.classes)]
    target = next((t for t in targets if (c := target_column(network, t)) and c not in columns), None)
    column = target and target_column(network, target)
    if target is None or column is None:
        return None
    split, arrays = one_split(data)
    classes = class_names(network, target, data.columns) or meaning.classes
    found: list[np.ndarray] = []
    count = min(length(arrays), MOST)
    for batch in Batches(arrays, BATCH, shuffle=False, names=columns):
        if len(found) * BATCH >= count:
            break
        results = model.program("answer", batch.size).run(batch.columns, seed=model.seed)
        values = next(model.device.numpy(v) for r, v in results.items() if r.name == output)
        found.append(scores(meaning, values))
    truth = np.asarray(arrays[column][slice(0, count)]).astype(np.int64)
    pictures = [n for n, t in columns.items() if t.rank == 4 and t.dtype == "uint8" and t.shape[1] in (1, 3)]
    picture = pictures[0] if pictures else ""
    is_probability = meaning.kind in ("probabilities", "logits", "probability")
    return Judged(split, classes, np.concatenate(found)[:count], truth, is_probability, picture)


def one_split(data: Dataset) -> tuple[str, Split]:
    """The split that a network is judged by, and its name: test, or else valid or train."""
    if data.test is not None:
        return "test", data.test
    return ("valid", data.valid) if data.valid is not None else ("train", data.train)
