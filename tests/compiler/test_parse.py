"""Every construct of the language to its exact tree."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from netc.compiler import ast
from netc.compiler.ast_text import show
from netc.compiler.diagnostics import Source, Span, SpecError
from netc.compiler.parse import parse, parse_expression

SPECS = Path(__file__).parents[2] / "specs"


def sexp(node: Any) -> str:
    """A tree in one line. A call without brackets ends with `!`."""
    match node:
        case None:
            return "_"
        case tuple():
            return " ".join(sexp(n) for n in node)
        case ast.Number():
            return f"{node.value}%" if node.percent else str(node.value)
        case ast.String():
            return f'"{node.value}"'
        case ast.Name():
            return node.text
        case ast.Unary():
            return f"({node.op} {sexp(node.operand)})"
        case ast.Binary():
            assert node.op_span.text == node.op
            return f"({node.op} {sexp(node.left)} {sexp(node.right)})"
        case ast.Transpose():
            return f"(T {sexp(node.operand)})"
        case ast.Call(bare=True):
            return f"{node.function.text}!"
        case ast.Call():
            return f"({' '.join(map(sexp, (node.function, *node.positional, *node.keywords)))})"
        case ast.Keyword():
            return f"{node.name.text}={sexp(node.value)}"
        case ast.Pipe():
            return f"({sexp(node.head)} -> {' -> '.join(map(sexp, node.stages))})"
        case ast.Stage():
            count = f"{sexp(node.count)} x " if node.count else ""
            return count + sexp(node.call) + (f" as {node.pin.text}" if node.pin else "")
        case ast.Pinned():
            return f"({sexp(node.call)} as {node.pin.text})"
        case ast.Slice():
            return f"{sexp(node.start)}:{sexp(node.stop)}:{sexp(node.step)}"
        case ast.Ellipsis_():
            return "..."
        case ast.Index():
            return f"(at {sexp(node.operand)} {sexp(node.items)})"
        case ast.ListExpr():
            return f"[{sexp(node.items)}]"
        case ast.Shape():
            return f"[{sexp(node.dims)}]"
        case ast.Shaped():
            return node.name.text + (sexp(node.shape) if node.shape else "")
        case ast.Formal():
            default = f"={sexp(node.default)}" if node.default else ""
            return node.name.text + (sexp(node.pattern) if node.pattern else "") + default
        case ast.Declaration():
            return f"({node.kind} {sexp(node.tensors)} ~ {sexp(node.initialiser)})"
        case ast.LayerDef() | ast.OptimizerDef():
            kind = type(node).__name__.removesuffix("Def").lower()
            return f"({kind} {node.name.text} ({sexp(node.formals)}) {{{sexp(node.body)}}})"
        case ast.Setting():
            return f"{node.name.text}={sexp(node.value)}"
        case ast.Data():
            return f"(data {sexp(node.source)} {{{sexp(node.settings)}}})"
        case ast.Train():
            return f"(train {sexp(node.optimizer)} {{{sexp(node.settings)}}})"
        case ast.Repeat():
            return f"(repeat {sexp(node.count)} {sexp(node.counter)} {{{sexp(node.body)}}})"
        case ast.If():
            return f"(if {sexp(node.condition)} {{{sexp(node.body)}}} {{{sexp(node.orelse)}}})"
        case ast.Scan():
            block = sexp((*node.carries, *node.body))
            return f"(scan {sexp(node.sequence)} {node.item.text} {{{block}}})"
        case ast.Module():
            return sexp(node.items)
        case _:
            parts = [getattr(node, f.name) for f in fields(node) if f.name != "span"]
            return f"({type(node).__name__.removesuffix('Def').lower()} {' '.join(map(sexp, parts))})"


def tree(text: str) -> str:
    return sexp(parse(Source("a.net", text)))


EXPRESSIONS = {
    "16": "16",
    "1e-3": "0.001",
    "0.5": "0.5",
    ".5": "0.5",
    "2.": "2.0",
    "10%": "0.1%",
    "0": "0",
    '"data/"': '"data/"',
    "θ": "θ",
    "y\u0302": "ŷ",  # a combining mark is part of the name, which is told in one spelling
    "µ": "μ",  # the micro sign is the Greek letter
    "data + loss * param": "(+ data (* loss param))",
    "a + b - c": "(- (+ a b) c)",
    "a * b @ c / d": "(/ (@ (* a b) c) d)",
    "a + b * c": "(+ a (* b c))",
    "-a * b": "(* (- a) b)",
    "-a ^ 2": "(- (^ a 2))",
    "a ^ -b": "(^ a (- b))",
    "a ^ b ^ c": "(^ a (^ b c))",
    "--a": "(- (- a))",
    "x.T ^ 2": "(^ (T x) 2)",
    "a == b + 1": "(== a (+ b 1))",
    "(a < b) != (c >= d)": "(!= (< a b) (>= c d))",
    "not a and b or c <= d": "(or (and (not a) b) (<= c d))",
    "a or b and not c > d": "(or a (and b (not (> c d))))",
    "f()": "(f)",
    "f(a, b, k = 1, axis = [0, 2],)": "(f a b k=1 axis=[0 2])",
    "f(x -> g, y)": "(f (x -> g!) y)",
    "f(a,\n\n  b # why\n)": "(f a b)",
    "(q @ Wk).T": "(T (@ q Wk))",
    "valid.accuracy": "valid.accuracy",
    "logits.dense1.W.T": "(T logits.dense1.W)",
    "E[t]": "(at E t)",
    "x[:, 0:3]": "(at x _:_:_ 0:3:_)",
    "x[..., ::2]": "(at x ... _:_:2)",
    "x[-1, 1:, :-1, a:b:c]": "(at x (- 1) 1:_:_ _:(- 1):_ a:b:c)",
    "x[0][1]": "(at (at x 0) 1)",
    "[]": "[]",
    "[N, c / 2, ...]": "[N (/ c 2) ...]",
    "[[1, 2], [3]]": "[[1 2] [3]]",
    "x -> f": "(x -> f!)",
    "x -> f(a, k = 1) -> g()": "(x -> (f a k=1) -> (g))",
    "E[t] + P -> 4 * block -> layernorm": "((+ (at E t) P) -> 4 x block! -> layernorm!)",
    "x -> 2 * L * block(C)": "(x -> (* 2 L) x (block C))",
    "x -> (L + 1) * block as b": "(x -> (+ L 1) x block! as b)",
    "x -> conv(10, 5) as c1 -> relu": "(x -> (conv 10 5) as c1 -> relu!)",
    "x + (x -> a -> b)": "(+ x (x -> a! -> b!))",
    "(x -> f) -> g": "((x -> f!) -> g!)",
    "x\n  -> f\n\n  # a remark\n  -> g": "(x -> f! -> g!)",
    "conv(x, 10, 5) as c1": "((conv x 10 5) as c1)",
    "relu(conv(x, 10, 5) as c1)": "(relu ((conv x 10 5) as c1))",
    "grad(mse(a, b), t)": "(grad (mse a b) t)",
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression(text: str) -> None:
    assert sexp(parse_expression(Source("H", text))) == EXPRESSIONS[text]
    assert tree(f"h = {text}") == f"(binding h {EXPRESSIONS[text]})"


STATEMENTS = {
    "": "",
    "\n # nothing\n\n": "",
    "dim H = 16, C = 2 * H": "(dim H 16) (dim C (* 2 H))",
    "input x[N, 3, 32, 32]": "(input x[N 3 32 32] _)",
    "input y[N] : class(10)": "(input y[N] 10)",
    "input data[N]": "(input data[N] _)",
    "param W1[3072, H], W2[H, 10] ~ glorot": "(param W1[3072 H] W2[H 10] ~ glorot!)",
    "param P[T, 2 * D] ~ normal(0, 0.02)": "(param P[T (* 2 D)] ~ (normal 0 0.02))",
    "param b[2] ~ 0.5": "(param b[2] ~ 0.5)",
    "param b[2] ~ -1": "(param b[2] ~ -1)",
    "param scale[] ~ ones": "(param scale[] ~ ones!)",
    "state m[c] ~ zeros": "(state m[c] ~ zeros!)",
    "state v ~ zeros": "(state v ~ zeros!)",
    "h = tanh(x @ W1 + b1)": "(binding h (tanh (+ (@ x W1) b1)))",
    "h[N, 16] = x": "(binding h[N 16] x)",
    "s[] = sum(x)": "(binding s[] (sum x))",
    "shared enc = dense(64)": "(shared enc (dense 64))",
    "shared act = relu": "(shared act relu!)",
    "m <- 0.9 * m + 0.1 * mean(x, axis = 0)": "(update m (+ (* 0.9 m) (* 0.1 (mean x axis=0))))",
    "repeat 3 as i { h = h -> dense(16 * i) }": "(repeat 3 i {(binding h (h -> (dense (* 16 i))))})",
    "repeat L { }": "(repeat L _ {})",
    "repeat 2 * L\n{\n h = x\n\n k = h\n}": "(repeat (* 2 L) _ {(binding h x) (binding k h)})",
    "if stride > 1 { a = b } else { a = c }": "(if (> stride 1) {(binding a b)} {(binding a c)})",
    "if training { a = b }": "(if training {(binding a b)} {})",
    "if a { b = 1 }\nelse if c { b = 2 }\nelse { b = 3 }": (
        "(if a {(binding b 1)} {(if c {(binding b 2)} {(binding b 3)})})"
    ),
    "scan x as xt { carry h[N, width] = 0\n h = tanh(xt @ W + h @ U + b) }": (
        "(scan x xt {(carry h[N width] 0) (binding h (tanh (+ (+ (@ xt W) (@ h U)) b)))})"
    ),
    "scan x as xt {\n carry h[N] = 0, c[N] = 1\n carry s = 2\n h = c\n}": (
        "(scan x xt {(carry h[N] 0) (carry c[N] 1) (carry s 2) (binding h c)})"
    ),
    "layer f(x[N, c], width, k = 3) {\n y = x\n return y\n}": (
        "(layer f (x[N c] width k=3) {(binding y x) (return y)})"
    ),
    "layer f(x[..., d],\n  y[d], ) { return x -> g }": "(layer f (x[... d] y[d]) {(return (x -> g!))})",
    "layer f() { dim c = 2 }": "(layer f () {(dim c 2)})",
    "optimizer sgd(lr = 0.01) { param <- param - lr * gradient }": (
        "(optimizer sgd (lr=0.01) {(update param (- param (* lr gradient)))})"
    ),
    "output logits": "(output logits logits)",
    "output probabilities = softmax(logits)": "(output probabilities (softmax logits))",
    "output softmax(logits)": "(output softmax (softmax logits))",
    "output x -> a -> b as c": "(output c (x -> a! -> b! as c))",
    "loss cross_entropy(logits, y) + 1e-4 * l2(params)": (
        "(loss (+ (cross_entropy logits y) (* 0.0001 (l2 params))))"
    ),
    "loss (a)": "(loss a)",
    "loss -a": "(loss (- a))",
    "metric accuracy(logits, y)": "(metric accuracy (accuracy logits y))",
    "metric logits -> accuracy(y)": "(metric accuracy (logits -> (accuracy y)))",
    "metric err = 1 - accuracy(logits, y)": "(metric err (- 1 (accuracy logits y)))",
    "metric data = mse(a, b)": "(metric data (mse a b))",
    'data cifar10("data/") { x = image / 255, y = label, valid = 10% }': (
        '(data (cifar10 "data/") {x=(/ image 255) y=label valid=0.1%})'
    ),
    "data digits": "(data digits! {})",
    "data digits {\n x = image\n loss = y,\n valid = 3,\n}": "(data digits! {x=image loss=y valid=3})",
    "train sgd(lr = 0.1) { epochs = 10, batch = 16 }": "(train (sgd lr=0.1) {epochs=10 batch=16})",
    "train adam\n{\n stop = patience(3,\n on = valid.accuracy)\n}": (
        "(train adam! {stop=(patience 3 on=valid.accuracy)})"
    ),
    'include "blocks.net"': '(include "blocks.net")',
    "loss <- 3": "(update loss 3)",
    "h = x\r\n\r\nk = x -> f\r\n  -> g\r\n": "(binding h x) (binding k (x -> f! -> g!))",
    "\ufeffh\u00a0=\tx # remark": "(binding h x)",
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_statement(text: str) -> None:
    assert tree(text) == STATEMENTS[text]
    expected, text = STATEMENTS[text], text.removeprefix("\ufeff")
    assert tree(f"a = 1\n{text}\nb = 2").split() == f"(binding a 1) {expected} (binding b 2)".split()


@pytest.mark.parametrize("text", ["mlp", "residual", "chars"])
def test_normative_file(text: str) -> None:
    module = parse(Source(text, (SPECS / f"{text}.net").read_text("utf-8")))
    kinds = [type(item).__name__ for item in module.items]
    assert kinds[-4:] == ["Loss", "Metric", "Data", "Train"]
    assert kinds[0] == "DimDef"


def test_normative_residual_chain() -> None:
    module = parse(Source("residual.net", (SPECS / "residual.net").read_text("utf-8")))
    block = module.items[2]
    assert sexp(block) == (
        "(layer block (x[N c h w]) {(binding z[N c h w] (x -> (conv c 3 pad=1) -> batchnorm! -> relu!"
        " -> (conv c 3 pad=1) -> batchnorm!)) (return (relu (+ x z)))})"
    )


def test_every_shipped_file_parses() -> None:
    for path in SPECS.rglob("*.net"):
        parse(Source(path.name, path.read_text("utf-8")))


def nodes(tree: Any) -> list[Any]:
    """All nodes of a tree."""
    found, pending = [], [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending += node
        elif is_dataclass(node) and not isinstance(node, Span):
            found.append(node)
            pending += [getattr(node, f.name) for f in fields(node)]
    return found


def test_spans() -> None:
    text = (
        "param W[3072, 2 * H] ~ normal(0, 1)\n"
        "layer f(x[..., d], k = 3) { return ((x + k)) }\n"
        "h[N, 16] = (x -> 2 * f(k = 4) as c).T[0:2, ...]\n"
        "if a { b = -c ^ 2 } else { b = 3 }\n"
    )
    module = parse(Source("a.net", text))
    spans = {(type(n).__name__, n.span.text) for n in nodes(module)}
    assert spans >= {
        ("Declaration", "param W[3072, 2 * H] ~ normal(0, 1)"),
        ("Shaped", "W[3072, 2 * H]"),
        ("Shape", "[3072, 2 * H]"),
        ("Number", "3072"),
        ("Binary", "2 * H"),
        ("Call", "normal(0, 1)"),
        ("LayerDef", "layer f(x[..., d], k = 3) { return ((x + k)) }"),
        ("Formal", "x[..., d]"),
        ("Ellipsis_", "..."),
        ("Formal", "k = 3"),
        ("Return", "return ((x + k))"),
        ("Binary", "((x + k))"),
        ("Binding", "h[N, 16] = (x -> 2 * f(k = 4) as c).T[0:2, ...]"),
        ("Shape", "[N, 16]"),
        ("Pipe", "(x -> 2 * f(k = 4) as c)"),
        ("Stage", "2 * f(k = 4) as c"),
        ("Call", "f(k = 4)"),
        ("Keyword", "k = 4"),
        ("Transpose", "(x -> 2 * f(k = 4) as c).T"),
        ("Slice", "0:2"),
        ("If", "if a { b = -c ^ 2 } else { b = 3 }"),
        ("Unary", "-c ^ 2"),
        ("Module", text),
    }


def test_positions_in_lines() -> None:
    module = parse(Source("a.net", "# ŷ\r\n\n  h = x +\ty\n"))
    binding = module.items[0]
    assert isinstance(binding, ast.Binding) and isinstance(binding.value, ast.Binary)
    assert (binding.span.line, binding.span.column) == (3, 3)
    assert (binding.value.op_span.line, binding.value.op_span.column) == (3, 9)


def test_show() -> None:
    module = parse(
        Source(
            "a.net", "dim H = 16\nh[N, H] = x -> 2 * dense(H, bias = true) as d\nrepeat 3 as i { m <- -m }\n"
        )
    )
    assert show(module) == (
        "module\n"
        "  dim H\n"
        "    number 16\n"
        "  binding\n"
        "    shaped h [N, H]\n"
        "    pipe\n"
        "      name x\n"
        "      stage as d\n"
        "        call dense\n"
        "          name H\n"
        "          keyword bias\n"
        "            name true\n"
        "        count number 2\n"
        "  repeat as i\n"
        "    count number 3\n"
        "    update m\n"
        "      unary -\n"
        "        name m\n"
    )


@pytest.mark.parametrize("text", ["", "2 3", "h = 3", "2\n3", "(2", "2)", "dim H", "{"])
def test_an_override_is_one_expression(text: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_expression(Source("H", text))
    assert len(error.value.diagnostics) == 1
