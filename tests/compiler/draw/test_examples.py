"""Every example in every view: each page has its boxes in order, apart, and large enough to read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from netc.compiler.draw import DrawError, Options
from netc.locate import examples, find
from netc.runtime.device import open_device
from netc.runtime.model import Model
from netc.runtime.opening import open_model
from netc.runtime.render import Drawing
from netc.runtime.render.values import drawn
from netc.runtime.render.views import Given, show

from .plain import check_apart, check_columns, check_flow, plain, smallest_text


@cache
def model(name: str) -> Model:
    spec = find(name)
    return open_model(spec.source, spec.base, device=open_device("cpu")[0])


@pytest.mark.parametrize(
    ("view", "direction"),
    [(v, "LR") for v in ("mirror", "ops", "cards", "numbers", "neurons")]
    + [(v, "TB") for v in ("mirror", "cards", "neurons")],
)
@pytest.mark.parametrize("name", examples())
def test_each_page(name: str, view: str, direction: str, tmp_path: Path) -> None:
    samples = drawn(model(name), 1 if view == "cards" else 2)
    try:
        drawing = show(model(name), Options(view, direction=direction), given=Given(samples, "after epoch 1"))  # type: ignore[arg-type]
    except DrawError:
        assert view == "neurons"
        return
    assert isinstance(drawing, Drawing)
    drawing.save(tmp_path / "picture.dot")
    for page in drawing.drawn.pages:
        found = plain(page, tmp_path)
        check_apart(found)
        if view != "neurons":
            check_columns(found, direction)
            check_flow(found, direction)
        assert smallest_text(page, found) >= 10


@pytest.mark.parametrize("name", examples())
def test_a_mirror_is_one_page(name: str) -> None:
    """But for the one whose gradient is differentiated again, with the arrows that this takes."""
    drawing = show(model(name), Options())
    assert len(drawing.drawn.pages) == (2 if name == "penalty" else 1)
