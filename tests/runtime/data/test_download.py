import hashlib
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from netc.runtime.data import download
from netc.runtime.data.download import intact
from netc.runtime.data.errors import DataError
from netc.runtime.data.published import Download, File

DATA = bytes(i * i % 251 for i in range(300_000))
FILE = File("set/data.bin", len(DATA), hashlib.sha256(DATA).hexdigest())
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers requests in turn, the last answer again and again, and notes their headers."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [whole]
        self.requests: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append({name.lower(): value for name, value in self.headers.items()})
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True, args=(0.01,)).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/data.bin"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wanted(self) -> Download:
        return Download(FILE, (self.address,))


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str | None) -> None:
    request.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        if value is not None:
            request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def whole(request: BaseHTTPRequestHandler) -> None:
    send(request, 200, DATA, ETag='"one"')


def ranged(request: BaseHTTPRequestHandler) -> None:
    """As a server with ranges does: the rest if the file is still the same, or else all of it."""
    begin = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    if begin and request.headers.get("If-Range") in (None, '"one"'):
        place = f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}"
        send(request, 206, DATA[begin:], ETag='"one"', Content_Range=place)
    else:
        whole(request)


def cut(at: int, etag: str | None = '"one"') -> Answer:
    """Promise everything, and hang up."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 200, DATA[:at], Content_Length=str(len(DATA)), ETag=etag)
        request.close_connection = True

    return answer


def status(code: int) -> Answer:
    return lambda request: send(request, code, b"an error page")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.setattr(download, "TIMEOUT", 5.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    yield server
    server.close()


def get(server: Server, folder: Path, *more: str) -> Path:
    wanted = Download(FILE, (*more, server.address))
    return download.download(wanted, folder, lambda name, done, total: None)


def fail(server: Server, folder: Path) -> str:
    with pytest.raises(DataError) as error:
        get(server, folder)
    assert not (folder / FILE.name).exists()
    return error.value.message


def test_a_file_and_its_progress(server: Server, tmp_path: Path):
    heard: list[tuple[str, int, int]] = []
    path = download.download(server.wanted(), tmp_path, lambda *news: heard.append(news))
    assert path == tmp_path / "set" / "data.bin" and path.read_bytes() == DATA
    assert [p.name for p in path.parent.iterdir()] == ["data.bin"]
    assert heard[-1] == (FILE.name, len(DATA), len(DATA))
    assert [done for _, done, _ in heard] == sorted(done for _, done, _ in heard)


def test_an_interrupted_transfer_goes_on(server: Server, tmp_path: Path):
    server.answers = [cut(100_000), status(503), ranged]
    assert get(server, tmp_path).read_bytes() == DATA
    assert "range" not in server.requests[0]
    for request in server.requests[1:]:
        assert (request["range"], request["if-range"]) == ("bytes=100000-", '"one"')


def test_an_interrupted_program_goes_on(server: Server, tmp_path: Path):
    def interrupt(name: str, done: int, total: int) -> None:
        if done > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.download(server.wanted(), tmp_path, interrupt)
    part = tmp_path / "set" / "data.bin.part"
    size = part.stat().st_size
    assert 50_000 < size <= len(DATA) and part.read_bytes() == DATA[:size]
    server.answers = [ranged]
    assert get(server, tmp_path).read_bytes() == DATA
    assert size == len(DATA) or server.requests[-1]["range"] == f"bytes={size}-"


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path):
    server.answers = [cut(100_000), whole]
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_file_that_changed_meanwhile_starts_again(server: Server, tmp_path: Path):
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    part.write_bytes(b"of an older version")
    part.with_name("data.bin.part.etag").write_text(f'{server.address}\n"zero"')
    server.answers = [ranged]
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.requests[0]["if-range"] == '"zero"'


def test_a_damaged_note_of_the_version(server: Server, tmp_path: Path):
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    part.write_bytes(DATA[:1000])
    part.with_name("data.bin.part.etag").write_bytes(server.address.encode() + b"\n\xff\xfe")
    server.answers = [ranged]
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_wrong_beginning_is_found_by_its_digest(server: Server, tmp_path: Path):
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    part.write_bytes(b"not the beginning at all")
    server.answers = [ranged]
    assert get(server, tmp_path).read_bytes() == DATA
    assert [request.get("range") for request in server.requests] == ["bytes=24-", None]


def test_a_finished_part_is_not_asked_for_again(server: Server, tmp_path: Path):
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    part.write_bytes(DATA)
    assert get(server, tmp_path).read_bytes() == DATA and server.requests == []


def test_a_wrong_digest_is_refused_and_removed(server: Server, tmp_path: Path):
    server.answers = [lambda request: send(request, 200, DATA[:-1] + b"!")]
    assert "another file than expected" in fail(server, tmp_path)
    assert list((tmp_path / "set").iterdir()) == []


def test_a_changed_file_with_a_stale_part_ends(server: Server, tmp_path: Path):
    """Neither going on nor starting again helps, also where the connection ends again and again."""
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    part.write_bytes(b"stale")
    wrong = DATA[:-1] + b"!"

    def rest(request: BaseHTTPRequestHandler) -> None:
        begin = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        end = min(begin + 100_000, len(wrong))
        place = f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}"
        left = str(len(wrong) - begin)
        send(request, 206 if begin else 200, wrong[begin:end], Content_Length=left, Content_Range=place)
        request.close_connection = True

    server.answers = [rest]
    assert "another file than expected" in fail(server, tmp_path)


@pytest.mark.parametrize(
    ("answer", "message", "requests"),
    [
        (status(404), "status 404, Not Found", 1),
        (status(403), "status 403, Forbidden", 1),
        (status(500), "status 500, Internal Server Error", 4),
        (status(429), "status 429, Too Many Requests", 4),
        (lambda request: send(request, 200, b"<html>log in"), "12 bytes, where 300000 are expected", 1),
        (
            lambda request: send(request, 200, DATA + DATA, Content_Length=None),
            "more bytes than the 300000 expected",
            1,
        ),
        (
            lambda request: send(request, 200, DATA[:9], Content_Length=None),
            "the connection ended at byte 9 of 300000",
            5,
        ),
        (lambda request: request.wfile.write(b"no HTTP\r\n\r\n"), "no HTTP", 4),
        (lambda request: send(request, 302, b"", Location="http://[::1"), "Invalid IPv6 URL", 1),
        (lambda request: send(request, 302, b"", Location="file:///etc/passwd"), "is not allowed", 1),
        (lambda request: send(request, 302, b"", Location="/"), "infinite loop.)", 5),
    ],
)
def test_what_a_server_may_answer(
    server: Server, tmp_path: Path, answer: Answer, message: str, requests: int
):
    server.answers = [answer]
    assert message in fail(server, tmp_path)
    assert len(server.requests) == requests


def test_no_such_rest(server: Server, tmp_path: Path):
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    part.write_bytes(DATA[:1000])
    server.answers = [status(416), whole]
    assert get(server, tmp_path).read_bytes() == DATA


def test_another_part_than_asked_for(server: Server, tmp_path: Path):
    server.answers = [
        cut(1000),
        lambda request: send(request, 206, DATA[:500], Content_Range=f"bytes 0-499/{len(DATA)}"),
        whole,
    ]
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_server_that_is_silent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server.address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert "no answer for 0.05 seconds" in fail(server, tmp_path)


def test_no_network_then_another_address(server: Server, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/data.bin"
    assert get(server, tmp_path, nobody).read_bytes() == DATA
    (tmp_path / FILE.name).unlink()
    server.address = nobody
    with pytest.raises(DataError) as error:
        get(server, tmp_path)
    assert "Connection refused" in error.value.message
    help = error.value.help or ""
    assert nobody in help and str(tmp_path) in help


def test_intact(tmp_path: Path):
    path = tmp_path / "a"
    assert not intact(path, FILE)
    path.write_bytes(DATA[:-1] + b"!")
    assert not intact(path, FILE)
    path.write_bytes(DATA)
    assert intact(path, FILE)
