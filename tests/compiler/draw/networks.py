"""Networks to draw, compiled from texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from netc.compiler.diagnostics import Source
from netc.compiler.draw import Options, draw
from netc.compiler.network import Network
from netc.compiler.pipeline import compile
from netc.locate import examples

HEAD = "input x[N, 6]\ninput y[N] : class(3)\n"
TAIL = "\nloss cross_entropy(logits, y)\ntrain sgd(lr = 0.1)\n"
TEXTS = {
    "chain": HEAD + "logits = x -> dense(5) -> relu -> dense(3)" + TAIL,
    "skip": HEAD
    + "layer block(x[N, d]) { return x + (x -> dense(d) -> tanh) }\n"
    + "logits = x -> dense(4) -> 3 * block -> dense(3)"
    + TAIL,
    "recurrent": "input x[N, 8, 4]\ninput y[N] : class(3)\nh = rnn(x, 5)\nlogits = h[:, 7] -> dense(3)"
    + TAIL,
    "images": "input x[N, 3, 16, 16]\ninput y[N] : class(3)\n"
    "features = x -> conv(8, 3, pad = 1) -> relu -> maxpool(2) -> conv(8, 3) -> relu -> maxpool(2)\n"
    "logits = features -> flatten -> dropout(0.2) -> dense(3)" + TAIL,
    "siamese": "input a[N, 6]\ninput b[N, 6]\ninput y[N] : class(3)\nshared enc = dense(4)\n"
    "logits = concat([enc(a), enc(b)], axis = 1) -> dense(3)" + TAIL,
    "deep": HEAD + "logits = x -> " + "dense(6) -> relu -> " * 75 + "dense(3)" + TAIL,
}


@cache
def network(name: str) -> Network:
    """A network of TEXTS, or an example that ships with netc."""
    text = TEXTS.get(name) or examples()[name]
    return compile(Source(f"{name}.net", text)).network


def pages(name: str, **options: object) -> tuple[str, ...]:
    return draw(network(name), Options(**options)).pages  # pyright: ignore[reportArgumentType]


def dot(name: str, **options: object) -> str:
    """All pages."""
    return "".join(pages(name, **options))


def write(folder: Path, name: str) -> Path:
    path = folder / f"{name}.net"
    path.write_text(TEXTS[name])
    return path
