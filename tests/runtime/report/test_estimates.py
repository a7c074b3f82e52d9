"""Networks that give numbers: which input they estimate, and what is said of how they do."""

from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import Source
from netc.runtime.model import Model
from netc.runtime.opening import open_data, open_model
from netc.runtime.report.estimates import Estimates, estimate, plots, sections

NET = """
input x[N, {size}]
input z[N, 2]
h = x -> dense(8) -> tanh
guess = h -> dense(2)
output {output}
loss mse(guess, z)
data iris() {{ x = features[:, 0:{size}], z = standardize(features)[:, 2:4], valid = 20% }}
train adam(lr = 0.01) {{ epochs = 3, average = 0.9 }}
"""


def model(size: int = 3, output: str = "guess") -> Model:
    return open_model(Source("a.net", NET.format(size=size, output=output)), Path(), device="cpu")


@pytest.mark.parametrize("size", [2, 3])
def test_the_mean_square_of_the_errors_is_the_loss_of_the_split(size: int) -> None:
    m = model(size)
    m.fit()
    found = estimate(m, open_data(m.compiled.network, m.base, m.seed))
    assert found is not None
    assert (found.output, found.target, found.split) == ("guess", "z", "test")
    assert found.said.shape == found.truth.shape == (30, 2)
    loss = np.square(found.said - found.truth).mean()
    assert loss == pytest.approx(m.evaluate("test")["loss"], rel=1e-5)


def test_an_output_that_fits_no_input_estimates_none() -> None:
    m = model(output="h")
    assert estimate(m, open_data(m.compiled.network, m.base, m.seed)) is None


def test_the_worst_come_first() -> None:
    pytest.importorskip("matplotlib")
    from netc.runtime.plotting.draw import draw

    truth = np.arange(6.0).reshape(3, 2)
    said = truth + np.array([[0.1, -3], [0, 0.2], [2, 0]])
    given = Estimates("test", "guess", "z", said, truth)
    drawn = [draw(plot) for plot in plots(given)]
    assert len(drawn) == 2 and "z[1]" in drawn[0]
    shown, worst = sections(given, drawn)
    assert all(svg in shown for svg in drawn)
    body = worst[worst.index("<tbody>") :]
    rows = [row.replace("</td>", "").split("<td>")[1:] for row in body.split("<tr>")[1:]]
    assert [cells[0] for cells in rows[:3]] == ["test 0 [1]", "test 2 [0]", "test 1 [1]"]
    assert rows[0][1:3] == ["-2", "1"]
