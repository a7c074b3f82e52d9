"""The command line, and what every kind of failure ends with."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Sequence

import click

from . import __version__
from .commands import Commands
from .compiler.diagnostics import InternalError, SpecError
from .console import fail, report, say

WRONG, USAGE, INTERRUPTED = 1, 2, 130
PIPE_CLOSED = 141  # as a shell has it for a program that SIGPIPE ended

REPORT = "this is a bug in netc: please report it, with the .net file"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netc")
def command() -> None:
    """A compiler for neural networks that people can read.

    SPEC is a .net file, `-` for standard input, or the name of an example that ships with netc:

        netc train digits
    """


def run(arguments: Sequence[str] | None) -> int:
    """Run a command; gives the exit status. No exception gets out."""
    try:
        return command.main(arguments, prog_name="netc", standalone_mode=False) or 0
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except SystemExit:  # what click makes of a closed pipe
        return PIPE_CLOSED
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        fail(error.format_message())
        return WRONG
    except (click.Abort, KeyboardInterrupt) as error:  # the first is what click makes of the second
        return _interrupted(error) or _bug(_where(error))
    except SpecError as error:
        report(error.diagnostics)
        return WRONG
    except OSError as error:
        return PIPE_CLOSED if isinstance(error, BrokenPipeError) else refused(error)
    except MemoryError:
        fail("the memory does not suffice", "take a smaller batch or network")
        return WRONG
    except InternalError as error:
        return _bug(str(error))
    except Exception as error:
        return _interrupted(error) or _told(error) or _bug(_where(error))


def _interrupted(error: BaseException) -> int:
    """The status where a signal is behind an error, which libraries turn into others; 0 elsewhere."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return 0
    say("interrupted")
    return getattr(cause, "status", INTERRUPTED)


def _told(error: Exception) -> int:
    """Say what an error means that is no bug, other than those above; 0 if this is a bug."""
    try:
        from .runs import RunError
        from .runtime.checkpoint import CheckpointError
        from .runtime.data.errors import DataError
        from .runtime.device import DeviceError
        from .runtime.report import ReportError
    except (ImportError, SyntaxError):  # then that is the cause
        return 0
    match error:
        case DataError() | RunError() | ReportError():
            fail(str(error), error.help or "")
        case DeviceError() | CheckpointError():
            fail(str(error))
        case _:
            return 0
    return WRONG


def refused(error: OSError) -> int:
    """Say what the operating system refuses: a full disk, a folder that may not be written to."""
    place = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    fail(f"{place}{error.strerror or error}", "make room on the disk and try again" if full else "")
    return WRONG


def _bug(what: str) -> int:
    fail(f"internal error: {what}", REPORT)
    if os.environ.get("NETC_DEBUG"):
        traceback.print_exc()
    else:
        say("NETC_DEBUG=1 shows where it happened")
    return WRONG


def _where(error: BaseException) -> str:
    """The kind of an error and the innermost module of netc, the stage, that it came through."""
    frames = [(str(f.f_globals.get("__name__")), line) for f, line in traceback.walk_tb(error.__traceback__)]
    own = [f"{module}:{line}" for module, line in frames if module.startswith("netc.")]
    return " ".join(f"{type(error).__name__} in {own[-1] if own else 'netc'}: {error}".split())
