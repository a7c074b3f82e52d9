"""The functions of the language that are primitives, or a few of them in a row: FUNCTIONS, by name."""

from . import elementwise, movement, reductions, windows
from .function import FUNCTIONS, Function, Parameter, Place

__all__ = ["FUNCTIONS", "Function", "Parameter", "Place", "elementwise", "movement", "reductions", "windows"]
