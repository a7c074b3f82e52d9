"""What is looked at after a training: pages with curves, pictures and tables, each one file by itself."""

from .run import Kept, ReportError, compare, ranking, shown, write

__all__ = ["Kept", "ReportError", "compare", "ranking", "shown", "write"]
