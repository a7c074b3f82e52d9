"""What a wrong file is told: the words, the place, the notes and the mend."""

from __future__ import annotations

import pytest

from netc.compiler.diagnostics import SpecError
from netc.compiler.render import render

from .networks import lower, mistake, mistakes

X = "input x[N, 4]\n"


def test_the_languages_example() -> None:
    """The error that stands in the language's design, letter by letter."""
    text = """\
# mlp.net: one hidden layer, written out as mathematics
dim H = 16
input x[N, 3072]
input y[N] : class(10)
param W1[3072, H] ~ glorot
param W2[12, 10] ~ glorot
param b1[H] ~ zeros
param b2[10] ~ zeros
h      = tanh(x @ W1 + b1)
logits = h @ W2 + b2
"""
    error = mistake(text)
    assert error.calls == () and error.span is not None and error.span.text == "h @ W2"
    expected = """\
error[shape]: cannot multiply h[N, 16] by W2[12, 10]
  --> test.net:10:12
   |
10 | logits = h @ W2 + b2
   |          ^^^^^^ 16 is not 12
   |
   = 16 is H, from line 2; it reached h through W1[3072, H] on line 5
   = 12 is the first axis of W2, from line 6
help: write W2[H, 10]"""
    assert render(error) == expected
    assert str(SpecError(error)).startswith("test.net:10:12: error[shape]: cannot multiply")


def test_one_mistake_gives_one_error() -> None:
    text = X + "h = x @ W\ng = h + 1\nk = dense(g, 3) -> relu\nrepeat 3 { k = k + h }\noutput k\nloss mean(k)"
    assert mistake(text).title == "there is no tensor or number called `W` here"
    failed = "if q { h = x } else { h = -x }\ng = h"
    assert mistake(X + failed).title == "there is no tensor or number called `q` here"
    assert mistake(X + "repeat q { h = x }\ng = h").span.text == "q"  # type: ignore[union-attr]


def test_all_independent_mistakes_come_in_one_run_by_line() -> None:
    text = """
    param W[4, 3] ~ glorott
    h = x @ V + x @ U
    m[N, 3] = x
    g = relo(x)
    k = x + reshape(x, [N, 2])
    """
    found = mistakes(X + text)
    assert [d.span.line for d in found if d.span] == [3, 4, 4, 5, 6, 7]
    assert [d.code for d in found] == ["name", "name", "name", "shape", "name", "shape"]


def test_twenty_mistakes_are_enough() -> None:
    assert len(mistakes(X + "".join(f"h{i} = q{i}\n" for i in range(30)))) == 20


def test_an_error_inside_a_layer_shows_every_call_that_led_there() -> None:
    text = """
    layer inner(x[N, d]) {
        param W[3, d] ~ glorot
        return x @ W
    }
    layer outer(x[N, d]) { return x -> inner }
    h = x -> outer
    g = x -> 3 * outer
    """
    error = mistake(X + text)
    assert error.span is not None and error.span.text == "x @ W"
    assert [(c.text, c.span.text, c.span.line) for c in error.calls] == [
        ("in outer", "outer", 8),
        ("in inner", "inner", 7),
    ]
    assert error.help == "write W[4, d]"


def test_an_error_inside_a_standard_layer_points_at_the_users_call() -> None:
    error = mistake("input x[N, 3, 8, 8]\nh = x -> relu -> conv(4, 9)\ng = h")
    assert error.span is not None and error.span.text == "conv(4, 9)" and error.span.line == 2
    assert any(n.startswith("inside the standard layer, std/layers.net") for n in error.notes)
    inside = mistake("layer f(x[N, c, h, w]) { return conv(x, 4, 9) }\ninput x[N, 3, 8, 8]\nh = f(x)")
    assert inside.span is not None and inside.span.text == "conv(x, 4, 9)"
    assert [c.span.text for c in inside.calls] == ["f(x)"]


@pytest.mark.parametrize(
    ("text", "title", "help"),
    [
        ("g = tahn(x)", "there is no layer or function called tahn", "did you mean tanh?"),
        ("hidden = x\ng = hiden", "there is no tensor or number called `hiden` here", "did you mean hidden?"),
        ("param W[4] ~ zero", "there is no initialiser called zero", "did you mean zeros?"),
        ("h = dense(x, widht = 3)", "dense has no argument called widht", "did you mean width?"),
        ("h = sum(x, axes = 1)", "sum has no argument called axes", "did you mean axis?"),
        ("h = relu(x, 1)", "relu takes 1 argument at most, and was given 2", ""),
        ("h = dense(x)", "dense needs width", "write dense(…, width = …)"),
        ("h = dense(x, 3, width = 4)", "dense was given width twice", ""),
        ("h = dense", "dense is a layer: it needs its tensor", "write h = dense(x, …) or x -> dense"),
        ("h = x(3)", "x is the tensor x[N, 4], not a layer or function",
         "write x * … for a product, x[…] for a part of it"),
        ("x = 3", "x is bound twice", "use another name; inside `repeat` alone a name may be bound again"),
        ("dim H = 3\nH = 4", "H is bound twice",
         "use another name; inside `repeat` alone a name may be bound again"),
        ("training = 3", "training has a meaning of its own and cannot be bound", "take another name"),
        ("dim H = x", "there is no tensor or number called `x` here", ""),
        ("dim H = 3, H = 4", "H is bound twice", ""),
        ("layer f(x[...]) { y = x }\nh = f(x)", "layer f returns nothing",
         "end it with return and what the layer gives"),
        ("layer f(x[...]) { return W }\nparam W[3] ~ ones\nh = f(x)",
         "a layer does not see `W`, which is bound on line 3, outside",
         "hand W to it as an argument: it sees its formals, bindings and the file's dims"),
        ("layer f(x[...]) { return x }\nlayer f(y[...]) { return y }", "two layers are called f", ""),
        ("repeat 2 { return x }", "return stands in a layer alone", ""),
        ("h <- x", "h is not a state: only a state becomes something else after a step",
         "write h = … for a name, or declare state h"),
        ("param w[4] ~ ones\nw <- w", "w is not a state: only a state becomes something else after a step",
         "parameters are changed by the optimizer"),
        ("state m[4] ~ zeros\nm <- sum(x)", "m is [4], and what it becomes is []", ""),
        ("if x > 0 { h = x }",
         "a condition is decided while compiling: from dims, hyper-parameters and `training`",
         "choose between tensors with where(condition, a, b)"),
        ("h = x -> 2.5 * dense(4)", "the number of repeats must be a whole number from 0 on, not 2.5", ""),
        ("repeat 20000 { h = x }", "20,000 turns are more than the 10,000 that are unrolled",
         "NETC_MAX_TURNS=100000 in the environment allows more"),
        ("h = x -> relu as r", "relu has no parameters of its own to name", ""),
        ("shared f = relu\nh = f(x)", "relu has no parameters to share", ""),
        ("shared f = dense(4)\nh = f(x, 3)",
         "f is one shared layer: give it its tensor alone", "write x -> f"),
        ("param V[3] ~ ones\nh = l2(params)\nparam W[3] ~ ones",
         "W comes too late for `params`, which was read on line 3",
         "read `params` behind the last parameter, or in the loss"),
        ("h = l2(params)", "params is not a list of tensors", ""),
        ("metric mean(x)\nmetric mean(x)", "two metrics are called mean",
         "give one another name: metric other = …"),
        ("loss mean(x)\nloss mean(x)", "a file has one loss", "add them up: loss a + b"),
        ("data npz()\ndata npz()", "a file has one data block", ""),
        ('include "a.net"', "cannot read a.net: No such file or directory",
         "the path of an included file begins at the folder of the file that names it"),
        ("h = (0 - 8) ^ 0.5 * x", "this root of a negative number is not real", ""),
        ("h = 1 / 0 * x", "1 / 0 has no finite value", ""),
        ("h = 10 ^ 9999 * x", "this power is out of range", ""),
        ("h = log(0) * x", "log of 0 is not a number", ""),
        ("h = x @ 3", "@ multiplies matrices, and 3 is a number: write * instead of @", ""),
        ('h = "a" * x', '"a" is a text, where a tensor or a number is wanted', ""),
        ("h = [x] + x", "[x] is a list, where a tensor or a number is wanted", ""),
        ("h = relu + x", "relu is a function's name, where a tensor or a number is wanted",
         "write relu(…)"),
    ],
)  # fmt: skip
def test_names_calls_and_kinds(text: str, title: str, help: str) -> None:
    error = mistake(X + text)
    assert (error.title, error.help) == (title, help)


@pytest.mark.parametrize(
    ("text", "title", "label"),
    [
        ("h[N, 5] = x", "h is declared [N, 5], and its value has [N, 4]", "this gives x[N, 4]"),
        ("param W[4, N] ~ glorot", "W cannot depend on the batch size N", "N changes from batch to batch"),
        ("param W[2.5] ~ ones", "2.5 is no size: an axis has a whole number of elements", ""),
        ("param W[-2] ~ ones", "an axis has 1 element at least, not -2", ""),
        ("input z[3]", "the first axis of an input is the batch: z[N, …]", "no N in front"),
        (
            "input z[N, N]",
            "only the first axis of an input is the batch N; the others have sizes of their own",
            "",
        ),
        ("h = x -> conv(3, 3)", "conv wants x[N, c, h, w], and was given x[N, 4]",
         "2 axes, where 4 are wanted"),
        ("layer f(x[N, 5]) { return x }\nh = f(x)", "f wants x[N, 5], and was given x[N, 4]",
         "5 are wanted, and axis 1 here has 4"),
        ("dim D = 5\nlayer f(x[N, D]) { return x }\nh = f(x)", "f wants x[N, D], and was given x[N, 4]",
         "D is 5, and axis 1 here has 4"),
        ("layer f(x[N, d], y[N, d]) { return x }\nh = f(x, x[:, 1:])",
         "f wants y[N, d], and was given x[:, 1:][N, 3]", "d is 4, and axis 1 here has 3"),
        ("h = x.T.T + sum(x, axis = 2)", "x has no axis 2", "its axes are 0 to 1"),
        ("h = reshape(x, [N, 3])", "cannot reshape x[N, 4] to [N, 3]", "4*N numbers cannot fill 3*N places"),
        ("h = sum(x).T", "sum(x)[] has no two axes to swap", ".T swaps the last two axes"),
        ("param b[4] ~ glorot", "glorot needs two axes, an input and an output; b has 1", ""),
        ("h = squeeze(x, axis = 1)", "axis 1 of x[N, 4] cannot be dropped", "it has 4 elements"),
        ("h = maxpool(x, 2)", "maxpool wants x[N, c, h, w] or x[N, c, w], and was given x[N, 4]",
         "x[N, 4] has 2 axes"),
    ],
)  # fmt: skip
def test_shapes(text: str, title: str, label: str) -> None:
    error = mistake(X + text)
    assert (error.title, error.label) == (title.replace("x has no axis 2", "x[N, 4] has no axis 2"), label)


def test_the_axes_of_an_ellipsis_agree() -> None:
    """NumPy would spread [N, 1] and [N] to [N, N], and train without a word."""
    error = mistake("input x[N, 4]\ninput y[N]\nguess = x -> dense(1)\nloss mse(guess, y)")
    assert error.title == "mse was given guess[N, 1] and y[N], which do not go together"
    assert error.label == "`...` in a[...] and b[...] is [N, 1] in the one and [N] in the other"
    assert error.help == "write squeeze(guess, axis = -1)"
    lower("input x[N, 4]\nloss mse(x, 1)")


def test_notes_say_where_an_asserted_size_came_from() -> None:
    error = mistake("dim H = 3\ninput x[N, 4]\nparam W[4, H] ~ glorot\nh[N, 4] = x @ W")
    assert error.notes == ("3 is H, from line 1; it reached this through W[4, H] on line 3",)


def test_a_layer_that_calls_itself_for_ever_is_stopped() -> None:
    error = mistake(X + "layer f(x[...]) { a = f(x)\n b = f(x)\n return a + b }\nh = f(x)")
    assert error.title == "layers call each other more than 60 deep; does f call itself?"


def test_a_layer_may_call_itself_with_an_end() -> None:
    body = "if n > 0 { return x -> dense(4) -> f(n - 1) } else { return x }"
    text = f"layer f(x[N, d], n) {{ {body} }}\nh = f(x, 3)"
    assert len(lower(X + text).variables) == 6


def test_mistakes_of_an_included_file_are_told_in_it() -> None:
    error = mistake(
        'include "a.net"\ninput x[N, 4]\nh = f(x)', files={"a.net": "\nlayer f(x[...]) { return q }"}
    )
    assert error.span is not None and (error.span.source.name, error.span.line) == ("a.net", 2)
    wrong = mistake('include "a.net"', files={"a.net": "input x[N, 4]"})
    assert wrong.title == "an included file holds layers, optimizers and dims alone"


def test_a_loss_without_a_number_for_each_sample_is_warned_of() -> None:
    (warning,) = lower(X + "param w[4] ~ ones\nloss w * mean(x, axis = 0)").warnings
    assert warning.title == "the loss has [4], and no number for each sample"
