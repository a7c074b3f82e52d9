"""netc report"""

from __future__ import annotations

from pathlib import Path

import click

from ..console import result
from ..reports import kept, write_comparison, write_report


@click.command()
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page; without it, report.html in the run's folder, or comparison.html beside the first.",
)
def command(runs: tuple[Path, ...], output: Path | None) -> int:
    """A page with all that is to be seen of a run, or one that compares several.

    RUN is the folder of a run. The page of one is its report.html:

        netc report runs/digits
        netc report runs/digits runs/digits-2
    """
    if len(runs) == 1:
        result(str(write_report(runs[0], output)))
    else:
        found = [kept(folder) for folder in runs]
        result(str(write_comparison(found, output or runs[0].parent / "comparison.html")))
    return 0
