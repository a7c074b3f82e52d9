from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from netc.runtime.native.adapt import AdaptiveThreads

STEPS = [20e-6, 500e-6, 30e-3]  # seconds on one thread


def train(adaptive: AdaptiveThreads, seconds: float, step: Callable[[int], float]) -> list[tuple[int, float]]:
    """The threads and the seconds of each step, for so long."""
    made: list[tuple[int, float]] = []
    passed = 0.0
    while passed < seconds:
        threads = adaptive.threads
        made.append((threads, step(threads)))
        adaptive.took(made[-1][1])
        passed += made[-1][1]
    return made


def share(made: list[tuple[int, float]], threads: int) -> float:
    return sum(n == threads for n, _ in made) / len(made)


@pytest.mark.parametrize("one", STEPS)
def test_a_quiet_machine_has_all_threads_and_loses_little(one: float):
    made = train(AdaptiveThreads(4), 2000 * max(one, 1e-3), lambda threads: one / threads)
    assert made[0][0] == 4
    lost = sum(seconds for _, seconds in made) / (len(made) * one / 4) - 1
    assert lost < 0.03


@pytest.mark.parametrize("one", STEPS)
def test_a_busy_machine_has_one_thread(one: float):
    made = train(AdaptiveThreads(2), 2000 * max(one, 1e-3), lambda threads: one * (1 if threads == 1 else 5))
    assert share(made, 1) > 0.9
    assert share(made[len(made) // 2 :], 1) > 0.97


@pytest.mark.parametrize("one", STEPS)
def test_it_follows_the_machine(one: float):
    adaptive = AdaptiveThreads(2)
    span = 1000 * max(one, 1e-3)

    def quiet(threads: int) -> float:
        return one / threads

    def busy(threads: int) -> float:
        return one * (2 if threads == 1 else 10)

    for step, best in ((quiet, 2), (busy, 1), (quiet, 2), (busy, 1)):
        made = train(adaptive, span, step)
        assert share(made[len(made) // 2 :], best) > 0.9


def test_being_interrupted_does_not_mislead_it():
    draws = np.random.default_rng(3)

    def step(threads: int) -> float:
        seconds = 50e-6 / threads
        return seconds + (3e-3 if draws.random() < seconds / 20e-3 else 0)

    assert share(train(AdaptiveThreads(2), 10, step), 2) > 0.9


def test_calls_of_many_steps():
    adaptive = AdaptiveThreads(2)
    for _ in range(200):
        steps = 100 if adaptive.threads == 2 else 7  # the caller may cut a trial short
        adaptive.took(steps * 1e-3 * (3 if adaptive.threads == 2 else 1), steps)
    assert adaptive.threads == 1


def test_one_thread_is_all_there_is():
    assert set(train(AdaptiveThreads(1), 0.5, lambda threads: 1e-4)) == {(1, 1e-4)}


def test_a_number_that_was_asked_for_stays() -> None:
    made = train(AdaptiveThreads(3, 3), 2, lambda threads: 1e-3 * threads)
    assert share(made, 3) == 1
