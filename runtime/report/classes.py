"""What a classifier says, in a page: its confusions, samples, and worst mistakes."""

from __future__ import annotations

from html import escape

import numpy as np

from ..data.lazy import Array
from ..data.source import Dataset
from . import page
from .judged import Judged

SAMPLES, MISTAKES = 24, 24
MOST_CLASSES = 40  # of a confusion matrix that can be read


def sections(judged: Judged, data: Dataset) -> list[str]:
    """The confusion matrix, some samples, and the mistakes in which it was surest. Raises DataError."""
    split = {"train": data.train, "valid": data.valid, "test": data.test}[judged.split]
    if split is None or not judged.picture:
        return [_confusion(judged), _mistakes_in_words(judged)]
    return [_confusion(judged), *_pictures(judged, split[judged.picture])]


def _confusion(judged: Judged) -> str:
    counts, classes = judged.confusion, judged.classes
    said = f"{len(judged.truth):,} samples of the {judged.split} split"
    if len(classes) <= MOST_CLASSES:
        about = f"Rows are the true classes, columns what the network said, of {said}."
        return page.section("Confusion matrix", page.confusion(counts.tolist(), classes), about=about)
    wrong = counts - np.diag(np.diag(counts))
    pairs = np.argsort(-wrong, axis=None, kind="stable")[:20]
    rows = [
        (escape(classes[i]), escape(classes[k]), str(wrong[i, k]))
        for i, k in zip(*np.unravel_index(pairs, wrong.shape), strict=True)
        if wrong[i, k]
    ]
    about = f"The most frequent of {said}."
    return page.section("Confusions", page.table(("true class", "taken for", "times"), rows), about=about)


def _pictures(judged: Judged, column: Array) -> list[str]:
    from .pictures import brightened, data_uri

    def taken(rows: np.ndarray) -> str:
        """These samples, in their order, with what was said of them."""
        sorted_rows, back = np.unique(rows, return_inverse=True)
        images = brightened(column[sorted_rows])[back]  # read in the order of the file
        return page.samples(
            (data_uri(p), _caption(judged, int(row))) for p, row in zip(images, rows, strict=True)
        )

    random = np.random.default_rng(0).permutation(len(judged.truth))[:SAMPLES]
    worst = judged.worst(MISTAKES)
    about = "Those in which another class was furthest ahead of the true one."
    return [
        page.section("Samples", taken(random), about=f"Of the {judged.split} split, by chance."),
        page.section("Worst mistakes", taken(worst), about=about) if len(worst) else "",
    ]


def _caption(judged: Judged, row: int) -> str:
    said, truth = int(judged.said[row]), int(judged.truth[row])
    sure = f" {100 * judged.scores[row, said]:.0f}\N{NO-BREAK SPACE}%" if judged.is_probability else ""
    if said == truth:
        return f'<span class="right">✓ {escape(judged.classes[said])}</span>{sure}'
    true = escape(judged.classes[truth])
    return f'<span class="wrong">✗ {escape(judged.classes[said])}</span>{sure}, is {true}'


def _mistakes_in_words(judged: Judged) -> str:
    rows: list[tuple[str, str, str, str]] = []
    for row in judged.worst(MISTAKES).tolist():
        said, truth = int(judged.said[row]), int(judged.truth[row])
        scores = judged.scores[row]
        names = (escape(judged.classes[said]), escape(judged.classes[truth]))
        rows.append(
            (f"{judged.split} {row}", names[0], names[1], f"{scores[said]:.3f} : {scores[truth]:.3f}")
        )
    head = ("sample", "said", "true class", "scores of the two")
    return page.section("Worst mistakes", page.table(head, rows) if rows else "")
