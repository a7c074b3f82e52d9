"""Views with values: they show what the model computes, with boxes apart, in files that need nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from math import log
from pathlib import Path

import numpy as np
import pytest

import netc
from netc.compiler.draw import DrawError, Options
from netc.compiler.draw.steps import Measured, steps
from netc.compiler.draw.values import grid
from netc.compiler.draw.views import drawn_graph
from netc.locate import examples
from netc.runtime.model import Model
from netc.runtime.render import RenderError
from netc.runtime.render.geometry import limits
from netc.runtime.render.plane import Geometry
from netc.runtime.render.values import Samples, drawn, evaluate, first
from netc.runtime.render.views import Given, over_training, show

SMALL = """dim H = 3
input x[N, 2]
input y[N] : class(2)
h      = x -> dense(H) -> tanh
logits = h -> dense(2)
output probabilities = softmax(logits)
loss   cross_entropy(logits, y)
data  moons(noise = 0.1) { x = features, y = label }
train adam(lr = 0.01, beta1 = 0.8) { epochs = 2, batch = 32, seed = 4 }
"""
IMAGES = """input x[N, 1, 8, 8]
input y[N] : class(10)
a = x -> conv(4, 3) -> relu -> maxpool(2)
logits = a -> flatten -> dense(10)
loss cross_entropy(logits, y)
data  digits() { x = image / 16, y = label }
train sgd(lr = 0.1) { epochs = 1, batch = 100 }
"""


@pytest.fixture
def small() -> Model:
    return netc.compile(text=SMALL, device="cpu")


@pytest.fixture
def images() -> Model:
    return netc.compile(text=IMAGES, device="cpu")


def words(dot: str) -> str:
    """The texts of a picture; each box is a line."""
    labels = re.findall(r"label=<(.*?)> (?:color|width|labeljust)", dot)
    return "\n".join(unescape(re.sub(r"(<[^>]*>|\s)+", " ", label)) for label in labels)


def test_any_node_is_evaluated_as_the_model_does(small: Model) -> None:
    samples = first(small, 5)
    graph = drawn_graph(small.compiled.network)
    ids = {n.name: n.id for n in graph if n.name}
    found = evaluate(small, graph, ids.values(), samples, [ids["h.dense1.W"], ids["h"]])
    expected = small.forward(want=["h", "logits"], **samples.inputs)
    for name in ("h", "logits"):
        np.testing.assert_allclose(found.forward[ids[name]], expected[name], rtol=1e-5)
    gradients = small.gradients(**samples.inputs)
    np.testing.assert_allclose(found.gradients[ids["h.dense1.W"]], gradients["h.dense1.W"], rtol=1e-4)


def test_gradients_of_inner_tensors_follow_differences(small: Model) -> None:
    """∂L/∂h by the chain rule's own formula: (softmax(logits) - onehot(y)) / N times W2ᵀ."""
    samples = first(small, 5)
    graph = drawn_graph(small.compiled.network)
    id = next(n.id for n in graph if n.name == "h")
    found = evaluate(small, graph, [], samples, [id]).gradients[id]
    logits = small.forward(want=["logits"], **samples.inputs)["logits"].astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    back = (p - np.eye(2)[samples.inputs["y"]]) / 5
    np.testing.assert_allclose(found, back @ small.parameters["logits.W"].T, rtol=1e-4, atol=1e-7)


def test_a_value_is_left_out_where_its_inputs_are_not_given(small: Model) -> None:
    graph = drawn_graph(small.compiled.network)
    only = Samples({"x": first(small, 3).inputs["x"]})
    found = evaluate(small, graph, [n.id for n in graph], only, [n.id for n in graph if n.op == "param"])
    loss = graph.of_kind("loss")["loss"]
    assert loss not in found.forward and not found.gradients
    assert any(graph[id].name == "logits" for id in found.forward)


def test_numbers_are_those_of_the_model() -> None:
    tiny = netc.compile(text=SMALL, dims={"H": 2}, device="cpu")  # every tensor fits into a grid of 2 by 2
    samples = first(tiny, 2)
    text = words(show(tiny, Options("numbers"), given=Given(samples)).dot)  # type: ignore[attr-defined]
    shown = {**tiny.forward(want=["h", "logits"], **samples.inputs), **tiny.gradients(**samples.inputs)}
    for name in ("h", "logits", "loss", "h.dense1.W", "h.dense1.b", "logits.W"):
        for value in np.ravel(shown[name]):
            assert written(float(value), shown[name]) in text, name


def written(value: float, array: np.ndarray) -> str:
    """With as many decimals as give the largest entry three digits."""
    places = 2 - int(np.floor(np.log10(np.abs(array).max())))
    return f"{value:.{places}f}".replace("-", "−")


@pytest.mark.parametrize(
    ("array", "rows", "caption"),
    [
        (np.array([[1.5, -0.25], [0, 10]]), (("1.5", "−0.2"), ("0", "10.0")), ""),
        (np.array(3), (("3",),), ""),
        (np.array([True, False]), (("1", "0"),), ""),
        (np.full((9, 9), 0.5), (("0.500",) * 3 + ("…",),) * 3 + (("⋮", "", "", ""),), "9×9: all 0.500"),
        (np.array([1e-7, -2e-7]), (("1.0e−7", "−2.0e−7"),), ""),
        (np.array([np.inf, -np.inf, np.nan]), (("∞", "−∞", "nan"),), ""),
    ],
)
def test_grids(array: np.ndarray, rows: tuple[tuple[str, ...], ...], caption: str) -> None:
    found = grid(array)
    assert (found.rows, found.caption) == (rows, caption)


def test_cards_say_what_a_layer_is(images: Model) -> None:
    found = words(show(images, Options("cards")).dot)  # type: ignore[attr-defined]
    assert "3×3, 4 filters" in found and "40 parameters" in found
    assert "36 → 10" in found and "370 parameters" in found
    assert "conv1 + relu" in found and "2×2" in found


def test_cards_show_the_sample_and_the_filters(images: Model, tmp_path: Path) -> None:
    from PIL import Image

    samples = first(images, 1)
    cards = show(images, Options("cards"), given=Given(samples, "after epoch 3"))
    (svg,) = cards.svgs  # type: ignore[attr-defined]
    # x, conv's filters, and what conv + relu, maxpool, flatten and dense give
    assert len(re.findall(r'href="data:image/png;base64,', svg)) == 6
    assert "after epoch 3" in svg and not outside(svg)
    graph = drawn_graph(images.compiled.network, training=False)
    id = next(n.id for n in graph if n.op == "input" and n.name == "x")
    name = f"v{id}.png"
    file = tmp_path / name
    file.write_bytes(cards.art[name])  # type: ignore[attr-defined]
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BOX), float)
    given = samples.inputs["x"][0, 0].astype(float)
    np.testing.assert_allclose(pixels, given / given.max() * 255, atol=1)


def test_without_samples_and_checkpoint_cards_have_no_thumbnails(images: Model) -> None:
    assert "IMG" not in show(images, Options("cards")).dot  # type: ignore[attr-defined]


def test_dot_comes_with_its_thumbnails(images: Model, tmp_path: Path) -> None:
    show(images, Options("cards"), given=Given(first(images, 1))).save(tmp_path / "cards.dot")
    named = re.findall(r'SRC="([^"]*)"', (tmp_path / "cards.dot").read_text(encoding="utf-8"))
    assert named and all((tmp_path / name).exists() for name in named)


def test_neurons_have_the_weights_signs_and_widths(small: Model) -> None:
    dot = show(small, Options("neurons")).dot  # type: ignore[attr-defined]
    weights = small.parameters["h.dense1.W"]
    lines = {
        (int(i), int(j)): ("dashed" in style, float(width))
        for i, j, style, width in re.findall(r"u0_(\d+) -> u1_(\d+) \[(.*?)penwidth=([\d.]+)", dot)
    }
    assert len(lines) == weights.size
    assert {k: dashed for k, (dashed, _) in lines.items()} == {
        (i, j): bool(weights[i, j] < 0) for i in range(2) for j in range(3)
    }
    order = sorted(lines, key=lambda k: lines[k][1])
    assert order == sorted(lines, key=lambda k: abs(weights[k]))


def test_neurons_of_a_network_without_dense_layers() -> None:
    text = "input x[N, 3]\ninput y[N]\nloss mse(sum(x, axis = 1), y)"
    with pytest.raises(DrawError, match="no dense layers"):
        show(netc.compile(text=text, device="cpu"), Options("neurons"))


def test_the_steps_have_the_spec_s_numbers(small: Model) -> None:
    page = show(small, Options("steps")).html  # type: ignore[attr-defined]
    samples = len(netc_data(small))
    batches = -(-samples // 32)
    assert f"{log(2):.3f}" in page
    assert f"= {batches} batches" in page or f"makes {batches} batches" in page
    assert f"2 × {batches} = {2 * batches} steps" in page
    assert "17 derivatives" in page  # 2·3 + 3 + 3·2 + 2 parameters
    assert "adam(lr = 0.01, beta1 = 0.8)" in page and "m ← 0.8 · m + 0.2 · ∂W" in page


def netc_data(model: Model) -> np.ndarray:
    from netc.runtime.opening import open_data

    return np.asarray(open_data(model.compiled.network, model.base, model.seed).train["label"][:])


def test_the_loss_at_the_start_is_that_of_the_first_batch(small: Model) -> None:
    expected = float(small.forward(**first(small, 32).inputs)["loss"])
    assert f"the first batch has L = {expected:.3f}" in show(small, Options("steps")).html  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("optimizer", "formula"),
    [
        ("sgd(lr = 0.5)", ["W ← W − 0.5 · ∂W"]),
        ("sgd(lr = 0.5, momentum = 0.9)", ["v ← 0.9 · v + ∂W", "W ← W − 0.5 · v"]),
        ("sgd(lr = 0.5, weight_decay = 0.25)", ["W ← W − 0.5 · (∂W + 0.25 · W)"]),
    ],
)
def test_updates_are_simplified(optimizer: str, formula: list[str]) -> None:
    text = SMALL.replace("adam(lr = 0.01, beta1 = 0.8)", optimizer)
    step = steps(netc.compile(text=text, device="cpu").compiled.network, Measured())[4]
    assert list(step.lines[1:]) == formula


def test_steps_need_a_loss_and_a_train_block(small: Model, tmp_path: Path) -> None:
    model = netc.compile(text="input x[N, 3]\noutput y = 2 * x", device="cpu")
    with pytest.raises(DrawError, match="no train block"):
        show(model, Options("steps"))
    with pytest.raises(RenderError, match="a page"):
        show(small, Options("steps")).save(tmp_path / "steps.svg")


def outside(text: str) -> list[str]:
    """What a file would fetch: any address but those that name a format."""
    known = ("http://www.w3.org/",)
    return [a for a in re.findall(r"https?://[^\s\"'<>)]+", text) if not a.startswith(known)]


@pytest.mark.parametrize("view", ["steps", "geometry", "numbers", "cards", "neurons"])
def test_pages_are_self_contained(view: str, small: Model) -> None:
    page = show(small, Options(view)).html  # type: ignore[attr-defined, arg-type]
    assert not outside(page)
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_the_plane_is_the_network_s(small: Model) -> None:
    geometry = Geometry(small)
    plane = geometry.plane()
    assert [p.title for p in plane.panels] == ["input", "h: dense1 + tanh", "logits: dense"]
    assert "2 principal components of 3" in plane.panels[1].note and not plane.panels[2].note
    grid = plane.panels[0].lines.reshape(-1, 2).astype(np.float32)
    y = np.zeros(len(grid), np.int64)
    expected = small.forward(want=["logits"], x=grid, y=y)["logits"]
    np.testing.assert_allclose(plane.panels[2].lines.reshape(-1, 2), expected, atol=1e-5)
    corners = np.array([[a, b] for b in (0, 1) for a in (0, 1)]) * (plane.high - plane.low) + plane.low
    probable = small.predict(x=corners.astype(np.float32)).argmax(axis=1)
    assert plane.decided[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == probable.tolist()


def test_principal_components_keep_as_much_spread_as_scikit_learn_s(small: Model) -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    geometry = Geometry(small)
    panel = geometry.plane().panels[1]
    points = np.concatenate([geometry.plane().panels[0].lines.reshape(-1, 2), geometry.given.inputs["x"]])
    h = small.forward(want=["h"], x=points.astype(np.float32), y=np.zeros(len(points), np.int64))["h"]
    share = decomposition.PCA(2).fit(h).explained_variance_ratio_.sum()
    assert f"{share:.0%}" in panel.note


def test_geometry_needs_a_plane(images: Model) -> None:
    with pytest.raises(DrawError, match="two numbers"):
        show(images, Options("geometry"))


def test_the_training_as_a_series(small: Model, tmp_path: Path) -> None:
    film = over_training(small)
    assert film.notes == ("starting values", "after epoch 1", "after epoch 2")
    (path,) = film.save(tmp_path / "film.html")
    page = path.read_text(encoding="utf-8")
    assert page.count("after epoch 2") >= 2 and not outside(page)
    from PIL import Image

    with Image.open(film.save(tmp_path / "film.gif")[0]) as gif:
        assert getattr(gif, "n_frames", 1) == 3
    with pytest.raises(RenderError, match=r"\.html, \.gif"):
        film.save(tmp_path / "film.png")


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "html"])
@pytest.mark.parametrize("view", ["cards", "numbers", "neurons", "geometry"])
def test_every_format(view: str, suffix: str, small: Model, tmp_path: Path) -> None:
    path, *_ = show(small, Options(view), given=Given(first(small, 2))).save(tmp_path / f"a.{suffix}")  # type: ignore[arg-type]
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<svg", "html": b"<!DO"}[suffix]
    assert path.read_bytes().startswith(start)


def test_text_stays_text_in_the_geometry(small: Model) -> None:
    svg = show(small, Options("geometry")).svg  # type: ignore[attr-defined]
    assert ">decision</text>" in svg and "prefers-color-scheme:dark" in svg


def test_samples_where_the_data_are_not_there(tmp_path: Path) -> None:
    text = IMAGES.replace("digits()", 'mnist("nowhere/")').replace("8, 8", "28, 28")
    model = netc.compile(text=text, device="cpu")
    samples = first(model, 3)
    assert samples.origin == "random samples"
    assert samples.inputs["x"].shape == (3, 1, 28, 28) and samples.inputs["y"].max() < 10
    assert np.array_equal(drawn(model, 3).inputs["x"], samples.inputs["x"])


def test_a_model_draws_its_views(small: Model) -> None:
    pictures: list[Callable[[], str]] = [small.draw(v)._repr_html_ for v in ("mirror", "numbers", "steps")]
    assert all("<svg" in unescape(picture()) for picture in pictures)


@pytest.mark.parametrize("given", [{"only": "h.dense1"}, {"direction": "TB"}])
def test_the_geometry_refuses_what_it_cannot_follow(given: dict[str, str], small: Model) -> None:
    with pytest.raises(DrawError, match=f"takes no {next(iter(given))}"):
        show(small, Options("geometry", **given))  # type: ignore[arg-type]


def test_one_layer_shows_the_values_that_it_has_in_the_whole(small: Model) -> None:
    samples = first(small, 2)
    text = words(show(small, Options("numbers", only="logits"), given=Given(samples)).dot)  # type: ignore[attr-defined]
    shown = {**small.forward(want=["h", "logits"], **samples.inputs), **small.gradients(**samples.inputs)}
    for name in ("h", "logits", "logits.W", "logits.b"):
        for value in np.ravel(shown[name])[:2]:
            assert written(float(value), shown[name]) in text, name


def test_one_layer_has_the_thumbnails_that_it_has_in_the_whole(images: Model) -> None:
    given = Given(first(images, 1), "after epoch 1")
    whole, part = (show(images, Options("cards", only=only), given=given) for only in ("", "logits.dense1"))
    names = re.findall(r'SRC="([^"]*)"', part.dot)  # type: ignore[attr-defined]
    graph = drawn_graph(images.compiled.network, training=False)
    given_by = next(n.id for n in graph if n.name == "logits")
    assert f"v{given_by}.png" in names
    assert set(names) <= set(re.findall(r'SRC="([^"]*)"', whole.dot))  # type: ignore[attr-defined]


def test_boundaries_of_classes_are_where_two_scores_are_equal(small: Model) -> None:
    plane = Geometry(small).plane()
    assert plane.is_class and plane.scores.shape == (120, 120, 2)
    assert plane.decided.tolist() == (plane.scores[..., 1] > plane.scores[..., 0]).astype(int).tolist()


def test_the_window_holds_all_samples_and_at_most_as_much_again(small: Model) -> None:
    for panel in Geometry(small).plane().panels:
        low, high = limits(panel)
        assert (low <= panel.samples.min(axis=0)).all() and (high >= panel.samples.max(axis=0)).all()
        extent = np.ptp(panel.samples, axis=0).max()
        assert ((high - low) <= np.ptp(panel.samples, axis=0) + 1.2 * extent + 1e-9).all()


def test_the_steps_go_through_every_page_of_the_mirror() -> None:
    model = netc.compile(text=examples()["lenet"], device="cpu")
    steps = show(model, Options("steps"))
    assert len(steps.drawn.pages) > 1
    assert steps.html.count('<svg class="netc"') == len(steps.drawn.pages)  # type: ignore[attr-defined]
