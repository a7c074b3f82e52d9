"""netc eval"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..board import summary
from ..console import result, say
from ..locate import find
from ..runtime.device import open_device
from ..runtime.train import evaluate
from ..trained import find as find_checkpoint
from ..trained import open_trained
from . import arguments


@click.command()
@arguments.spec
@arguments.checkpoint
@click.option("--split", default="test", show_default=True, help="Which samples: train, valid or test.")
@arguments.device
@arguments.as_json
def command(spec: str, checkpoint: Path | None, split: str, device: Any, as_json: bool) -> int:
    """Loss and metrics of a trained network, over a whole split."""
    found = find(spec)
    path = find_checkpoint(found, checkpoint)
    opened, _ = open_device(device)
    model, description = open_trained(found, path, opened)
    say(f"{found.name}: parameters of {path}, after epoch {description.epoch}")
    values = evaluate(model, split)
    if as_json:
        result(json.dumps({"checkpoint": str(path), "split": split, **values}))
    else:
        result(f"{split}: {summary({f'{split}.{name}': value for name, value in values.items()}, split)}")
    return 0
