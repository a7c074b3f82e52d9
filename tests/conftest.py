"""What holds for all tests."""

from __future__ import annotations

import os

import pytest

# Before NumPy is first imported: the tests multiply small matrices, in several processes at a time, and there
# the threads of BLAS wait for one another ten times longer than they work.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the expected outputs in tests/cases")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be rewritten."""
    return bool(request.config.getoption("--update"))
