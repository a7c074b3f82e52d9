import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netc.runtime.data.errors import DataError
from netc.runtime.data.source import Dataset
from netc.runtime.data.sources import open_source

Load = Callable[..., Dataset]
Fail = Callable[..., DataError]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a source as a .net file in tmp_path would.

    The data must be what describe() promised, and what the reader's text gives in a program of its own.
    """

    def load(name: str, *positional: Any, length: int | None = None, **keywords: Any) -> Dataset:
        source = open_source(name, positional, keywords, tmp_path, length)
        columns, dataset = source.describe(), source.load()
        alone: dict[str, Any] = {"np": np}
        exec(inspect.getsource(source.source.read), alone)
        splits = alone[source.source.read.__name__](**source.call())
        for name in ("train", "valid", "test"):
            split = getattr(dataset, name)
            if split is not None:
                check(columns, split)
                assert all((split[column] == splits[name][column]).all() for column in columns)
            assert (split is None) == (name not in splits)
        return dataset

    return load


def check(columns: Mapping[str, Any], split: Mapping[str, Any]) -> None:
    assert list(split) == list(columns)
    for name, column in columns.items():
        assert (split[name].dtype, split[name].shape[1:]) == (column.dtype, column.shape), name
        if column.count is not None:
            assert split[name].min() >= 0 and split[name].max() < column.count
        if column.classes is not None:
            assert len(column.classes) == column.count


@pytest.fixture
def fail(load: Load) -> Fail:
    """The error with which loading ends."""

    def fail(name: str, *positional: Any, **keywords: Any) -> DataError:
        with pytest.raises(DataError) as error:
            load(name, *positional, **keywords)
        return error.value

    return fail


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has fetched is not found."""
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
