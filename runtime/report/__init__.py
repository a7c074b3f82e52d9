"""What is looked at after a training: pages with curves, pictures and tables, each one file by itself."""

from .comparison import compare, ranked, ranking
from .kept import Kept, ReportError, shown
from .run import write

__all__ = ["Kept", "ReportError", "compare", "ranked", "ranking", "shown", "write"]
