"""netc predict"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..compiler.diagnostics import Diagnostic, SpecError
from ..compiler.ir import TensorType
from ..compiler.pipeline import Purpose
from ..console import paint, result, say
from ..inputs import Samples, Wanted, from_argument, from_test, wanted_by
from ..locate import find
from ..runtime.answers import Answer, Meaning, answer, class_names, meanings, target_column
from ..runtime.data.source import Columns
from ..runtime.device import open_device
from ..runtime.model import Model
from ..runtime.opening import open_data
from ..trained import find as find_checkpoint
from ..trained import open_trained
from . import arguments

BATCH = 256


@dataclass(frozen=True, slots=True)
class Row:
    """What a sample is called, its answers by output, and its true class, or ''."""

    name: str
    answers: Mapping[str, Answer]
    truth: str = ""


@click.command()
@arguments.spec
@click.argument("inputs", metavar="INPUT…", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--sample", "samples", metavar="INDEX", type=int, multiple=True, help="A sample of the test split."
)
@arguments.checkpoint
@arguments.device
@arguments.as_json
@arguments.as_csv
def command(
    spec: str,
    inputs: tuple[Path, ...],
    samples: tuple[int, ...],
    checkpoint: Path | None,
    device: Any,
    as_json: bool,
    as_csv: bool,
) -> int:
    """What a trained network gives for new inputs.

    INPUT is a picture or a folder of pictures, a .csv file with the columns of the training data, an .npz
    file with their arrays, or `-` for any of these on standard input. --sample takes samples of the test
    split instead:

        netc predict digits --sample 0 --sample 1
    """
    if not inputs and not samples:
        raise click.UsageError("give a file to predict from, or --sample INDEX")
    found = find(spec)
    path = find_checkpoint(found, checkpoint)
    opened, _ = open_device(device)
    model, description = open_trained(found, path, opened)
    say(f"{found.name}: parameters of {path}, after epoch {description.epoch}")
    needed = _needed(model, description.columns)
    meant = meanings(model.compiled, description.columns)
    rows: list[Row] = []
    for file in inputs:
        taken = from_argument(file, needed)
        rows += map(Row, taken.names, _answers(model, taken, meant))
    if samples:
        taken, truths = _tested(model, samples, needed.types)
        rows += map(Row, taken.names, _answers(model, taken, meant), truths)
    if as_csv:
        result(_table(rows))
    elif as_json:
        result(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2))
    else:
        _show(rows)
    return 0


def _purpose(model: Model) -> Purpose:
    """Outputs from the columns that the data block prepares, or where there is none from the inputs."""
    return "answer" if model.compiled.network.evaluating_data.results else "predict"


def _needed(model: Model, columns: Columns) -> Wanted:
    """What the outputs are computed from."""
    needed = wanted_by(model, _purpose(model), columns)
    if not needed.types or not model.compiled.graph(_purpose(model)).results:
        name = model.compiled.network.name
        raise SpecError(Diagnostic("output", f"{name} has nothing to predict: it names no output"))
    return needed


def _answers(model: Model, samples: Samples, meant: Mapping[str, Meaning]) -> list[dict[str, Answer]]:
    """The answers for each sample, by output."""
    answers: list[dict[str, Answer]] = []
    for begin in range(0, len(samples.names), BATCH):
        part = {name: array[begin : begin + BATCH] for name, array in samples.arrays.items()}
        n = len(next(iter(part.values())))
        found = model.program(_purpose(model), n).run(part, model.step_number, model.steps, model.seed)
        outputs = {result.name: model.device.numpy(value) for result, value in found.items()}
        answers += [{name: answer(meant[name], a[i]) for name, a in outputs.items()} for i in range(n)]
    return answers


def _tested(
    model: Model, indices: Sequence[int], types: Mapping[str, TensorType]
) -> tuple[Samples, list[str]]:
    """Samples of the test split, and the classes that they truly have, as far as the data tell."""
    network = model.compiled.network
    data = open_data(network, model.base, model.seed)
    samples = from_test(data, indices, types)
    for name, input in network.inputs.items():
        column = target_column(network, name)
        classes = class_names(network, name, data.columns)
        if input.classes and classes and column is not None and column not in types and data.test is not None:
            return samples, [classes[int(label)] for label in data.test[column][list(indices)]]
    return samples, [""] * len(indices)


def _show(rows: Sequence[Row]) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        for output, given in row.answers.items():
            name = f"{output}: " if len(row.answers) > 1 else ""
            line = f"{row.name:<{width}}   {name}{given.text}"
            if row.truth and given.meaning.classes:
                is_right = given.best == row.truth
                line += paint(
                    "   right" if is_right else f"   wrong: it is {row.truth}",
                    "good" if is_right else "error",
                )
            result(line)


def _table(rows: Sequence[Row]) -> str:
    """A line for each sample: its name, its true class if one is known, class and scores of each output."""
    lines: list[dict[str, str]] = []
    for row in rows:
        line = {"input": row.name} | ({"truth": row.truth} if any(r.truth for r in rows) else {})
        for output, given in row.answers.items():
            scores = given.scores.reshape(-1).tolist()
            if given.meaning.classes:
                line[f"{output}.class"] = given.best
                names = [f"{output}.{name}" for name in given.meaning.classes]
            else:
                names = [f"{output}.{i}" for i in range(len(scores))] if given.scores.ndim else [output]
            if given.meaning.kind != "class":
                line |= {name: repr(score) for name, score in zip(names, scores, strict=True)}
        lines.append(line)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().rstrip("\n")


def _plain(row: Row) -> dict[str, Any]:
    outputs = {name: given.plain for name, given in row.answers.items()}
    return {"input": row.name, "outputs": outputs, **({"truth": row.truth} if row.truth else {})}
