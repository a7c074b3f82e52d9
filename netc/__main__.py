"""The command line's way in: the process around it, its signals and its exit status."""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
from collections.abc import Sequence

YOUNG = 50_000  # objects between two searches for cycles among them; Python's 700 took a third of compiling


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status. No exception gets out."""
    gc.set_threshold(YOUNG)
    atexit.register(_end)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets another one in its place, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:  # imported here, or Ctrl-C would end these imports with a traceback
        from .cli import PIPE_CLOSED, refused, run
        from .runtime.interrupt import terminations
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    with terminations():
        status = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = PIPE_CLOSED
    except OSError as error:
        status = refused(error)
    if status == PIPE_CLOSED:
        # What is still in the buffer has nowhere to go; the interpreter would complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _end() -> None:
    """All is done: Ctrl-C comes too late for more than a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # or the interpreter would look for cycles in all that ends with it: 40 ms


if __name__ == "__main__":
    main()
