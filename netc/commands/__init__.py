"""The command line: one module a command, imported when it is used."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "train": "Train a network; the parameters are saved after each epoch.",
    "eval": "Loss and metrics of a trained network, over a split of its data or over other samples.",
    "predict": "What a trained network gives for new inputs.",
    "report": "A page with all that is to be seen of a run, or one that compares several.",
    "check": "Errors, or shapes, parameters, memory and cost.",
    "draw": "A picture of a network: its layers, and beneath them their gradients.",
    "explain": "What the code of a message means, with an example and its mend.",
    "fmt": "Give files one canonical layout: spaces and indentation, never a word, line break or comment.",
    "show": "The definition of a standard layer, loss or optimizer.",
    "dump": "What a stage of the compiler makes of a spec, as text.",
    "new": "Write a commented starting point.",
    "bench": "The time of a training step, kernel by kernel.",
    "data": "The data sources: list them, show one, or fetch its files.",
    "cache": "What is kept to make the next start quicker: where, how many files, how large.",
}


class Commands(click.Group):
    """The commands by name; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f".{cmd_name}", __name__).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
