"""From graphs to pictures: pure, a network in, DOT text out."""

from .views import DrawError, Options, View, draw

__all__ = ["DrawError", "Options", "View", "draw"]
