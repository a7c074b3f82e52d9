"""netc train --find-lr"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import paint, result, say
from .locate import Spec
from .runs import RunError
from .runtime.atomic import replace
from .runtime.device import open_device
from .runtime.model import Model
from .runtime.opening import compile_source, open_data
from .runtime.rates import HIGH, LOW, STEPS, Rates, search
from .trained import parsed

if TYPE_CHECKING:
    from .commands.arguments import Overrides


def find_rate(
    spec: Spec, overrides: Overrides, device: tuple[Any, int | None], path: Path, as_json: bool
) -> int:
    """Search for a learning rate, print it, and draw the search into a page. device: and its threads."""
    if path.is_dir():
        raise RunError(
            f"{path} is a folder, where the search is to be written as a page", "name a file: lr.html"
        )
    ramp = {"lr": "1", "schedule": f"ramp({LOW}, {HIGH})", "steps": str(STEPS)}
    texts = {**overrides.texts, **{f"train.{key}": value for key, value in ramp.items()}}
    compiled = compile_source(spec.source, spec.base, *parsed(texts, "command line"))
    model = Model(compiled, open_device(*device)[0], spec.base)
    rates = search(model, open_data(compiled.network, spec.base, model.seed))
    if as_json:
        result(json.dumps({"steepest": rates.steepest, "lowest": rates.lowest}))
    else:
        result(f"learning rate: {_rounded(rates.steepest)}, where the loss falls fastest")
        result(f"the loss is lowest at {_rounded(rates.lowest)}; training wants less than that")
    drawn = _draw(spec.name, rates, path)
    say(f"the search: {drawn}" if drawn else paint("the picture needs matplotlib: netc[report]", "dim"))
    return 0


def _rounded(rate: float) -> str:
    return f"{float(f'{rate:.1e}'):g}"


def _draw(name: str, rates: Rates, path: Path) -> Path | None:
    try:
        from .runtime.plotting.draw import draw
        from .runtime.plotting.plot import Curve, Curves
        from .runtime.report import page
    except ImportError:
        return None
    curve = Curve("loss", rates.rates, rates.losses, 0)
    mark = (rates.steepest, f"{_rounded(rates.steepest)}, where it falls fastest")
    plot = draw(Curves([curve], "loss by learning rate", "learning rate", mark, "x"))
    under = f"the learning rate grows from {LOW:g} by the same factor at each of {len(rates.rates)} steps"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, page.page(f"{name}: a learning rate", under, [page.plots([plot])]))
    return path
