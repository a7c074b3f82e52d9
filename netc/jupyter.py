"""For notebooks: after `%load_ext netc`, a cell that begins with `%%net` is compiled, shown and named.

%%net mlp
input x[N, 64]
…
"""

from __future__ import annotations

import keyword
import shlex
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_USAGE = "%%net [NAME] [DIM=… train.KEY=…]"


class Refused:
    """A diagnostic as a cell's output shows it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<pre style="white-space:pre-wrap">{escape(self.text)}</pre>'


def load(shell: InteractiveShell) -> None:
    """Give a notebook the magic. IPython calls it on %load_ext netc."""

    def net(line: str, cell: str) -> None:
        """Compile the cell, show its mirror, and bind the model to the name (`model` unless given)."""
        from IPython.display import display

        name, overrides = _arguments(line)
        if not name.isidentifier() or keyword.iskeyword(name):
            display(Refused(f"error: {name!r} is no name for a model: {_USAGE}"))
            return
        model = _compiled(cell, name, overrides)
        if not isinstance(model, Refused):
            shell.push({name: model})
        display(model if isinstance(model, Refused) else _picture(model))

    shell.magics_manager.register_function(net, "cell", "net")


def _arguments(line: str) -> tuple[str, dict[str, str]]:
    words = shlex.split(line)
    overrides = dict(word.split("=", 1) for word in words if "=" in word)
    names = [word for word in words if "=" not in word]
    return " ".join(names) or "model", overrides


def _compiled(text: str, name: str, overrides: dict[str, str]) -> Any:
    """The model, or what is wrong with the cell."""
    from .compiler.diagnostics import Source, SpecError
    from .compiler.render import render
    from .overrides import expressions
    from .runtime.opening import open_model

    dims: dict[str, float | str] = {k: v for k, v in overrides.items() if not k.startswith("train.")}
    train: dict[str, float | str] = {
        k.removeprefix("train."): v for k, v in overrides.items() if k.startswith("train.")
    }
    try:
        # An empty line for that of the magic, so that lines are counted as the notebook counts them.
        return open_model(Source(name, f"\n{text}"), Path(), expressions(dims), expressions(train))
    except SpecError as error:
        return Refused("\n\n".join(render(d) for d in error.diagnostics))


def _picture(model: Any) -> Any:
    """The mirror; where a network has nothing to draw, what is missing."""
    from .compiler.draw import DrawError

    try:
        return model.draw("mirror")
    except DrawError as error:
        return Refused(f"note: {error}\nhelp: {error.help}")
