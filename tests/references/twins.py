"""The training runs of tests/parity/cases.py once more, in plain PyTorch."""

from __future__ import annotations

from .twins_of_examples import EXAMPLES
from .twins_of_images import IMAGES
from .twins_of_optimizers import OPTIMIZERS

TWINS = OPTIMIZERS | IMAGES | EXAMPLES
