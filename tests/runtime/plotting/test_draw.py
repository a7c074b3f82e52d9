from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

pytest.importorskip("matplotlib")

from netc.runtime.plotting.draw import draw
from netc.runtime.plotting.plot import Curve, Curves


def labels(values: Sequence[float], logarithmic: str) -> list[str]:
    """The labels of the y axis; the curve is at 7, 8, … on the other one."""
    svg = draw(Curves([Curve("", range(7, 7 + len(values)), values, 0)], "", logarithmic=logarithmic))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return [text for text in texts if text not in ("epoch", "7", "8", "")]


@pytest.mark.parametrize(
    ("values", "some"),
    [
        ([1e-3, 5], {"10⁻³", "10⁻²", "10⁻¹", "10⁰"}),
        ([0.25, 0.35], {"3×10⁻¹"}),
        ([2e10, 3e11], {"10¹¹"}),
    ],
)
def test_powers_of_ten(values: Sequence[float], some: set[str]) -> None:
    shown = labels(values, "y")
    assert some <= set(shown)
    assert all(re.fullmatch(r"(\d(\.\d)?×)?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", text) for text in shown)


def test_a_curve_without_positive_values_has_an_axis_of_numbers() -> None:
    assert "10" not in "".join(labels([0, 0], "y"))
