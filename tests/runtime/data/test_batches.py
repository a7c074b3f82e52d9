import tracemalloc
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netc.runtime.data.batches import Batch, Batches, split_valid
from netc.runtime.data.errors import DataError
from netc.runtime.data.lazy import SelectedArray
from netc.runtime.data.rows import order
from netc.runtime.data.source import Column, Dataset

sizes = st.integers(1, 40)
seeds = st.integers(0, 2**64)


def split(n: int) -> dict[str, np.ndarray]:
    return {"x": np.arange(3 * n).reshape(n, 3), "y": np.arange(n, dtype=np.uint8)}


def copies(batches: Iterable[Batch]) -> list[tuple[int, list[list[int]], list[int]]]:
    return [(batch.size, batch.columns["x"].tolist(), batch.columns["y"].tolist()) for batch in batches]


@given(sizes, sizes, seeds, st.integers(0, 5), st.booleans())
def test_an_epoch_has_every_sample_once(n: int, size: int, seed: int, epoch: int, shuffle: bool):
    batches = Batches(split(n), size, seed, shuffle=shuffle)
    seen = copies(batches.epoch(epoch))
    assert len(seen) == len(batches)
    assert [count for count, _, _ in seen] == [size] * (n // size) + ([n % size] if n % size else [])
    labels = [y for _, _, ys in seen for y in ys]
    assert sorted(labels) == list(range(n))
    assert [x for _, xs, _ in seen for x in xs] == [[3 * y, 3 * y + 1, 3 * y + 2] for y in labels]
    assert [row for batch in batches.epoch(epoch) for row in batch.rows] == labels
    if not shuffle:
        assert labels == list(range(n))


@given(sizes, sizes, seeds, st.integers(0, 5), st.data())
def test_a_resumed_epoch_goes_on_as_it_would_have(
    n: int, size: int, seed: int, epoch: int, data: st.DataObject
):
    whole = copies(Batches(split(n), size, seed).epoch(epoch))
    start = data.draw(st.integers(0, len(whole)))
    assert copies(Batches(split(n), size, seed).epoch(epoch, start)) == whole[start:]


def test_the_order_depends_on_seed_and_epoch_alone():
    assert (order(100, 1, 2) == order(100, 1, 2)).all()
    assert len({tuple(order(100, seed, epoch)) for seed in range(5) for epoch in range(5)}) == 25


def test_the_order_is_the_same_everywhere():
    """Checkpoints rely on it: a change here makes resumed runs differ from uninterrupted ones."""
    assert order(8, 0, 0).tolist() == [1, 2, 6, 5, 4, 7, 0, 3]


def test_batches_share_one_buffer():
    batches = Batches(split(10), 4)
    whole, _, odd = (columns["x"] for columns, _, _ in batches.epoch(0))
    assert odd.shape == (2, 3) and odd.base is whole.base
    assert odd.__array_interface__["data"] == whole.__array_interface__["data"]


@pytest.mark.parametrize("windows", [False, True])
def test_no_batch_allocates(windows: bool):
    n, width = 20_000, 64
    x = np.zeros((n, width), np.float32)
    if windows:
        x = np.lib.stride_tricks.sliding_window_view(np.zeros(n + width - 1, np.float32), width)
    epoch = Batches({"x": x}, 1024).epoch(0)
    next(epoch)
    tracemalloc.start()
    for _ in epoch:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16_384  # a batch is 262144 bytes


def test_windows_are_gathered_as_they_are():
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(30), 5)[::2]
    for columns, size, _ in Batches({"x": windows}, 4, seed=3).epoch(1):
        rows = columns["x"]
        assert rows.shape == (size, 5) and (rows - rows[:, :1] == np.arange(5)).all()


def test_only_the_columns_that_are_asked_for():
    assert [list(columns) for columns, _, _ in Batches(split(3), 3, names=["y"])] == [["y"]]


def test_wrong_splits():
    with pytest.raises(DataError, match="no samples"):
        Batches(split(0), 4)
    with pytest.raises(ValueError, match="differ in length"):
        Batches({"x": np.zeros(3), "y": np.zeros(4)}, 4)
    with pytest.raises(ValueError, match="a batch of 0 samples"):
        Batches(split(3), 0)


def dataset(n: int, valid: Mapping[str, np.ndarray] | None = None) -> Dataset:
    columns = {name: Column(array.dtype, array.shape[1:]) for name, array in split(n).items()}
    return Dataset(columns, split(n), valid)


@given(st.integers(2, 200), seeds, st.data())
def test_validation_samples_leave_the_training_split(n: int, seed: int, data: st.DataObject):
    count = data.draw(st.integers(1, n - 1))
    parted = split_valid(dataset(n), count, seed)
    assert parted.valid is not None and len(parted.valid["y"]) == count
    both = np.concatenate([parted.train["x"], parted.valid["x"]])
    assert sorted(both.tolist()) == split(n)["x"].tolist()
    assert (parted.valid["x"][:][:, 0] == 3 * parted.valid["y"][:].astype(int)).all()
    again = split_valid(dataset(n), count, seed).valid
    assert again is not None and (again["y"][:] == parted.valid["y"][:]).all()


def test_validation_copies_no_samples():
    whole = dataset(50)
    parted = split_valid(whole, 10, 0)
    assert parted.valid is not None
    for part in (parted.train["x"], parted.valid["x"]):
        assert isinstance(part, SelectedArray) and part.base is whole.train["x"]


def test_a_fraction_and_no_validation():
    parted = split_valid(dataset(50), 0.1, 0)
    assert parted.valid is not None and len(parted.valid["y"]) == 5
    other = split_valid(dataset(50), 0.1, 1).valid
    assert other is not None and (other["y"][:] != parted.valid["y"][:]).any()
    assert split_valid(dataset(50), None, 0).valid is None
    whole = split_valid(dataset(50), 5.0, 0)
    assert whole.valid is not None and len(whole.valid["y"]) == 5


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        (50, "valid = 50 of 50 training samples leaves none to train with"),
        (0.999, "leaves none to train with"),
        (0.001, "is none of them"),
        (0, "valid should be a number of samples or a fraction, as in 10%, not 0"),
        (-3, "valid should be"),
        (2.5, "valid should be"),
        (float("nan"), "valid should be"),
        (float("inf"), "valid should be"),
        (True, "valid should be"),
    ],
)
def test_wrong_validation_splits(valid: float, message: str):
    with pytest.raises(DataError, match=message):
        split_valid(dataset(50), valid, 0)


def test_a_validation_split_of_its_own():
    with pytest.raises(DataError, match="has a validation split of its own"):
        split_valid(dataset(5, split(2)), 2, 0)


@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 5), st.integers(1, 200))
def test_the_end_of_a_text_validates_and_no_character_is_in_both(
    length: int, stride: int, count: int, more: int
):
    text = np.arange((count + 2) * max(length, stride) * 2 + 2 * length + more)
    windows = np.lib.stride_tricks.sliding_window_view(text, length + 1)[::stride]
    column = Column(text.dtype, (length + 1,), sequence=True)
    parted = split_valid(Dataset({"chars": column}, {"chars": windows}), count, 0)
    assert parted.valid is not None
    train, valid = parted.train["chars"], parted.valid["chars"]
    assert len(valid) == count and len(train) >= 1
    assert train.max() < valid.min() and train.base is not None
    assert len(text) - valid.max() <= max(stride, length) + stride
    # Nothing is dropped beyond need: one window more would reach into the validation split.
    assert train.max() + stride >= valid.min()
