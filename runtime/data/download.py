"""Gets a file over HTTP, whatever may interrupt it: what has arrived is kept, and only the rest asked for."""

import hashlib
import http.client
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from .errors import DataError
from .published import Download, File

TIMEOUT = 30.0  # seconds without a byte
PAUSE = 1.0  # before the second attempt; doubled before each further one
ATTEMPTS = 4  # without a byte gained
PIECE = 1 << 18

Listener = Callable[[str, int, int], None]  # a file's name, and how many of how many bytes have arrived


class _Passing(Exception):
    """What may go better at another attempt."""


class _Refused(Exception):
    """What will not."""


def download(wanted: Download, folder: Path, tell: Listener) -> Path:
    """Get a file into a folder, by the first of its addresses that gives it; its path.

    An unfinished file is kept beside it, as .part. Raises DataError where no address gives the file that is
    expected, and OSError where it cannot be written.
    """
    path = folder / wanted.file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    reasons: list[str] = []
    for address in wanted.addresses:
        try:
            part = _insist(address, wanted.file, path, tell)
        except _Refused as error:
            reasons.append(f"{urlsplit(address).netloc}: {error}")
            continue
        part.replace(path)
        _tag(path).unlink(missing_ok=True)
        return path
    help = (
        f"what has arrived is kept, so try again; or put {wanted.addresses[0]} into {folder} by other means"
    )
    raise DataError(f"{wanted.file.name} cannot be fetched ({'; '.join(reasons)})", help=help)


def intact(path: Path, file: File) -> bool:
    """Whether a file is the one that is expected."""
    return path.is_file() and path.stat().st_size == file.size and digest(path) == file.sha256


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _insist(address: str, file: File, path: Path, tell: Listener) -> Path:
    """The whole file, by as many attempts as it takes while they get on. Raises _Refused."""
    part = path.with_name(f"{path.name}.part")
    attempt, begun_before, restarted = 0, part.is_file(), False
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            if before < file.size:
                _continue(address, file, part, _tag(path), tell)
            if intact(part, file):
                return part
        except _Passing as error:
            gained = part.is_file() and part.stat().st_size > before
            attempt = 0 if gained else attempt + 1
            if attempt >= ATTEMPTS:
                raise _Refused(str(error)) from None
            time.sleep(PAUSE * 2**attempt if attempt else 0)
            continue
        part.unlink(missing_ok=True)
        _tag(path).unlink(missing_ok=True)
        if restarted or not begun_before:
            raise _Refused(f"another file than expected: its SHA-256 is not {file.sha256}")
        restarted = True  # what was there before may be of another version of the file


def _continue(address: str, file: File, part: Path, tag: Path, tell: Listener) -> None:
    """Ask for what is missing and write it. Raises _Passing, _Refused."""
    done = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "netc"}
    if done:
        headers["Range"] = f"bytes={done}-"
        known = tag.read_text("latin-1").split("\n") if tag.is_file() else []
        if len(known) == 2 and known[0] == address:
            headers["If-Range"] = known[1]
    try:
        response = urlopen(Request(address, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        with error:
            if error.code == 416:  # there is no such rest: another file than the one begun
                part.unlink(missing_ok=True)
                raise _Passing("the server has no rest to what has arrived") from None
            later = error.code >= 500 or error.code in (408, 429)
            reason = str(error.reason).partition("\n")[0]
            raise (_Passing if later else _Refused)(f"status {error.code}, {reason}") from None
    except URLError as error:
        raise _Passing(_said(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(_said(error)) from None
    except ValueError as error:  # it leads to what is no address
        raise _Refused(_said(error)) from None
    with response:
        continued = response.status == 206
        if continued and not str(response.headers.get("Content-Range")).startswith(f"bytes {done}-"):
            part.unlink(missing_ok=True)
            raise _Passing("the server sent another part than was asked for")
        length = response.headers.get("Content-Length")
        expected = file.size - (done if continued else 0)
        if length is not None and length != str(expected):
            raise _Refused(f"{length} bytes, where {expected} are expected")
        etag = response.headers.get("ETag")
        if etag and not etag.startswith("W/"):
            tag.write_text(f"{address}\n{etag}", "latin-1")  # as headers are
        done = done if continued else 0
        # Not in append mode: two processes at the same file then write the same bytes to the same places.
        with part.open("r+b" if continued else "wb") as out:
            out.seek(done)
            for piece in _pieces(response):
                done += len(piece)
                if done > file.size:
                    part.unlink()
                    raise _Refused(f"more bytes than the {file.size} expected")
                out.write(piece)
                tell(file.name, done, file.size)
    if done < file.size:
        raise _Passing(f"the connection ended at byte {done} of {file.size}")


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """What arrives. Raises _Passing where it stops too early."""
    while True:
        try:
            piece = response.read1(PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(_said(error)) from None
        if not piece:
            return
        yield piece


def _tag(path: Path) -> Path:
    """The note of which version of the file has begun to arrive."""
    return path.with_name(f"{path.name}.part.etag")


def _said(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer for {TIMEOUT:g} seconds"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
