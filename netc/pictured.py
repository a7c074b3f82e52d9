"""What `netc draw` shows besides the network itself: trained parameters, and a sample to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .commands.arguments import Overrides
from .inputs import from_path, from_test, wanted_by
from .locate import Spec
from .runs import RunError
from .runtime.checkpoint import CheckpointError
from .runtime.data.errors import DataError
from .runtime.device import open_device
from .runtime.opening import known_columns, open_data, open_model
from .trained import find, open_trained

if TYPE_CHECKING:
    from .runtime.model import Model
    from .runtime.render.values import Samples


def pictured(spec: Spec, overrides: Overrides, checkpoint: Path | None, newest: bool) -> tuple[Model, str]:
    """A model, and what a picture says of its parameters: '' where they are the starting values.

    checkpoint: the parameters to show; without one those of the newest run, if `newest` and there is one that
    fits. Raises SpecError, CheckpointError, OSError.
    """
    device, _ = open_device("cpu")
    if checkpoint is None and newest and not (overrides.dims or overrides.train):
        try:
            checkpoint = find(spec, None)
            model, description = open_trained(spec, checkpoint, device)
            return model, f"after epoch {description.epoch}"
        except (RunError, CheckpointError):
            checkpoint = None
    if checkpoint is not None:
        model, description = open_trained(spec, checkpoint, device)
        return model, f"after epoch {description.epoch}"
    return open_model(spec.source, spec.base, overrides.dims, overrides.train, device), ""


def sample(model: Model, given: str) -> Samples:
    """One sample: by its index in the test split (without one, the training split), or the first of a file.

    Raises SpecError, DataError.
    """
    from .runtime.render.values import prepared

    graph = model.compiled.network.evaluating_data
    types = {node.name: node.type for node in graph if node.op == "column"}
    if not given.isdigit():
        return _from_file(model, Path(given))
    data = open_data(model.compiled.network, model.base, model.seed)
    if not types:
        raise DataError("the columns of the data are not known, so that no sample can be taken from them")
    if data.test is not None:
        taken = from_test(data, [int(given)], types).arrays
        return prepared(model, taken, f"sample {given} of the test split")
    count = len(next(iter(data.train.values())))
    if int(given) >= count:
        raise DataError(f"there is no sample {given} in the training split: it has 0 to {count - 1}")
    taken = {name: np.asarray(data.train[name][[int(given)]]) for name in types}
    return prepared(model, taken, f"sample {given} of the training split")


def _from_file(model: Model, path: Path) -> Samples:
    """The first sample of a file, of the columns that the predictions need."""
    from .runtime.render.values import prepared

    purpose = "answer" if model.compiled.network.evaluating_data.results else "predict"
    taken = from_path(path, wanted_by(model, purpose, known_columns(model)))
    return prepared(model, {name: array[:1] for name, array in taken.arrays.items()}, path.name)
