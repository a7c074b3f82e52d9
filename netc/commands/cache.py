"""netc cache"""

from __future__ import annotations

import click

from ..console import result
from ..figures import memory
from ..grammar.store import Store

KINDS = {"native": "compiled programs", "parser": "the parser's tables"}


@click.command()
@click.option("--clear", is_flag=True, help="Remove all of it.")
def command(clear: bool) -> None:
    """What is kept to make the next start quicker: where, how many files, how large.

    All of it is made again when it is needed. Data sets are not among it: `netc data` is about these.
    """
    for kind, what in KINDS.items():
        store = Store(kind)
        entries = store.entries()
        files = f"{len(entries)} file{'' if len(entries) == 1 else 's'}"
        kept = f"{files}, {memory(sum(entry.size for entry in entries))}"
        if store.folder is None:
            result(f"{what}: not kept, since there is no home folder")
        elif clear:
            store.clear()
            result(f"{what}: {kept} removed from {store.folder}")
        else:
            result(f"{what}: {kept} (at most {memory(store.limit)}) in {store.folder}")
