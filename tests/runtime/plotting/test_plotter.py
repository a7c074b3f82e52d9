"""The process that draws: it draws what this one would have drawn, and nobody waits for it in vain."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("matplotlib")

from netc.runtime.plotting import plotter as module
from netc.runtime.plotting.draw import draw
from netc.runtime.plotting.plot import Curve, Curves, Plot, Scatter
from netc.runtime.plotting.plotter import Plotter

LINE = Curve("a <b>", [1.0, 2.0, 3.0], [0.5, 0.25, 0.125], 0)
PLOTS: list[Plot] = [
    Curves([LINE], "loss", logarithmic="y"),
    Scatter([LINE], "errors", "said", "truth", 1.0),
    Curves([LINE, LINE], "accuracy", mark=(2.0, "best"), percent=True),
]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not imported matplotlib."""
    monkeypatch.delitem(sys.modules, "matplotlib")


def process(plotter: Plotter) -> subprocess.Popen[bytes]:
    found = vars(plotter)["_process"]
    assert isinstance(found, subprocess.Popen)
    return found


@pytest.mark.usefixtures("beside")
def test_another_process_draws_the_same() -> None:
    with Plotter() as plotter:
        first, rest = plotter.add(PLOTS[:1]), plotter.add(PLOTS[1:])
        svgs = plotter.drawn()
        assert process(plotter).returncode == 0
    assert svgs[first] + svgs[rest] == [draw(plot) for plot in PLOTS]


@pytest.mark.usefixtures("beside")
def test_more_points_than_a_pipe_holds() -> None:
    many = [float(i) for i in range(50_000)]
    with Plotter() as plotter:
        for _ in range(2):
            plotter.add([Curves([Curve("a", many, many, 0)], "many")])
        assert len(plotter.drawn()) == 2


@pytest.mark.usefixtures("beside")
def test_a_process_that_is_killed_is_not_missed() -> None:
    with Plotter() as plotter:
        plotter.add(PLOTS[:1])
        process(plotter).kill()
        process(plotter).wait()
        plotter.add(PLOTS[1:])
        assert plotter.drawn() == [draw(plot) for plot in PLOTS]


@pytest.mark.usefixtures("beside")
def test_no_process_is_left() -> None:
    with Plotter() as plotter:
        plotter.add(PLOTS)
    assert process(plotter).returncode is not None


@pytest.mark.usefixtures("beside")
def test_where_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "executable", "/no/such/python")
    with Plotter() as plotter:
        plotter.add(PLOTS[:1])
        assert plotter.drawn() == [draw(PLOTS[0])]


def test_what_is_imported_already_is_used() -> None:
    with Plotter() as plotter:
        assert vars(plotter)["_process"] is None
        plotter.add(PLOTS[:1])
        assert plotter.drawn() == [draw(PLOTS[0])]
