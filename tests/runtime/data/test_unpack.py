import gzip
import hashlib
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from netc.runtime.data.errors import DataError
from netc.runtime.data.published import File
from netc.runtime.data.unpack import unpack

DATA = {"set/a.bin": b"a" * 5000, "set/b.bin": bytes(range(256)) * 9}
WANTED = [File(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in DATA.items()]
Tar = tarfile.TarFile
HOLES = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 30)}  # a GiB of zeros in one entry


def add(tar: Tar, name: str, data: bytes = b"", **fields: object) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for field, value in fields.items():
        setattr(entry, field, value)
    tar.addfile(entry, io.BytesIO(data))


def good(tar: Tar) -> None:
    add(tar, "set", type=tarfile.DIRTYPE)
    for name, data in DATA.items():
        add(tar, name, data, mode=0o4777, uid=0)


def write(path: Path, *steps: Callable[[Tar], None], format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=format) as tar:
        for step in steps:
            step(tar)
    return path


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_wanted_files_and_no_others(tmp_path: Path, format: int):
    archive = write(
        tmp_path / "a.tar.gz", good, lambda tar: add(tar, "set/readme.html", b"x" * 999), format=format
    )
    unpack(archive, tmp_path / "out", WANTED)
    found = {str(p.relative_to(tmp_path / "out")): p for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == DATA
    assert not any(path.stat().st_mode & 0o7111 for path in found.values())


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda tar: add(tar, "/etc/passwd", b"x"), "outside its folder"),
        (lambda tar: add(tar, "../a", b"x"), "outside its folder"),
        (lambda tar: add(tar, "set/../../a", b"x"), "outside its folder"),
        (lambda tar: add(tar, "C:\\windows\\a", b"x"), "outside its folder"),
        (lambda tar: add(tar, "set\\..\\..\\a", b"x"), "outside its folder"),
        (lambda tar: add(tar, "set/a.bin", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link"),
        (lambda tar: add(tar, "set/a.bin", pax_headers=HOLES), "a file with holes"),
        (lambda tar: add(tar, "set/a.bin", type=tarfile.LNKTYPE, linkname="../x"), "a link"),
        (lambda tar: add(tar, "set", type=tarfile.SYMTYPE, linkname="/tmp"), "a link"),
        (lambda tar: add(tar, "set/a.bin", type=tarfile.FIFOTYPE), "a device"),
        (lambda tar: add(tar, "set/a.bin", type=tarfile.CHRTYPE, devmajor=1, devminor=5), "a device"),
        (lambda tar: add(tar, "set/a.bin", b"b" * 5000), "another file than expected"),
        (lambda tar: add(tar, "set/a.bin", b"a" * 4999), "another file than expected"),
        (lambda tar: add(tar, "set/a.bin", b"a" * 900_000), "another file than expected"),
        (lambda tar: [add(tar, f"set/{i}") for i in range(2000)], "more than 1000 entries"),
        (lambda tar: add(tar, "bomb", bytes(1 << 26)), "cannot be unpacked (it unpacks to more than"),
        (lambda tar: add(tar, "a", pax_headers={"comment": "x" * (1 << 23)}), "claims 8389120 bytes at once"),
        (lambda tar: None, "the archive holds no set/a.bin"),
    ],
)
def test_hostile_archives(tmp_path: Path, step: Callable[[Tar], None], message: str):
    archive = write(tmp_path / "a.tar.gz", step)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError) as error:
        unpack(archive, tmp_path / "out", WANTED)
    assert message in error.value.message and error.value.path == str(archive)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path != archive]


@pytest.mark.parametrize(
    "damage", [lambda z: z[:-30], lambda z: b"", lambda z: b"no gzip", lambda z: z[:90] + b"??" + z[92:]]
)
def test_damaged_archives(tmp_path: Path, damage: Callable[[bytes], bytes]):
    archive = write(tmp_path / "a.tar.gz", good)
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(DataError) as error:
        unpack(archive, tmp_path / "out", WANTED)
    assert error.value.path == str(archive)


def test_a_bomb_costs_no_memory(tmp_path: Path):
    """A gigabyte of zeros, in an entry's header and in an entry."""
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE):
        entry = tarfile.TarInfo("a")
        entry.type, entry.size = kind, 1 << 30
        with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
            file.write(entry.tobuf())
            for _ in range(64):
                file.write(bytes(1 << 20))
        tracemalloc.start()
        with pytest.raises(DataError):
            unpack(tmp_path / "a.tar.gz", tmp_path / "out", WANTED)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 << 20
