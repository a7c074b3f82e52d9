"""The process of a `Plotter`: draws the lists of plots that come in, and gives all their SVG in the end."""

from __future__ import annotations

import pickle
import sys
from contextlib import suppress

from .draw import draw

svgs: list[str] = []
with suppress(EOFError):
    while True:
        svgs += [draw(plot) for plot in pickle.load(sys.stdin.buffer)]
sys.stdout.buffer.write(pickle.dumps(svgs))
