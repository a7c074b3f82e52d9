"""Files that are too large, too deep or too long: told within a second or so, and without the memory."""

from __future__ import annotations

import resource
import time

import pytest

from netc.compiler.diagnostics import Diagnostic, Source, SpecError
from netc.compiler.limits import LIMITS, variable
from netc.compiler.pipeline import compile
from netc.compiler.summary import summarise

FILE = """\
input x[N, 8]
input y[N] : class(3)
{}
loss cross_entropy(x -> dense(3), y)
train sgd(lr = 0.1) {{ epochs = 1 }}
"""
THOUSANDS = "layer a(x[...]) { return x -> 1000 * relu }\nlayer b(x[...]) { return x -> 1000 * a }\n"
DOUBLED = "layer l0(x[...]) { return x }\n" + "".join(
    f"layer l{i}(x[...]) {{ return l{i - 1}(x) -> l{i - 1} }}\n" for i in range(1, 40)
)
CASES = {
    "repeat": ("repeat 10^9 { h = x }", "turns"),
    "count": ("h = x -> 1000000000 * relu", "turns"),
    "scan": ("input s[N, 10^12]\nscan s as t { carry c[N] = 0\n c = c + t }", "turns"),
    "long scan": ("input s[N, 9000]\nscan s as t { carry c[N] = 0\n c = tanh(c) * t + exp(t) }", ""),
    "layers": ("h = x -> 9999 * dense(8)", ""),
    "thousands": (f"{THOUSANDS}h = x -> 1000 * b", ""),
    "doubled": (f"{DOUBLED}h = l39(x)", "statements"),
    "repeats": ("repeat 9999 { repeat 9999 { repeat 9999 { } } }", "statements"),
    "recursion": ("layer r(x[...]) { return r(x) + r(x) }\nh = r(x)", "depth"),
    "signs": (f"layer r(x[...]) {{ return {'-' * 150}r(x) }}\nh = r(x)", ""),
    "gradients": ("z0 = sum(tanh(x))\n" + "\n".join(f"z{i + 1} = sum(grad(z{i}, x))" for i in range(20)), ""),
    "long axis": ("h = x -> dense(10^18)", "elements"),
    "longer axis": ("h = x -> dense(1e300)", "elements"),
    "tensor": ("param A[10^14, 2], B[2, 10^14] ~ zeros\nh = A @ B", "elements"),
    "padding": ("input i[N, 3, 8, 8]\nh = i -> conv(3, 3, pad = 10^12)", "elements"),
    "power": ("dim a = 10^1000", ""),
    "product": ("dim a = 10^15\ndim b = a * a", ""),
    "brackets": (f"h = {'(' * 5000}", "nesting"),
    "blocks": ("repeat 2 { " * 500, "nesting"),
    "characters": ("# a comment\n" * 800_000, "characters"),
}  # fmt: skip


def told(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        compile(Source("a.net", text))
    return caught.value.diagnostics


@pytest.mark.parametrize("name", CASES)
def test_told_at_once(name: str) -> None:
    lines, limit = CASES[name]
    began = time.process_time()
    found, *others = told(FILE.format(lines))
    assert not others, [d.title for d in others]
    assert time.process_time() - began < 5  # one, on a machine that has nothing else to do
    assert found.code == "limit"
    assert not limit or variable(limit) in found.help


@pytest.mark.parametrize(
    "line",
    [
        "param W[8, 10^12] ~ glorot\nh = x @ W",
        "h = one_hot(y, 10^12)",
        "h = broadcast(1.0, [10^6, 10^6]) * 2",
        "h = expand(1.0 + range(10^12), 0)",
        "h = tile(x, [1, 10^9])",
        "input i[N, 3, 10^5, 10^5]\nh = i -> conv(64, 3, pad = 1)",
    ],
)
def test_checking_a_shape_takes_no_memory(line: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = FILE.format(line).replace("x -> dense(3)", "(x -> dense(3)) + 0 * mean(h)")
    summarise(compile(Source("a.net", text)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


def test_a_limit_can_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    text = FILE.format("h = x\nrepeat 10001 { k = 2 }")
    assert "10,001 turns" in told(text)[0].title
    monkeypatch.setenv("NETC_MAX_TURNS", "20000")
    compile(Source("a.net", text))


def test_no_mend_is_looked_for_where_every_trial_would_take_long() -> None:
    repeated = "param W[7, 9] ~ glorot\nz = x\nrepeat 2500 { z = z -> dense(8) }\n"
    wrong = "\n".join(f"h{i} = z @ (W @ W)" for i in range(3))
    began = time.process_time()
    assert {d.code for d in told(FILE.format(repeated + wrong))} == {"shape"}
    assert time.process_time() - began < 5


def test_deeper_layers_can_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = "".join(f"layer l{i}(x[...]) {{ return l{i + 1}(x) }}\n" for i in range(400))
    text = FILE.format("layer l400(x[...]) { return relu(x) }\nh = l0(x)").replace(
        "input x", layers + "input x", 1
    )
    assert told(text)[0].code == "limit"
    monkeypatch.setenv("NETC_MAX_DEPTH", "500")
    compile(Source("a.net", text))


@pytest.mark.parametrize("value", ["", "-1", "many", "5", "1e9"])
def test_what_is_no_larger_number_changes_nothing(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETC_MAX_TURNS", value)
    assert f"{LIMITS['turns'][0]:,}" in told(FILE.format("repeat 10^9 { h = x }"))[0].title
