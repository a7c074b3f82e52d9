"""Files and pages, with and without Graphviz."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import netc.runtime.render.drawing as drawing
from netc.compiler.diagnostics import Source
from netc.compiler.draw import Options
from netc.compiler.pipeline import compile
from netc.runtime.render import Drawing, RenderError

TEXT = """
input x[N, 6]
input y[N] : class(3)
logits = x -> dense(5) -> relu -> dense(3)
loss cross_entropy(logits, y)
"""
STARTS = {
    ".png": b"\x89PNG",
    ".pdf": b"%PDF",
    ".svg": b"<svg",
    ".html": b"<!DOCTYPE html>",
    ".dot": b"digraph",
}
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


def drawn(theme: drawing.Appearance = "auto") -> Drawing:
    return Drawing(compile(Source("tiny.net", TEXT)).network, Options(), theme)


@needs_dot
@pytest.mark.parametrize("suffix", STARTS)
def test_each_format(suffix: str, tmp_path: Path) -> None:
    (path,) = drawn().save(tmp_path / f"a{suffix}")
    assert path.read_bytes().startswith(STARTS[suffix])


@needs_dot
def test_svg_keeps_text_and_follows_the_dark() -> None:
    (svg,) = drawn().svgs
    root = ElementTree.fromstring(svg)
    words = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "dense1" in words
    assert "prefers-color-scheme:dark" in svg
    assert "Liberation Sans" in svg
    assert "prefers-color-scheme" not in drawn("light").svgs[0]
    assert "#12303F".lower() in drawn("dark").svgs[0].lower()


def test_without_graphviz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page that draws itself; for a bitmap an error with a mend."""
    monkeypatch.setattr(drawing, "engine", lambda: None)
    said: list[str] = []
    (path,) = drawn().save(tmp_path / "a.svg", said.append)
    assert path == tmp_path / "a.html"
    assert "Viz.instance" in path.read_text()
    assert "viz.js" in said[0]
    with pytest.raises(RenderError, match="PNG needs Graphviz") as caught:
        drawn().save(tmp_path / "a.png")
    assert "netc[draw]" in caught.value.help
    assert "<iframe" in drawn()._repr_html_()


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no picture format"):
        drawn().save(tmp_path / "a.gif")
