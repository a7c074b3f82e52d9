"""The references of contractions, windows, leaves and random tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

REFERENCES_WINDOW: dict[str, Callable[..., Any]] = {}
