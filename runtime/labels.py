"""What a data block's formulas make of labels, looked at before a training begins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..compiler.emit.program import build
from ..compiler.ir import Graph, Result
from ..compiler.network import Network
from .answers import target_column
from .data.lazy import in_memory
from .data.source import Dataset, Split, check_parts
from .device import Device
from .program import load

_ROWS = 1 << 16  # computed at a time


def check_labels(network: Network, dataset: Dataset) -> None:
    """Raise DataError, with the sample, unless formulas of inputs that hold classes give classes.

    Labels that are a column as it stands are checked where that is. Formulas of columns that memory does not
    hold are not computed: that would read all data once more.
    """
    for name, input in network.inputs.items():
        result = Result("input", name)
        if not input.classes or result not in network.evaluating_data.results:
            continue
        if target_column(network, name) is not None:
            continue
        for split in ("train", "valid", "test"):
            arrays: Split | None = getattr(dataset, split)
            if arrays is not None:
                check_parts(_values(network.evaluating_data, result, arrays), split, name, input.classes)


def _values(graph: Graph, result: Result, arrays: Split) -> Iterator[tuple[int, np.ndarray]]:
    """A result of all samples, some at a time, each part with the number of its first sample."""
    total = len(next(iter(arrays.values())))
    for begin in range(0, total, _ROWS):
        n = min(_ROWS, total - begin)
        program = build(graph, n, wanted={result})
        columns = {feed.name: arrays[feed.name] for feed in program.feeds}
        if program.variables or not all(in_memory(column) for column in columns.values()):
            return
        feeds = {name: np.asarray(column[begin : begin + n]) for name, column in columns.items()}
        found = load(program, Device("numpy"), {}).run(feeds, rows=np.arange(begin, begin + n))
        yield begin, np.asarray(found[result])
