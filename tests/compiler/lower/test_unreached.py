"""Layers that nothing calls and branches that are not taken: what is told of them, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from netc.compiler.diagnostics import Source, SpecError
from netc.compiler.pipeline import compile

from .networks import lower, mistake, mistakes

NET = """\
input x[N, 16]
input y[N] : class(10)
logits = x -> dense(10)
loss cross_entropy(logits, y)
train sgd(lr = 0.1) { epochs = 1 }
"""
STANDARD = sorted((Path(__file__).parents[3] / "specs" / "std").glob("*.net"))


@pytest.mark.parametrize(
    ("definition", "title", "marked"),
    [
        ("layer f(x[...]) { return reluu(x) }", "there is no layer or function called reluu", "reluu"),
        ("layer f(x[...]) { return x + k }", "there is no tensor or number called `k` here", "k"),
        ("layer f(x[...], k = q) { return x + k }", "there is no tensor or number called `q` here", "q"),
        ("layer f(x[N, 2 * q]) { return x }", "there is no tensor or number called `q` here", "q"),
        ("layer f(x[...]) { return dense(x, wdth = 3) }", "dense has no argument called wdth", "wdth = 3"),
        ("layer f(x[...]) { return x -> dense }", "dense needs width", "dense"),
        ("layer f(x[...]) { return x -> relu(3) }", "relu takes 1 argument at most, and was given 2",
         "relu(3)"),
        ("layer f(x[N, c]) { param W[c, d] ~ glorot\nreturn x @ W }",
         "there is no tensor or number called `d` here", "d"),
        ("layer f(x[N, c]) { param W[c, 3] ~ glorrot\nreturn x @ W }",
         "there is no initialiser called glorrot", "glorrot"),
        ("layer f(x[N, c]) { param W[c, 3] ~ normal(men = 1)\nreturn x @ W }",
         "normal has no argument called men", "men = 1"),
        ("layer f(x[...]) { repeat k { x = x + 1 }\nreturn x }",
         "there is no tensor or number called `k` here", "k"),
        ("optimizer o(lr = 1) { param <- param - lr * gradeint }",
         "there is no tensor or number called `gradeint` here", "gradeint"),
        ("layer f(x[...], a = 0) { if a > 0 { x = q }\nreturn x }",
         "there is no tensor or number called `q` here", "q"),
        ("layer f(x[...], a = 0) { if a > 0 { x = q }\nreturn x }\nz = f(x)",
         "there is no tensor or number called `q` here", "q"),
        ("if 1 > 2 { z = q }", "there is no tensor or number called `q` here", "q"),
        ("layer f(x[...]) { param A[3, 4], B[5, 6] ~ glorot\nreturn x + A @ B }",
         "cannot multiply A[3, 4] by B[5, 6]", "A @ B"),
        ("layer f(a[b, c, d], e[f, g, h], i[j, k, l, m, n, o, p]) { z = threes(4)\nreturn a + z }",
         "there is no layer or function called threes", "threes"),
        ("layer f(x[N, c, h, w], k) { z[N, 8] = x -> conv(k, 3) -> globalmean -> dense(7)\nreturn z }",
         "z is declared [N, 8], and its value has [N, 7]",
         "x -> conv(k, 3) -> globalmean -> dense(7)"),
    ],
)  # fmt: skip
def test_what_is_wrong_whichever_way_it_is_called(definition: str, title: str, marked: str) -> None:
    error = mistake(NET + definition)
    assert (error.title, error.calls) == (title, ())
    assert error.span is not None and error.span.text == marked


@pytest.mark.parametrize(
    "definition",
    [
        "layer f(x[...], a) { if a == 1 { k = 1 }\nif a == 1 { x = x + k }\nreturn x }",
        "layer f(x[...], relu) { return relu(x, 3, 4, slope = 5) }",
        "layer f(x[...], init = he) { param W[3] ~ init\nreturn x * W }",
        "layer f(x[N, c, h, w]) { return crop(flip(x), 32, pad = 4) }",
        "layer f(x[N, c]) { h = dense(x, 3)\nreturn h.W }",
        "layer f(x[N, c], width) { shared e = dense(width)\nreturn e(x) + e(x) }",
        "layer f(x[N, c], heads) { return reshape(x, [N, heads, c / heads]) }",
        "layer f(x[N, c], width) { param W[c, width] ~ glorot\nreturn x @ W + x }",
        "layer f(x[N, c, h, w]) { return x -> conv(3, 99) }",
        "layer f(x[..., d]) { return transpose(x, [0, 2, 1]) }",
        "layer f(x[N, c], axes) { return sum(x, axis = axes) }",
        "layer f(x[N, c], a) { if a > 3 { x[N, 3] = concat([x, x], axis = 0) }\nreturn x }",
        "layer f(x[N, c]) { return f(x) }",
        "layer f(t[N]) { param E[5, 4] ~ glorot\nreturn E[t] }",
        "optimizer o(lr = 1) { state v ~ zeros\nv <- v + gradient / step\nparam <- param - lr * v }",
        "layer decay(step[], steps[], a = 2) { return 1 - (step / steps) ^ a }",
    ],
)  # fmt: skip
def test_what_may_be_right_is_not_told(definition: str) -> None:
    network = lower(NET + definition)
    assert [w.title.split()[0] for w in network.warnings if "takes the place" not in w.title] == ["nothing"]


@pytest.mark.parametrize("path", STANDARD, ids=lambda path: path.stem)
def test_the_standard_files_are_right_as_a_users(path: Path) -> None:
    compile(Source("a.net", NET + path.read_text("utf-8")))


def test_a_mistake_that_lowering_tells_is_not_told_again() -> None:
    layer = "layer f(x[...]) { k = reluu(x)\nreturn k + q + reluu(q) }\n"
    titles = [e.title for e in mistakes(layer + NET.replace("x ->", "f(x) ->"))]
    assert titles == [
        "there is no layer or function called reluu",
        "there is no tensor or number called `q` here",
        "there is no layer or function called reluu",
    ]


def test_an_included_layer_is_checked_in_its_own_file() -> None:
    blocks = Source("blocks.net", "layer f(x[...]) { return reluu(x) }")
    with pytest.raises(SpecError) as caught:
        compile(Source("a.net", 'include "blocks.net"\n' + NET), read=lambda _: blocks)
    (error,) = caught.value.diagnostics
    assert error.span is not None and error.span.source is blocks


def test_what_nothing_uses_is_warned_of() -> None:
    unused = "layer f(x[...]) { return f(x) }\noptimizer o(lr = 1) { param <- param - lr * gradient }\n"
    warnings = lower(unused + NET).warnings
    assert [w.title for w in warnings] == ["nothing uses the layer f", "nothing uses the optimizer o"]
    used = "layer f(x[...]) { return x }\nlayer g(x[...], a) { return a(x) }\n"
    rate = "layer r(step[], steps[]) { return 1 - step / steps }\n"
    net = NET.replace("x ->", "g(x, f) ->").replace("epochs = 1", "epochs = 1, schedule = r")
    assert lower(used + rate + net).warnings == ()
