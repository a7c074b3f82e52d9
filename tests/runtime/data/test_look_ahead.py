import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.runtime.data import lazy, look_ahead
from netc.runtime.data.batches import Batches, split_valid
from netc.runtime.data.errors import DataError
from netc.runtime.data.lazy import Array, LazyArray, SelectedArray
from netc.runtime.data.look_ahead import Plan
from netc.runtime.data.rows import order
from netc.runtime.data.sources import open_source

from .test_cifar10 import FILES as BATCHES
from .test_cifar10 import record
from .test_mnist import FILES as IDX
from .test_mnist import images, labels


class Counted(LazyArray):
    """Rows [n, 2] whose values tell their number."""

    def __init__(self, n: int, block: int, foreseeable: bool = False):
        super().__init__(np.dtype(np.int64), (n, 2), block)
        self.foreseeable, self.foreseen = foreseeable, list[int]()

    def foresee(self, begin: int, end: int) -> bool:
        self.foreseen += range(begin, end)
        return self.foreseeable

    def read(self, begin: int, out: np.ndarray) -> None:
        out[...] = np.arange(begin, begin + len(out))[:, None] * [1, 10]


def rows(batches: Batches, epoch: int, start: int = 0) -> list[list[int]]:
    seen: list[list[int]] = []
    for columns, size, numbers in batches.epoch(epoch, start):
        assert (columns["x"][:, 1] == 10 * columns["x"][:, 0]).all() and len(columns["x"]) == size
        assert (columns["y"] == columns["x"][:, 0]).all()  # a column in memory goes along
        assert (numbers == columns["y"]).all()
        seen.append(columns["x"][:, 0].tolist())
    return seen


@settings(deadline=None)
@given(
    *(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)),
    *(st.booleans(), st.booleans(), st.data()),
)
def test_every_row_once_in_whole_batches_and_resumed(
    n: int, size: int, block: int, seed: int, shuffle: bool, foreseeable: bool, data: st.DataObject
):
    split = {"x": Counted(n, block, foreseeable), "y": np.arange(n)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look_ahead, "WINDOW_BYTES", data.draw(st.sampled_from([1, 24 * 8, 24 * 20, 1 << 20])))
        batches = Batches(split, size, seed, shuffle=shuffle)
        whole = rows(batches, 1)
        assert sorted(row for batch in whole for row in batch) == list(range(n))
        assert [len(batch) for batch in whole] == [size] * (n // size) + ([n % size] if n % size else [])
        assert shuffle or whole == [list(range(i, min(i + size, n))) for i in range(0, n, size)]
        start = data.draw(st.integers(0, len(whole)))
        assert rows(Batches(split, size, seed, shuffle=shuffle), 1, start) == whole[start:]
        if shuffle and block == 1:
            assert [row for batch in whole for row in batch] == order(n, seed, 1).tolist()


def test_a_window_mixes_blocks_from_all_over():
    plan = Plan(10_000, 100, 1000, seed=3, epoch=0, shuffle=True)
    assert plan.windows == 10
    window = plan.rows(0)
    assert len(window) == 1000 and len({row // 100 for row in window.tolist()}) == 10
    assert window.max() > 5000 > window.min()
    places = plan.places(0)
    assert places is not None and sorted(places.tolist()) == list(range(1000))
    # Batches of a shuffled epoch are not made of neighbours.
    mixed = np.empty(1000, int)
    mixed[places] = window
    assert (np.abs(np.diff(mixed[:50])) > 1).mean() > 0.9


def test_the_order_of_windows_is_the_same_everywhere():
    """Checkpoints rely on it: a change here makes resumed runs differ from uninterrupted ones."""
    plan = Plan(12, 3, 8, seed=0, epoch=0, shuffle=True)
    mixed = [plan.rows(number)[plan.places(number)].tolist() for number in range(plan.windows)]
    assert mixed == [[6, 0, 8, 7, 5, 4, 3, 1], [10, 11, 9, 2]]


@pytest.mark.parametrize("x", [Counted(103, 5), Counted(103, 5, True), np.asarray(Counted(103, 5))])
@pytest.mark.parametrize("shuffle", [True, False])
def test_stretches_hold_what_the_batches_do(x: Array, shuffle: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(look_ahead, "WINDOW_BYTES", 24 * 20)
    batches = Batches({"x": x, "y": np.arange(103)}, 4, 1, shuffle=shuffle)
    wanted = [row for batch in batches.epoch(2, 3) for row in batch.rows]
    found: list[int] = []
    for columns, places, numbers in batches.stretches(2, 3):
        for name in ("x", "y"):
            array = columns[name]
            assert isinstance(array, np.ndarray)
            assert (array[places].reshape(len(places), -1)[:, 0] == numbers).all()
        found += numbers.tolist()
    assert found == wanted and len(found) == 103 - 12


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("block", [1, 10])
@pytest.mark.parametrize("foreseeable", [True, False])
def test_windows_of_a_selection(share: float, block: int, foreseeable: bool, monkeypatch: pytest.MonkeyPatch):
    """Whether the rows between are read or not, the samples come as those of a whole array would."""
    monkeypatch.setattr(look_ahead, "WINDOW_BYTES", 24 * 50)
    chosen = np.sort(np.random.default_rng(0).permutation(500)[: int(500 * share)])
    arrays = {"x": Counted(500, block, foreseeable), "y": np.arange(500)}
    batches = Batches({name: SelectedArray(array, chosen) for name, array in arrays.items()}, 4, 1)
    found: list[int] = []
    for columns, places, numbers in batches.stretches(2, 3):
        assert (columns["x"][places] == chosen[numbers][:, None] * [1, 10]).all()
        assert (columns["y"][places] == chosen[numbers]).all()
        found += numbers.tolist()
    whole = Batches({"x": Counted(len(chosen), block), "y": np.arange(len(chosen))}, 4, 1)
    assert found == [row for batch in whole.epoch(2, 3) for row in batch.rows]


def test_the_thread_ends_with_the_iterator():
    before = threading.active_count()
    epoch = Batches({"x": Counted(1000, 5)}, 4).epoch(0)
    next(epoch)
    assert threading.active_count() == before + 1
    del epoch
    assert threading.active_count() == before


def test_what_a_disk_is_asked_for_is_foreseen_a_window_ahead(monkeypatch: pytest.MonkeyPatch):
    """From the first window on that is not read as fast as from memory."""
    monkeypatch.setattr(look_ahead, "WINDOW_BYTES", 24 * 20)
    read = Counted(100, 5, True)
    for cached, wanted in ((0.0, set[int]()), (1e99, set(range(100)))):
        monkeypatch.setattr(look_ahead, "CACHED", cached)
        batches = Batches({"x": read, "y": np.arange(100)}, 4, 1)
        read.foreseen.clear()
        stretches = batches.stretches(0)
        seen = set(next(stretches).rows.tolist()) | set(next(stretches).rows.tolist())
        ahead = set(read.foreseen) - seen
        assert bool(ahead) == bool(wanted)
        assert not wanted or ahead == set(next(stretches).rows.tolist())
        seen = {row for stretch in stretches for row in stretch.rows.tolist()}
        assert seen & wanted <= set(read.foreseen)


@pytest.mark.parametrize("foreseeable", [True, False])
def test_an_error_of_the_thread_is_raised_at_its_batch(foreseeable: bool):
    class Broken(Counted):
        def read(self, begin: int, out: np.ndarray) -> None:
            if begin + len(out) > 30:
                raise DataError("the file is cut short", "a.bin", f"sample {begin}")
            super().read(begin, out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look_ahead, "WINDOW_BYTES", 1)
        epoch = Batches({"x": Broken(40, 5, foreseeable)}, 10, shuffle=False).epoch(0)
        assert [next(epoch).size for _ in range(3)] == [10, 10, 10]
        with pytest.raises(DataError, match="cut short"):
            next(epoch)


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_set_that_memory_does_not_hold(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch):
    """The same samples as in memory, validation split and all, in another order."""
    x = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    y = (np.arange(500) % 7).astype(np.uint8)
    if kind == "folder":
        np.save(tmp_path / "x.npy", x)
        np.save(tmp_path / "y.npy", y)
        np.save(tmp_path / "test_x.npy", x[:9])
        np.save(tmp_path / "test_y.npy", y[:9])
    else:
        np.savez(tmp_path / "a.npz", x=x, y=y, test_x=x[:9], test_y=y[:9])
    source = open_source("npz", ["." if kind == "folder" else "a.npz"], {}, tmp_path)
    inside = split_valid(source.load(), 0.2, 5)
    monkeypatch.setattr(lazy, "HELD_BYTES", 1000)
    monkeypatch.setattr(lazy, "BLOCK_BYTES", 60)
    outside = split_valid(source.load(), 0.2, 5)
    assert outside.columns == inside.columns and outside.columns["y"].count == 7
    assert outside.valid is not None and inside.valid is not None and outside.test is not None
    assert isinstance(outside.train["x"], LazyArray) and not lazy.in_memory(outside.train["x"])
    for far, near in ((outside.train, inside.train), (outside.valid, inside.valid)):
        assert (np.asarray(far["x"]) == np.asarray(near["x"])).all()
        assert (np.asarray(far["y"]) == np.asarray(near["y"])).all()
    assert (np.asarray(outside.test["x"]) == x[:9]).all()
    seen, wanted = (samples(Batches(part.train, 16, 1), "x", "y") for part in (outside, inside))
    assert sorted(seen) == sorted(wanted) and seen != wanted


def samples(batches: Batches, x: str, y: str) -> list[tuple[bytes, int]]:
    return [
        (row.tobytes(), int(label))
        for columns, _, _ in batches
        for row, label in zip(columns[x], columns[y], strict=True)
    ]


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_published_sets_that_memory_does_not_hold(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    if name == "mnist":
        contents = (images(57), labels(57), images(3), labels(3))
        files = dict(zip(IDX, contents, strict=True))
    else:
        files = {file: record(i) + record(9 - i) for i, file in enumerate(BATCHES)}
    for file, data in files.items():
        (tmp_path / file).write_bytes(data)
    inside = open_source(name, ["."], {}, tmp_path).load()
    monkeypatch.setattr(lazy, "HELD_BYTES", 1000)
    monkeypatch.setattr(lazy, "BLOCK_BYTES", 3 * 3073)
    outside = open_source(name, ["."], {}, tmp_path).load()
    assert not lazy.in_memory(outside.train["image"]) and lazy.in_memory(outside.train["label"])
    assert (np.asarray(outside.train["image"]) == inside.train["image"]).all()
    seen, wanted = (samples(Batches(part.train, 4, 1), "image", "label") for part in (outside, inside))
    assert sorted(seen) == sorted(wanted)


def test_a_file_that_shrinks_names_the_same_sample_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whichever of the threads comes upon it first."""
    monkeypatch.setattr(lazy, "HELD_BYTES", 1000)
    monkeypatch.setattr(lazy, "BLOCK_BYTES", 120)
    np.save(tmp_path / "x.npy", np.zeros((500, 3), np.float32))
    train = open_source("npz", ["."], {}, tmp_path).load().train
    with (tmp_path / "x.npy").open("r+b") as file:
        file.truncate(128 + 12 * 100)
    places: set[object] = set()
    for _ in range(20):
        with pytest.raises(DataError, match="the file is cut short") as error:
            samples(Batches(train, 50), "x", "x")
        assert error.value.path == str(tmp_path / "x.npy")
        places.add(error.value.place)
    assert len(places) == 1
