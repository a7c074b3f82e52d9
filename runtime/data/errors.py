"""What every part of the data's side raises."""

from pathlib import Path


class DataError(Exception):
    """The data, or the words that name them, are wrong.

    message: what is wrong; path: the file or folder; place: where in it; help: how to mend it.
    """

    def __init__(
        self, message: str, path: Path | str | None = None, place: str | None = None, help: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else str(path)
        self.place = place
        self.help = help

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.path, self.place) if part)
        return _visible(f"{where}: {self.message}" if where else self.message)


def _visible(text: str) -> str:
    """The text without what is not printed: names out of damaged files shall not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
