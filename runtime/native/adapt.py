"""One thread or all: whichever is faster on the machine as it is now."""

from __future__ import annotations

from collections import deque
from statistics import median

BLOCK = 10e-3  # seconds, and no fewer than two calls: less says more of the scheduler than of the work
COST = 0.01  # the share of the time that trying may cost
FASTER = 0.95  # what the other choice must bring
CHANGED = 1.5  # times as fast or slow: then the machine is another


class AdaptiveThreads:
    """How many threads the next call should run on.

    Where other processes want the cores, a step on several threads can be much slower than on one, because
    all of them wait for the slowest. So the other choice is tried now and then, and at once when the time of
    a step has changed. What is computed does not depend on it.
    """

    def __init__(self, most: int, fewest: int = 1) -> None:
        """most: the threads of a call that has all. fewest: the other choice; the same if there is none."""
        self._choices = (most, fewest)
        self._chosen = 0
        self._recent: deque[float] = deque(maxlen=3)  # seconds a step, of blocks
        self._level = 0.0  # what they were when it was last decided
        self._trying = False
        self._ran = 0.0  # seconds since then
        self._until = 0.0  # and when to try again
        self._begin_block()

    @property
    def threads(self) -> int:
        """For the next call."""
        return self._choices[self._chosen ^ self._trying]

    def took(self, seconds: float, steps: int = 1) -> None:
        """Tell how long a call on `threads` threads took, and how many steps of training it made."""
        self._calls += 1
        self._seconds += seconds
        self._steps += steps
        if self._calls < 2 or self._seconds < BLOCK or self._choices[0] == self._choices[1]:
            return
        step, block, steps = self._seconds / self._steps, self._seconds, self._steps
        self._begin_block()
        if self._trying:
            self._decide(step, lost=block - steps * median(self._recent))
            return
        self._recent.append(step)
        self._ran += block
        if len(self._recent) < 3:
            return
        usual = median(self._recent)
        if not self._level:
            self._level, self._until = usual, _pause(block / 4)
        changed = not self._level / CHANGED < usual < self._level * CHANGED
        self._trying = changed or self._ran > self._until

    def _decide(self, step: float, lost: float) -> None:
        """step: seconds by the other choice; lost: what it took beyond the usual."""
        usual = median(self._recent)
        if step < FASTER * usual:
            self._chosen ^= 1
            self._recent.clear()
            usual = step
        self._trying, self._level = False, usual
        self._ran, self._until = 0.0, _pause(abs(lost))

    def _begin_block(self) -> None:
        self._calls, self._seconds, self._steps = 0, 0.0, 0


def _pause(lost: float) -> float:
    """Seconds after which a trial that loses so many may be made."""
    return max(lost, BLOCK / 4) / COST
