"""Pictures outside of the compiler: calling Graphviz, writing files, showing in notebooks."""

from .drawing import Drawing
from .engine import RenderError

__all__ = ["Drawing", "RenderError"]
