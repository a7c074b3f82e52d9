"""What a network that gives numbers says of samples whose numbers are known, and a page's sections on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ...compiler.extract import select
from ...compiler.ir import Result
from ...compiler.passes import optimise
from ..answers import meanings
from ..data.batches import Batches
from ..data.source import Dataset
from ..model import Model
from ..plotting.plot import Curve, Scatter
from . import page
from .judged import BATCH, MOST, one_split

POINTS = 1000  # of a plot, at most
SERIES = 4  # numbers of a sample that have a colour each
MISTAKES = 12


@dataclass(frozen=True, slots=True)
class Estimates:
    """said, truth: float[n, k], an output and the input that it estimates; split: where they are from."""

    split: str
    output: str
    target: str
    said: np.ndarray
    truth: np.ndarray


def estimate(model: Model, data: Dataset) -> Estimates | None:
    """Ask a network about the test split, or else another; None where none of its outputs estimates an input.

    An output estimates the input of its shape that is not needed to compute it. Raises DataError.
    """
    found = _estimated(model, data)
    if found is None:
        return None
    output, target = found
    answer = model.compiled.graph("answer")
    truth = optimise(select(model.compiled.network.evaluating_data, lambda r: r == Result("input", target)))
    columns = [{n.name for n in graph if n.op == "column"} for graph in (answer, truth)]
    split, arrays = one_split(data)
    said: list[np.ndarray] = []
    true: list[np.ndarray] = []
    for batch in Batches(arrays, BATCH, shuffle=False, names=columns[0] | columns[1]):
        if len(said) * BATCH >= MOST:
            break
        programs = (model.program("answer", batch.size), model.executable("truth", truth, batch.size))
        for program, names, wanted, values in zip(programs, columns, found, (said, true), strict=True):
            fed = {name: batch.columns[name] for name in names}
            results = program.run(fed, seed=model.seed, rows=batch.rows)
            value = next(v for r, v in results.items() if r.name == wanted)
            values.append(model.device.numpy(value).reshape(batch.size, -1).astype(np.float64))
    return Estimates(split, output, target, np.concatenate(said)[:MOST], np.concatenate(true)[:MOST])


def _estimated(model: Model, data: Dataset) -> tuple[str, str] | None:
    """The names of an output and of the input that it estimates."""
    network, outputs = model.compiled.network, model.compiled.raw("predict")
    if not network.evaluating_data.results:
        return None
    used = {node.name for node in outputs if node.op == "input"}
    meant = meanings(model.compiled, data.columns)
    for name, id in outputs.of_kind("output").items():
        shape = outputs[id].type.shape
        fitting = [
            n for n, i in network.inputs.items() if i.type.shape == shape and not i.classes and n not in used
        ]
        if meant[name].kind == "numbers" and len(fitting) == 1:
            return name, fitting[0]
    return None


def sections(given: Estimates, drawn: Sequence[str]) -> list[str]:
    """Estimates against the truth, their errors, and the worst of them. drawn: the SVG of their plots."""
    about = (
        f"{given.output} against the true {given.target}, and by how much it differs, for "
        f"{len(given.said):,} samples of the {given.split} split. On the line it is right."
    )
    return [
        page.section("Estimates", page.plots(drawn), about=about),
        page.section("Worst mistakes", _worst(given)),
    ]


def plots(given: Estimates) -> list[Scatter]:
    """Of estimates against the truth, and of their errors."""
    chosen = np.random.default_rng(0).permutation(len(given.said))[: max(1, POINTS // given.said.shape[1])]
    said, truth = given.said[chosen], given.truth[chosen]
    count = said.shape[1] if said.shape[1] <= SERIES else 1
    parts = [
        (f"{given.target}[{i}]" if count > 1 else given.target, said[:, i::count], truth[:, i::count])
        for i in range(count)
    ]
    against = [Curve(n, t.ravel().tolist(), s.ravel().tolist(), i) for i, (n, s, t) in enumerate(parts)]
    errors = [Curve(n, s.ravel().tolist(), (s - t).ravel().tolist(), i) for i, (n, s, t) in enumerate(parts)]
    true, error = f"true {given.target}", f"{given.output} − {given.target}"
    return [
        Scatter(against, "estimated and true", true, given.output, slope=1),
        Scatter(errors, "errors", given.output, error, slope=0),
    ]


def _worst(given: Estimates) -> str:
    error = np.abs(given.said - given.truth)
    order = np.argsort(-error, axis=None, kind="stable")[:MISTAKES]
    rows: list[tuple[str, ...]] = []
    for row, part in zip(*np.unravel_index(order, error.shape), strict=True):
        said, truth = given.said[row, part], given.truth[row, part]
        place = f"{given.split} {row}" + (f" [{part}]" if error.shape[1] > 1 else "")
        rows.append((place, f"{said:.4g}", f"{truth:.4g}", f"{said - truth:+.4g}"))
    return page.table(("sample", escape(given.output), f"true {escape(given.target)}", "difference"), rows)
