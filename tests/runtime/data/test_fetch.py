import gzip
import hashlib
import re
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from filelock import FileLock, Timeout

from netc.grammar.store import cache_folder
from netc.runtime.data import fetch
from netc.runtime.data.errors import DataError
from netc.runtime.data.published import PUBLISHED, Download, File
from netc.runtime.data.sources import open_source

from .test_cifar10 import FILES, record
from .test_mnist import FILES as IDX
from .test_mnist import images, labels


def publish(
    monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, bytes], members: bool = False
) -> list[str]:
    """Let a data set have other files, and give them without a network; the names asked for."""
    asked: list[str] = []
    entries = [(File(n, len(data), hashlib.sha256(data).hexdigest()), data) for n, data in files.items()]

    def give(wanted: Download, folder: Path, tell: object) -> Path:
        asked.append(wanted.file.name)
        with pytest.raises(Timeout):  # nobody else fetches into this folder
            FileLock(folder / ".lock").acquire(timeout=0)
        path = folder / wanted.file.name
        if members:
            for file, data in entries:
                (folder / file.name).parent.mkdir(exist_ok=True)
                (folder / file.name).write_bytes(data)
            with tarfile.open(path, "w:gz") as tar:
                for file, _ in entries:
                    tar.add(folder / file.name, file.name)
                    (folder / file.name).unlink()
        else:
            path.write_bytes(files[wanted.file.name])
        return path

    inner = tuple(file for file, _ in entries)
    downloads = (
        (Download(File("a.tar.gz", 0, ""), (), inner),) if members else tuple(Download(f, ()) for f in inner)
    )
    monkeypatch.setitem(PUBLISHED, name, downloads)
    monkeypatch.setattr(fetch, "download", give)
    return asked


def test_what_is_published():
    assert sorted(PUBLISHED) == ["cifar10", "fashion_mnist", "mnist"]
    for downloads in PUBLISHED.values():
        for wanted in downloads:
            for file in (wanted.file, *wanted.members):
                assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 4000
            for address in wanted.addresses:
                assert urlsplit(address).scheme in ("http", "https")
                assert address.rpartition("/")[2] == wanted.file.name
            assert urlsplit(wanted.addresses[0]).scheme == "https"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_idx_files_are_found_in_the_cache(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    files = dict(
        zip(
            (f"{n}.gz" for n in IDX),
            map(gzip.compress, (images(7), labels(7), images(3), labels(3))),
            strict=True,
        )
    )
    asked = publish(monkeypatch, name, files)
    with pytest.raises(DataError) as error:
        open_source(name, [], {}, tmp_path).load()
    assert error.value.message == f"{name} has not been fetched yet"
    assert f"netc data fetch {name} " in (error.value.help or "")
    with pytest.raises(DataError) as error:
        open_source(name, ["data"], {}, tmp_path).load()
    assert f"netc data fetch {name} " in (error.value.help or "")

    assert fetch.fetch(name) == cache_folder(name) == tmp_path / "cache" / name
    assert asked == list(files)
    for named in ([], ["data"]):
        assert open_source(name, named, {}, tmp_path).load().train["label"].shape == (7,)
    fetch.fetch(name)
    assert asked == list(files)  # nothing twice
    (cache_folder(name) / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    fetch.fetch(name)
    assert asked[4:] == ["t10k-labels-idx1-ubyte.gz"]


def test_the_named_folder_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cached, named = (
        dict(zip(IDX, (images(n), labels(n), images(3), labels(3)), strict=True)) for n in (7, 5)
    )
    publish(monkeypatch, "mnist", cached)
    fetch.fetch("mnist")
    publish(monkeypatch, "mnist", named)
    assert fetch.fetch("mnist", tmp_path / "data") == tmp_path / "data"
    source = open_source("mnist", ["data"], {}, tmp_path)
    assert len(source.load().train["label"]) == 5
    # A file too few is no reason to take another copy unasked.
    (tmp_path / "data" / IDX[1]).unlink()
    with pytest.raises(DataError) as error:
        source.load()
    assert error.value.path == str(tmp_path / "data" / IDX[1])


def test_the_archive_of_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = {f"cifar-10-batches-bin/{name}": record(i) * 2 for i, name in enumerate(FILES)}
    asked = publish(monkeypatch, "cifar10", files, members=True)
    folder = fetch.fetch("cifar10")
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["cifar-10-batches-bin"]
    assert not (folder / "a.tar.gz").exists()
    dataset = open_source("cifar10", [], {}, tmp_path).load()
    assert dataset.train["label"][:4].tolist() == [0, 0, 1, 1]
    fetch.fetch("cifar10")
    assert asked == ["a.tar.gz"]


def test_an_unknown_data_set():
    with pytest.raises(DataError, match="no data set called minst can be fetched") as error:
        fetch.fetch("minst")
    assert error.value.help == "did you mean mnist?"
