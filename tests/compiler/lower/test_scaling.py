"""Ten times the operations cost about ten times the time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.lower import Lowering
from netc.compiler.network import Network


def written_out(size: int) -> str:
    lines = ["h0 = x", *(f"h{i + 1} = tanh(h{i}) * w" for i in range(size))]
    return "input x[N, 8]\nparam w[8] ~ ones\n" + "\n".join(lines) + f"\nloss mean(h{size})\ntrain sgd()"


def repeated(size: int) -> str:
    return f"input x[N, 8]\nh = x\nrepeat {size} {{ h = h -> dense(8) -> tanh }}\nloss mean(h)\ntrain adam()"


def piped(size: int) -> str:
    return f"input x[N, 8]\nh = x -> {size} * dense(8)\nloss mean(h)\ntrain sgd()"


def scanned(size: int) -> str:
    return f"input x[N, {size}, 8]\nh = x -> rnn(8)\nloss mean(h)\ntrain sgd()"


def side_by_side(size: int) -> str:
    return "input x[N, 8]\n" + "\n".join(f"h{i} = x -> dense(3)" for i in range(size)) + "\nloss mean(h0)"


def timed(text: str) -> tuple[float, Network]:
    """Processor time for the text to become graphs, the best of two."""
    times: list[float] = []
    for _ in range(2):
        start = time.process_time()
        network = Lowering(Source("test.net", text)).network()
        times.append(time.process_time() - start)
    return min(times), network


@pytest.mark.parametrize(
    ("build", "small"),
    [(written_out, 120), (repeated, 18), (piped, 60), (scanned, 35), (side_by_side, 130)],
)
def test_time_grows_with_the_number_of_operations(build: Callable[[int], str], small: int) -> None:
    (before, few), (after, many) = timed(build(small)), timed(build(10 * small))
    growth = (len(many.training) + len(many.evaluating)) / (len(few.training) + len(few.evaluating))
    assert 8 < growth < 12 and len(many.training) + len(many.evaluating) > 10_000
    assert after < 3 * growth * before  # squared it would be 10 times
    assert after < 20
