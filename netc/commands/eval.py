"""netc eval"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..board import summary
from ..compiler.diagnostics import Diagnostic, SpecError
from ..console import result, say
from ..inputs import Samples, from_argument, wanted_by
from ..locate import find
from ..runtime.checkpoint import Description
from ..runtime.device import open_device
from ..runtime.model import Model
from ..runtime.train import evaluate, measure
from ..trained import find as find_checkpoint
from ..trained import open_trained
from . import arguments


@click.command()
@arguments.spec
@click.argument("inputs", metavar="[INPUT…]", nargs=-1, type=click.Path(path_type=Path))
@arguments.checkpoint
@click.option("--split", metavar="SPLIT", help="Which samples: train, valid or test, which is the default.")
@arguments.device
@arguments.as_json
@arguments.as_csv
def command(
    spec: str,
    inputs: tuple[Path, ...],
    checkpoint: Path | None,
    split: str | None,
    device: Any,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Loss and metrics of a trained network, over a split of its data or over other samples.

    INPUT is a .csv file with the columns of the training data, an .npz file with their arrays, a folder with
    a sub-folder of pictures for each class, or `-` for a table or arrays on standard input:

        netc eval digits more.npz
    """
    if inputs and split is not None:
        raise click.UsageError(f"--split {split} is of the data block; leave it out, or the files")
    found = find(spec)
    path = find_checkpoint(found, checkpoint)
    opened, _ = open_device(device)
    model, description = open_trained(found, path, opened)
    say(f"{found.name}: parameters of {path}, after epoch {description.epoch}")
    if inputs:
        samples = _labelled(model, description, inputs)
        values = measure(model, samples.arrays)
        named = " ".join("standard input" if str(file) == "-" else str(file) for file in inputs)
        place = {"inputs": named, "samples": len(samples.names)}
        title = f"{len(samples.names):,} samples of {named}"
    else:
        title = split or "test"
        values, place = evaluate(model, title), {"split": title}
    row = {"checkpoint": str(path), **place, **values}
    if as_csv:
        result(_table(row))
    elif as_json:
        result(json.dumps(row, ensure_ascii=False))
    else:
        result(f"{title}: {summary({f'of.{name}': value for name, value in values.items()}, 'of')}")
    return 0


def _labelled(model: Model, description: Description, inputs: Sequence[Path]) -> Samples:
    """The samples of all inputs, with what the loss and the metrics compare them to."""
    wanted = wanted_by(model, "evaluate", description.columns)
    if not wanted.types or not model.compiled.graph("evaluate").results:
        name = model.compiled.network.name
        raise SpecError(Diagnostic("loss", f"{name} has nothing to judge samples by: it declares no loss"))
    parts = [from_argument(file, wanted) for file in inputs]
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in wanted.types}
    return Samples(arrays, [name for part in parts for name in part.names])


def _table(row: Mapping[str, object]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().rstrip("\n")
