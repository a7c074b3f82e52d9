"""Damaged data files, made from whole ones, and what opening each of them ends with.

As a program it makes them in the folder that it is given, opens each in a process of limited memory, and
prints a line of JSON for each: its name, the kind of the error (empty if there was none), its text, and if it
names the file that is damaged; then one of the memory that was used, in kB, before the first and at most.
"""

import gzip
import io
import json
import os
import resource
import struct
import sys
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from netc.runtime.data import lazy
from netc.runtime.data.published import File
from netc.runtime.data.sources import open_source
from netc.runtime.data.unpack import unpack

LIMIT = 600 << 20  # of the address space
HELD = 1 << 26  # of data in memory
Files = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    arguments: list[Any]
    files: Files
    blamed: str  # the file that the error should name
    keywords: dict[str, Any] = field(default_factory=dict[str, Any])

    def write(self, folder: Path) -> None:
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


def cases() -> Iterator[Case]:
    yield from idx()
    yield from cifar()
    yield from npz()
    yield from npy()
    yield from tables()
    yield from texts()
    yield from pictures()
    yield from archives()


def cuts(data: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    for i in range(count):
        at = len(data) * i // count
        yield f"cut at {at}", data[:at]


def flips(data: bytes, begin: int, end: int, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(seed)
    for _ in range(count):
        at, bit = int(random.integers(begin, end)), int(random.integers(8))
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        yield f"bit {bit} of byte {at}", bytes(changed)


def idx() -> Iterator[Case]:
    random = np.random.default_rng(1)
    names = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    whole: Files = {}
    for name, n in zip(names, (20, 20, 5, 5), strict=True):
        if "images" in name:
            whole[name] = (
                struct.pack(">4I", 2051, n, 28, 28) + random.integers(0, 256, n * 784, np.uint8).tobytes()
            )
        else:
            whole[name] = struct.pack(">2I", 2049, n) + random.integers(0, 10, n, np.uint8).tobytes()
    zeros = bytes(1 << 20)
    for name, data in whole.items():
        bad = list(cuts(data, 6))
        bad += [("too long", data + b"\0"), ("text", b"<html>not found</html>" * 99)]
        bad += [(f"magic {m}", struct.pack(">I", m) + data[4:]) for m in (0, 2050, 0x03080000, 0xFFFFFFFF)]
        bad += [
            (f"count {n}", data[:4] + struct.pack(">I", n) + data[8:])
            for n in (0, 4, 21, 1 << 31, 0xFFFFFFFF)
        ]
        if "images" in name:
            bad += [(f"size {n}", data[:8] + struct.pack(">I", n) + data[12:]) for n in (0, 27, 1 << 31)]
        else:
            bad += [(f"label {n}", data[:9] + bytes([n]) + data[10:]) for n in (10, 200, 255)]
        for what, damaged in bad:
            yield Case(f"{name} {what}", "mnist", ["."], whole | {name: damaged}, name)
        packed = gzip.compress(data, mtime=0)
        worse = [(f"gz of {what}", gzip.compress(d)) for what, d in bad[-5:]]
        worse += [(f"gz {what}", d) for what, d in cuts(packed, 5)]
        worse += [(f"gz {what}", d) for what, d in flips(packed, 10, len(packed), 6, len(data))]
        bomb = io.BytesIO()
        with gzip.open(bomb, "wb") as file:
            file.write(data)
            for _ in range(100):
                file.write(zeros)
        worse.append(("gz bomb", bomb.getvalue()))
        claim = data[:4] + struct.pack(">I", 0xFFFFFFF0) + data[8:]
        worse.append(("gz claim", gzip.compress(claim + zeros)))
        for what, damaged in worse:
            files = {n: d for n, d in whole.items() if n != name}
            yield Case(f"{name} {what}", "mnist", ["."], files | {f"{name}.gz": damaged}, f"{name}.gz")


def cifar() -> Iterator[Case]:
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    whole = {name: bytes([3]) + bytes(3072) + bytes([9]) + bytes(3072) for name in names}
    for name, data in whole.items():
        for what, damaged in [*cuts(data, 3), ("label", b"\x0a" + data[1:]), ("too long", data + b"\0")]:
            if len(damaged) % 3073 or not damaged or what == "label":
                yield Case(f"{name} {what}", "cifar10", ["."], whole | {name: damaged}, name)


def saved(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def array(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def headers() -> dict[str, bytes]:
    """Arrays that claim what is not so."""
    plain = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}"
    shapes = (
        "(1000,)",
        f"({2**40},)",
        f"({2**62}, {2**62})",
        "(-1,)",
        "(2, -3)",
        "(True,)",
        "3",
        "(1.5,)",
        "()",
    )
    found = {f"shape {s}": array(plain % s, bytes(40)) for s in shapes}
    types = ("|O", "<U4", "|S4", "<c8", "<M8[s]", "|V4", "nonsense", "", [("a", "<f4")], 7)
    typed = "{'descr': %r, 'fortran_order': False, 'shape': (2,)}"
    found |= {f"type {t}": array(typed % (t,), bytes(16)) for t in types}
    found |= {
        "nested": array("(" * 9000),
        "no dictionary": array("[1, 2]"),
        "no text": array("\0\xff{"),
        "code": array("__import__('os').abort()"),
        "open string": array("{'descr': '<f4"),
        "indented": array("  {\n 'a':\n1}"),
        "too long a header": array("{" + " " * 60_000 + "}"),
        "no magic": b"NUMPY" * 9,
        "version 9": array(plain % "(2,)", bytes(8), 9),
        "empty": b"",
        "long claim": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        "keys": array("{'shape': (2,)}", bytes(8)),
    }
    return found


def npz() -> Iterator[Case]:
    x, y = np.random.default_rng(2).random((30, 4)), np.arange(30) % 5
    whole = saved(x=x, y=y)
    body = whole.index(b"x.npy") + 5 + 20 + 128  # beyond the header of the first array
    bad = [*cuts(whole, 25), *flips(whole, body, body + 900, 20, 5)]
    bad += [(f"header: {what}", zipped({"x.npy": data})) for what, data in headers().items()]
    bad += [
        (f"stored header: {what}", zipped({"x.npy": data}, zipfile.ZIP_STORED))
        for what, data in headers().items()
    ]
    for value in (np.nan, np.inf, -np.inf):
        wrong = x.copy()
        wrong[17, 2] = value
        bad.append((f"{value}", saved(x=wrong, y=y)))
    shape = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d,)}"
    bomb = array(shape % (1 << 24), bytes(1 << 24))
    bad.append(("bomb", zipped({f"x{i}.npy": bomb for i in range(5)})))
    bad.append(("hidden bomb", zipped({"x.npy": array(shape % 8, bytes(1 << 26))})))
    bad.append(("text", zipped({"readme.txt": b"hello"})))
    bad.append(("name", zipped({"\x1b[31m\nx.npy": b"hello"})))
    bad.append(("bytes beyond true", saved(x=x, y=np.frombuffer(bytes([0, 1, 7] * 10), np.bool_))))
    bad.append(("empty archive", zipped({})))
    bad.append(("lengths", saved(x=x, y=y[:7])))
    flagged = bytearray(whole)
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        flagged[whole.index(sign) + at] |= 1
    bad.append(("encrypted", bytes(flagged)))
    for what, data in bad:
        yield Case(f"npz {what}", "npz", ["a.npz"], {"a.npz": data}, "a.npz")


def npy() -> Iterator[Case]:
    out = io.BytesIO()
    np.save(out, np.arange(60.0).reshape(20, 3))
    bad = [*headers().items(), *cuts(out.getvalue(), 6), ("too long", out.getvalue() + b"\0")]
    for what, data in bad:
        yield Case(f"npy {what}", "npz", ["d"], {"d/x.npy": data}, "d/x.npy")


def tables() -> Iterator[Case]:
    rows = [f"{i},{i / 7:.4f},{'abc'[i % 3]}" for i in range(200)]

    def table(*changed: str, at: int = 150) -> bytes:
        return "\n".join(["n,x,kind", *rows[:at], *changed, *rows[at + 1 :]]).encode()

    rows_of_no_use = (
        *("1,2", "1,2,a,b", "1,nan,a", "1,inf,a", "1,1e39,a", "1,,a", "1,2, ", "?,2,a", "1,0x10,a"),
        *('1,"2,a', '1,2"2"x,a', '"1"2,2,a', "1;2;a", "1,2,\0\0,"),
    )
    bad = {what: table(what) for what in rows_of_no_use}
    bad |= {
        "latin-1": table("1,2,é").decode().encode("latin-1"),
        "utf-16": table().decode().encode("utf-16"),
        "utf-32": table().decode().encode("utf-32-be"),
        "empty": b"",
        "blank": b"\n\n\n",
        "header only": b"n,x,kind\n",
        "names twice": b"n,x,n\n1,2,3\n",
        "no name": b"n,,k\n1,2,3\n",
        "a long cell": b"n,x\n1," + b"9" * 200_000,
        "cut within a character": table("1,2,é")[: table("1,2,é").index("é".encode()) + 1],
        "binary": np.random.default_rng(3).integers(0, 256, 5000, np.uint8).tobytes(),
        "gzip": gzip.compress(table()),
        "many columns": b"x" + b"," * 70_000 + b"\n1\n",
    }
    for what, data in bad.items():
        yield Case(f"csv {what!r}", "csv", ["a.csv"], {"a.csv": data}, "a.csv")


def texts() -> Iterator[Case]:
    text = "Voilà, où étais-tu? " * 50
    bad = {
        "latin-1": text.encode("latin-1"),
        "utf-16": text.encode("utf-16"),
        "empty": b"",
        "short": b"abc",
        "surrogates": text.encode() + b"\xed\xa0\x80",
        "binary": np.random.default_rng(4).integers(0, 256, 5000, np.uint8).tobytes(),
    }
    bad |= {f"cut {at}": text.encode()[:at] for at in (5, 19, 20) if text.encode()[at - 1] == 0xC3 or at < 19}
    for what, data in bad.items():
        yield Case(f"text {what}", "text", ["a.txt"], {"a.txt": data}, "a.txt")


def pictures() -> Iterator[Case]:
    try:
        from PIL import Image
    except ImportError:
        return
    noise = np.random.default_rng(6).integers(0, 256, (40, 30, 3), np.uint8)
    whole: Files = {}
    for form in ("png", "jpeg", "gif", "bmp"):
        out = io.BytesIO()
        Image.fromarray(noise).save(out, form)
        whole[form] = out.getvalue()
    for form, data in whole.items():
        bad = [(w, d) for w, d in cuts(data, 8) if len(d) < 0.8 * len(data)]
        if form == "png":
            bad += flips(data, 60, len(data) - 20, 8, 7)
            huge = data[:16] + struct.pack(">2I", 1 << 20, 1 << 20) + data[24:]
            bad.append(("huge", huge[:29] + struct.pack(">I", zlib.crc32(huge[12:29])) + huge[33:]))
        for what, damaged in [*bad, ("text", b"<html>" * 50)]:
            files = {"a/1.png": whole["png"], f"a/2.{form}": damaged}
            yield Case(f"{form} {what}", "images", ["."], files, f"a/2.{form}", {"size": 8})


def archives() -> Iterator[Case]:
    def tar(*entries: tuple[str, bytes, bytes], **headers: str) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as file:
            for name, data, kind in entries:
                entry = tarfile.TarInfo(name)
                entry.pax_headers = headers
                entry.size, entry.type, entry.linkname = len(data), kind, "/etc/passwd"
                file.addfile(entry, io.BytesIO(data))
        return out.getvalue()

    good = ("set/a", b"a" * 999, tarfile.REGTYPE)
    bad = {
        name: tar((name, b"x", tarfile.REGTYPE), good)
        for name in ("../a", "/a", "set/../../a", "..", "\\\\host\\a", "c:/a", "..\\a")
    }
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    bad |= {f"kind {k!r}": tar(("set/a", b"", k)) for k in kinds}
    bad |= {
        "bomb": tar(("b", bytes(1 << 27), tarfile.REGTYPE), good),
        "other": tar(("set/a", b"b" * 999, b"0")),
        "holes": tar(good, **{"GNU.sparse.map": "0,1", "GNU.sparse.size": "9" * 15}),
        "path": tar(good, path="../../a"),
        "size": tar(good, size="-1"),
    }
    bad |= dict(cuts(tar(good), 5)) | {"many": tar(*((f"{i}", b"", tarfile.REGTYPE) for i in range(1500)))}
    for what, data in bad.items():
        yield Case(f"tar {what}", "", [], {"a.tar.gz": data}, "a.tar.gz")


def outcome(case: Case, folder: Path) -> tuple[str, str, str]:
    """The kind of the error that opening ends with, its path and its text."""
    try:
        if case.source:
            open_source(case.source, case.arguments, case.keywords, folder, length=20).load()
        else:
            unpack(folder / "a.tar.gz", folder / "out", [File("set/a", 999, "0" * 64)])
    except Exception as error:
        return type(error).__name__, str(getattr(error, "path", "")), str(error)
    return "", "", ""


def make(folder: Path) -> None:
    made: list[Case] = []
    for number, case in enumerate(cases()):
        case.write(folder / str(number))
        made.append(replace(case, files={}))
    (folder / "cases.json").write_text(json.dumps([asdict(case) for case in made]))


def open_all(folder: Path) -> None:
    os.environ["NETC_CACHE"] = str(folder / "cache")
    warnings.simplefilter("error")
    lazy.HELD_BYTES = HELD
    made = [Case(**case) for case in json.loads((folder / "cases.json").read_text())]
    before = peak()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    for number, case in enumerate(made):
        kind, path, text = outcome(case, folder / str(number))
        blamed = path == str(folder / str(number) / case.blamed)
        print(json.dumps({"name": case.name, "kind": kind, "text": text, "blamed": blamed}))
    print(json.dumps({"before": before, "peak": peak()}))


def peak() -> int:
    """The most memory of this process so far, in kB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    if sys.argv[1] == "--open":
        open_all(Path(sys.argv[2]))
    else:
        make(Path(sys.argv[1]))
        os.execv(sys.executable, [sys.executable, __file__, "--open", sys.argv[1]])
