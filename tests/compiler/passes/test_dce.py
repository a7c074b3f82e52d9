"""What no result needs goes, except for leaves."""

from __future__ import annotations

from netc.compiler.ir_text import read, show
from netc.compiler.passes import dce, drop_stops

TEXT = """\
%0 x : float32[] = input()
%1 W : float32[] = param() {initial=("zeros",)}
%2 m : float32[] = state() {initial=("zeros",)}
%3 image : uint8[] = column()
%4 : float32[] = tanh(%0)
%5 : float32[] = neg(%4)
%6 h : float32[] = sin(%0) in block1:block
%7 : float32[] = neg(%6) backward of %4
loss = %7
"""


def test_keeps_what_results_need_and_the_leaves() -> None:
    assert show(dce(read(TEXT))) == (
        """\
%0 x : float32[] = input()
%1 W : float32[] = param() {initial=("zeros",)}
%2 m : float32[] = state() {initial=("zeros",)}
%3 image : uint8[] = column()
%4 h : float32[] = sin(%0) in block1:block
%5 : float32[] = neg(%4) backward
loss = %5
"""
    )


def test_without_results_only_leaves_stay() -> None:
    graph = read(TEXT)
    graph.results.clear()
    assert [node.op for node in dce(graph)] == ["input", "param", "state", "column"]


def test_drops_stops() -> None:
    graph = read(
        "%0 x : float32[] = input()\n%1 y : float32[] = stop_gradient(%0)\n%2 : float32[] = neg(%1)\n"
        "output y = %1\noutput z = %2\n"
    )
    assert show(drop_stops(graph)) == (
        "%0 x : float32[] = input()\n%1 : float32[] = neg(%0)\noutput y = %0\noutput z = %1\n"
    )
