"""How large a file and its network may be. Each limit can be raised: NETC_MAX_TURNS=50000 as a variable."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from os import environ

LIMITS: Mapping[str, tuple[int, str]] = {
    "characters": (100_000, "of a file"),
    "nesting": (200, "brackets, blocks and operators within one another"),
    "depth": (60, "layers that call one another"),
    "turns": (10_000, "of one repeat, scan or `count * layer`"),
    "statements": (25_000, "statements and calls that lowering walks through, all repeats unrolled"),
    "operations": (30_000, "of one graph, with its gradients and updates"),
    "elements": (2**48, "of one tensor"),
}


def most(name: str) -> int:
    """A limit: the default, or a larger number from the environment."""
    default = LIMITS[name][0]
    given = environ.get(variable(name), "")
    if not given.isdecimal() or int(given) <= default:
        return default
    if name in ("nesting", "depth"):
        # Lowering follows layers and expressions by recursion.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 30 * int(given)))
    return int(given)


def variable(name: str) -> str:
    """The environment variable that raises a limit."""
    return f"NETC_MAX_{name.upper()}"


def raising(name: str) -> str:
    """How to raise a limit, for the help of a message."""
    return f"{variable(name)}={10 * most(name)} in the environment allows more"
