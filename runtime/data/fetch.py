"""Brings published data sets to this machine."""

from pathlib import Path

from filelock import FileLock

from ...grammar.store import cache_folder
from .download import Listener, download, intact
from .errors import DataError
from .published import PUBLISHED, Download
from .source import nearest
from .unpack import unpack


def fetch(name: str, folder: Path | None = None, tell: Listener = lambda name, done, total: None) -> Path:
    """Get a data set into a folder, or into the cache, where its source finds it; the folder.

    What is there already, whole, is not fetched again. tell hears how each file gets on. Raises DataError
    where the files cannot be had, and OSError where they cannot be written.
    """
    if name not in PUBLISHED:
        help = nearest(name, list(PUBLISHED)) or f"there are {', '.join(PUBLISHED)}"
        raise DataError(f"no data set called {name} can be fetched", help=help)
    target = cache_folder(name) if folder is None else folder
    if all(_is_in(target, wanted) for wanted in PUBLISHED[name]):
        return target
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):  # another process may be fetching the same, and is waited for
        for wanted in PUBLISHED[name]:
            if not _is_in(target, wanted):
                path = download(wanted, target, tell)
                if wanted.members:
                    unpack(path, target, wanted.members)
                    path.unlink()
    return target


def _is_in(folder: Path, wanted: Download) -> bool:
    return all(intact(folder / file.name, file) for file in wanted.members or (wanted.file,))
