"""The data block: from columns to inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from netc.compiler.ir import Result, TensorType
from netc.compiler.network import ColumnType

from .networks import lower, mistake, mistakes, values

RNG = np.random.default_rng(11)
IMAGE = RNG.integers(0, 256, (6, 3, 8, 9)).astype(np.uint8)
COLUMNS = {
    "image": ColumnType(TensorType("uint8", (3, 8, 9))),
    "label": ColumnType(TensorType("uint8", ()), classes=10),
    "features": ColumnType(TensorType("float32", (4,))),
    "price": ColumnType(TensorType("float32", ())),
    "chars": ColumnType(TensorType("uint8", (6,)), classes=50, sequence=True),
}


def fed(declared: str, formula: str, training: bool = False, **arrays: Any) -> np.ndarray:
    """The values of one input."""
    text = f"input x[N, {declared}]\ndata npz() {{ x = {formula} }}" if ":" not in declared else declared
    network = lower(text, columns=COLUMNS)
    graph = network.training_data if training else network.evaluating_data
    return values(graph, {"x": Result("input", "x")}, {"image": IMAGE, **arrays}, 6)["x"]


def test_a_column_becomes_an_input_of_its_type() -> None:
    network = lower("input x[N, 3, 8, 9]\ninput y[N] : class(10)\ndata npz() { y = label, x = image }",
                    columns=COLUMNS)  # fmt: skip
    graph = network.evaluating_data
    assert str(graph[graph.results[Result("input", "x")]].type) == "float32[N, 3, 8, 9]"
    assert str(graph[graph.results[Result("input", "y")]].type) == "int64[N]"
    assert str(graph.leaves("column")["image"].type) == "uint8[N, 3, 8, 9]"


def test_preprocessing_is_graph() -> None:
    scaled = fed("216", "flatten(image) / 255")
    np.testing.assert_allclose(scaled, IMAGE.reshape(6, -1) / np.float32(255), rtol=1e-6)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(fed("8, 9", "image[:, 0] / 127.5 - 1"), IMAGE[:, 0] / 127.5 - 1, atol=1e-6)
    piped = fed("3, 4, 4", "image[:, :, 0:4, 0:4] -> square")
    np.testing.assert_allclose(piped, IMAGE[:, :, :4, :4].astype(int) ** 2)


def test_chance_is_for_training_alone() -> None:
    np.testing.assert_allclose(fed("3, 8, 9", "flip(image)"), IMAGE)
    np.testing.assert_allclose(fed("3, 8, 9", "noise(image)"), IMAGE)
    np.testing.assert_allclose(fed("3, 6, 6", "crop(image, 6)"), IMAGE[:, :, 1:7, 1:7])
    flipped = fed("3, 8, 9", "flip(image)", training=True)
    same = (flipped == IMAGE).all((1, 2, 3))
    mirrored = (flipped == IMAGE[..., ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    noisy = fed("3, 8, 9", "noise(image, std = 2)", training=True) - IMAGE
    assert 1.5 < noisy.std() < 2.5


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    cropped = fed("3, 8, 8", "crop(image, 8, pad = 2)", training=True)
    padded = np.pad(IMAGE, ((0, 0), (0, 0), (2, 2), (2, 2)))
    for image, around in zip(cropped, padded, strict=True):
        windows = [around[:, i : i + 8, j : j + 8] for i in range(5) for j in range(6)]
        assert any((image == w).all() for w in windows)


def test_standardize_uses_the_statistics_of_the_training_split() -> None:
    mean, std = RNG.normal(size=3), RNG.uniform(1, 2, 3)
    states = {"data.image.mean": mean, "data.image.std": std}
    expected = (IMAGE - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(fed("3, 8, 9", "standardize(image)", **states), expected, rtol=1e-5)
    flat = fed("216", "image -> standardize -> flatten", **states)
    np.testing.assert_allclose(flat, expected.reshape(6, -1), rtol=1e-5)
    variables = lower("input x[N]\ndata csv() { x = standardize(price) }", columns=COLUMNS).variables
    assert variables["data.price.std"].initial == ("statistic", "price", "std")
    assert variables["data.price.std"].type.shape == ()


def test_a_sequence_is_read_without_its_last_token_and_shifted_without_its_first() -> None:
    inputs = "input t[N, 5] : class(50)\ninput next[N, 5] : class(50)\n"
    text = inputs + "data text() { t = chars, next = shift(chars) }"
    chars = RNG.integers(0, 50, (6, 6))
    network = lower(text, columns=COLUMNS)
    wanted = {name: Result("input", name) for name in ("t", "next")}
    found = values(network.evaluating_data, wanted, {"chars": chars}, 6)
    np.testing.assert_array_equal(found["t"], chars[:, :-1])
    np.testing.assert_array_equal(found["next"], chars[:, 1:])


def test_the_source_and_its_arguments() -> None:
    source = 'csv("a.csv", label = species, n = 2 * K, on = true)'
    text = f"dim K = 3\ninput x[N, 4]\ndata {source} {{ x = features, valid = 10% }}"
    spec = lower(text).data
    assert spec is not None
    assert (spec.source, spec.positional, spec.valid) == ("csv", ("a.csv",), 0.1)
    assert spec.keywords == {"label": "species", "n": 6, "on": True}
    tokens = lower("input t[N, 7] : class(9)\ndata text() { t = chars }").data
    assert tokens is not None and tokens.length == 7


def test_the_data_block_alone_is_checked_when_its_columns_are_known() -> None:
    assert lower("input x[N, 4]\ndata npz() { x = nothing }").training_data.results == {}


def data(settings: str, inputs: str = "input x[N, 4]") -> str:
    return f"{inputs}\ndata npz() {{ {settings} }}"


def test_mistakes() -> None:
    def one(settings: str, inputs: str = "input x[N, 4]") -> Any:
        return mistake(data(settings, inputs), columns=COLUMNS)

    unknown = one("x = featurs")
    assert (
        unknown.title == "the source has no column called featurs"
        and unknown.help == "did you mean features?"
    )
    shape = one("x = image / 255", "input x[N, 216]")
    assert shape.title == "x is declared [N, 216], and the data give [N, 3, 8, 9]"
    assert shape.help == "write x = flatten(image / 255)"
    classes = one("x = label", "input x[N] : class(7)")
    assert classes.title == "x has 7 classes, and label has 10"
    assert "fractions" in one("x = price", "input x[N] : class(7)").title
    assert one("valid = 10%").title == "the data block gives x no value"
    typed = one("x = features, vaild = 10%")
    assert typed.title == "data has no setting called vaild" and typed.help == "did you mean valid?"
    assert "share" in one("x = features, valid = 150%").title
    assert (
        one("x = standardize(image + 1)", "input x[N, 3, 8, 9]").title
        == "standardize takes one column of the source"
    )
    assert one("x = shift(features)").title == "features is no sequence to shift"
    assert one("x = features, x = features").title == "x is set twice"


def test_each_binding_is_told_its_own_mistake() -> None:
    text = data("x = featurs, z = imag", "input x[N, 4]\ninput z[N, 3, 8, 9]\ninput w[N]")
    titles = [d.title for d in mistakes(text, columns=COLUMNS)]
    assert len(titles) == 3 and sum("no column" in t for t in titles) == 2


def test_classes_used_as_numbers_are_warned_of() -> None:
    (warning,) = lower(data("x = label", "input x[N]"), columns=COLUMNS).warnings
    assert warning.help == "declare input x[N] : class(10), unless they are amounts"
