"""Scripts are written to a file and run by another Python, which knows NumPy alone."""

import subprocess
import sys

import numpy as np
import pytest

import netc.compiler.ops  # noqa: F401  (fills the registry)
from netc.compiler.build import Builder
from netc.compiler.differentiate import differentiate
from netc.compiler.emit.script import Recipe, script
from netc.compiler.ir import Graph, N, Result, TensorType

READ = '''\
def read_line(count):
    """Points of y = 3 x - 1."""
    x = np.linspace(-1, 1, count, dtype=np.float32)[:, None]
    return {"train": {"x": x, "y": 3 * x - 1}, "test": {"x": x[::2], "y": 3 * x[::2] - 1}}
'''
SPEC = 'dim H = 1\n# a quote """ and a backslash \\ in a comment\n'


def predicted(b):
    """Squared errors of w x + b: [N, 1]."""
    x, y = (b.add("column", (), TensorType("float32", (N, 1)), name=name) for name in ("x", "y"))
    w, c = (b.add("param", (), TensorType("float32", shape), name=name) for name, shape in PARAMETERS)
    error = x @ w + c - y
    return error * error, (w, c)


PARAMETERS = (("l.w", (1, 1)), ("l.b", (1,)))


def line(**settings):
    train, evaluate, finish = Graph(), Graph(), Graph()
    b = Builder(train)
    errors, parameters = predicted(b)
    loss = errors.sum((0, 1)) / b.size(N)
    with b.within(stage="backward"):
        gradients = differentiate(b, loss.id, [p.id for p in parameters])
    rate = 0.2 * (
        1.0
        - b.apply("counter", which="step", dtype="float32")
        / b.apply("counter", which="steps", dtype="float32")
    )
    with b.within(stage="update"):
        for (name, _), p, gradient in zip(PARAMETERS, parameters, gradients, strict=True):
            train.results[Result("update", name)] = (p - gradient * rate).id
    train.results[Result("metric", "mse")] = (errors.sum((0, 1)) / b.size(N)).id
    train.results[Result("loss", "loss")] = loss.id
    b = Builder(evaluate)
    errors, _ = predicted(b)
    evaluate.results |= {
        Result("metric", "total0"): b.size(N).id,
        Result("metric", "total1"): errors.sum((0, 1)).id,
    }
    b = Builder(finish)
    total, count = (b.add("input", (), TensorType("float32", ()), name=name) for name in ("total1", "total0"))
    finish.results |= {
        Result("loss", "loss"): (total / count).id,
        Result("metric", "mse"): (total / count).id,
    }
    given = {
        "name": "line.net",
        "source": SPEC,
        "imports": ("import gzip",),
        "functions": (READ,),
        "data": "read_line(50)",
        "variables": {name: f"np.zeros({shape}, np.float32)" for name, shape in PARAMETERS},
        "epochs": 4,
        "batch": 8,
        "seed": 1,
        "train": train,
        "evaluate": evaluate,
        "finish": finish,
        "order": "np.arange(samples)",
        "evaluation_batch": 10,
    }
    return script(Recipe(**given | settings))


def run(text, folder):
    path = folder / "line.py"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-I", "-W", "error", str(path)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


def by_hand(epochs, steps):
    """The same training in double precision; gives the loss over the training and test points after it."""
    x = np.linspace(-1, 1, 50)
    y, w, b, t = 3 * x - 1, 0.0, 0.0, 0
    for _ in range(epochs):
        for first in range(0, 50, 8):
            if t == steps:
                break
            some, error = slice(first, first + 8), None
            error = w * x[some] + b - y[some]
            rate = 0.2 * (1 - t / steps)
            w, b = w - rate * 2 * (error * x[some]).mean(), b - rate * 2 * error.mean()
            t += 1
    return ((w * x[::2] + b - y[::2]) ** 2).mean()


def test_a_script_trains_by_itself(tmp_path):
    lines = run(line(), tmp_path)
    assert len(lines) == 4
    assert lines[-1].startswith("epoch 4  train loss ")
    words = lines[-1].split()
    assert words[-4:] == ["loss", words[-3], "mse", words[-1]]
    assert float(words[-3]) == pytest.approx(by_hand(4, 28), abs=2e-4)


def test_a_script_stops_after_its_steps(tmp_path):
    lines = run(line(steps=9, epochs=2), tmp_path)
    assert float(lines[-1].split()[-1]) == pytest.approx(by_hand(2, 9), abs=2e-4)


def test_the_script_tells_the_seven_steps():
    text = line()
    main = text[text.index("def main") :]
    places = [main.index(f"# {number}. ") for number in (1, 6, 2, 7)]
    assert places == sorted(places)
    step = text[text.index("def make_step") : text.index("def make_measure")]
    places = [step.index(f"# {number}. ") for number in (2, 3, 4, 5)]
    assert places == sorted(places)
    assert text.count("\ndef make_") == 3  # for all sizes of a batch


def test_starting_values_may_come_from_the_training_split(tmp_path):
    variables = {"l.w": "train['x'][:1] * 0", "l.b": "np.zeros((1,), np.float32)"}
    text = line(variables=variables)
    assert "def initialise(train):" in text
    assert run(text, tmp_path) == run(line(), tmp_path)
