from pathlib import Path

import numpy as np
import pytest

from netc.runtime.data.errors import DataError
from netc.runtime.data.source import Column, Dataset, check_classes
from netc.runtime.data.sources import SOURCES, open_source

LANGUAGE = "csv npz images text digits mnist fashion_mnist cifar10 iris xor moons circles spirals blobs"


def test_the_sources_are_those_of_the_language():
    assert sorted(SOURCES) == sorted(LANGUAGE.split())


def test_a_misspelt_source_is_told_the_nearest(tmp_path: Path):
    with pytest.raises(DataError, match="no data source called mnits") as error:
        open_source("mnits", [], {}, tmp_path)
    assert error.value.help == "did you mean mnist?"


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "message", "help"),
    [
        ("moons", [], {"nois": 0.1}, "moons has no argument named nois", "did you mean noise?"),
        ("moons", [10], {"n": 10}, "moons is given n twice", "write moons(n = 1000, noise = 0.1, seed = 0)"),
        ("moons", [1, 2, 3, 4], {}, "moons takes at most 3 arguments, not 4", None),
        ("digits", [1], {}, "digits takes no arguments, not 1", "write digits()"),
        ("images", ["a"], {}, "images needs size", "write images(folder, size, channels = 3)"),
        ("mnist", [3], {}, "folder of mnist should be a path in quotes, not 3", None),
        ("moons", [2.5], {}, "n of moons should be an integer of at least 5, not 2.5", None),
        ("moons", [float("nan")], {}, "n of moons should be an integer", None),
        ("moons", [float("inf")], {}, "n of moons should be an integer", None),
        ("moons", [], {"noise": -1}, "noise of moons should be a number of at least 0, not -1", None),
        ("moons", [], {"noise": float("nan")}, "noise of moons should be a number", None),
        ("moons", [], {"seed": None}, "seed of moons should be an integer", None),
        (
            "blobs",
            [],
            {"classes": 1000},
            "classes of blobs should be an integer from 2 to 256",
            None,
        ),
        ("text", ["a"], {"test": 1.5}, "test of text should be a fraction, as in 20%, not 1.5", None),
        ("csv", ["a"], {"delimiter": ",,"}, "delimiter of csv should be one character in quotes", None),
        ("csv", ["a"], {"header": 1}, "header of csv should be true or false, not 1", None),
        ("csv", ["a"], {"skip": [1]}, "skip of csv should be a name in quotes, or a list of them", None),
        ("images", ["a"], {"size": [1, 2, 3]}, "size of images should be a number of pixels", None),
        ("images", ["a", 8], {"channels": 2}, "channels of images should be 1 (grey)", None),
    ],
)
def test_wrong_arguments(
    name: str, positional: list[object], keywords: dict[str, object], message: str, help: str | None
):
    with pytest.raises(DataError) as error:
        open_source(name, positional, keywords, Path())
    assert str(error.value).startswith(message)
    assert error.value.help == (help or f"write {SOURCES[name].signature}")


def test_a_signature_shows_the_defaults():
    signature = 'csv(path, label = none, test = none, delimiter = ",", header = true, skip = [])'
    assert SOURCES["csv"].signature == signature


def test_integers_may_come_as_floats(tmp_path: Path):
    assert open_source("moons", [20.0], {}, tmp_path).call() == {"n": 20, "noise": 0.1, "seed": 0}


def test_paths_start_at_the_spec_or_else_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec, here = tmp_path / "spec", tmp_path / "here"
    spec.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "a.csv").write_text("x\n1\n")
    assert open_source("csv", ["a.csv"], {}, spec).call()["path"] == str(here / "a.csv")
    (spec / "a.csv").write_text("x\n2\n")
    assert open_source("csv", ["a.csv"], {}, spec).call()["path"] == str(spec / "a.csv")
    monkeypatch.setenv("HOME", str(here))
    assert open_source("csv", ["~/a.csv"], {}, spec).call()["path"] == str(here / "a.csv")


def test_a_missing_file_is_told_with_the_places_searched(tmp_path: Path):
    with pytest.raises(DataError, match="there is no such file") as error:
        open_source("csv", ["no.csv"], {}, tmp_path).load()
    assert error.value.path == str(tmp_path / "no.csv")
    assert str(tmp_path) in (error.value.help or "") and str(Path.cwd()) in (error.value.help or "")


def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="this is a folder, where a file is needed"):
        open_source("csv", ["."], {}, tmp_path).load()
    with pytest.raises(DataError, match="this is a file, where a folder is needed"):
        open_source("mnist", ["file"], {}, tmp_path).load()


@pytest.mark.parametrize("name", ["csv", "mnist", "text"])
def test_what_the_system_refuses_is_told(tmp_path: Path, name: str):
    with pytest.raises(DataError) as error:
        open_source(name, ["x" * 300], {}, tmp_path, 4).load()
    assert "too long" in error.value.message and "x" * 300 in (error.value.path or "")


def test_an_error_is_one_sentence_with_file_and_place():
    assert str(DataError("it is empty", "a.csv", "line 3")) == "a.csv, line 3: it is empty"
    assert str(DataError("it is empty")) == "it is empty"


def test_check_classes_tells_the_sample():
    label = np.array([0, 9, 10], np.uint8)
    dataset = Dataset({"label": Column(label.dtype, ())}, {"label": label}, test={"label": label[:2]})
    check_classes(dataset, "label", 11)
    with pytest.raises(DataError) as error:
        check_classes(dataset, "label", 10)
    assert str(error.value) == "train split, sample 2: label is 10, but the classes are 0..9"
    with pytest.raises(DataError, match="test split, sample 1: label is 9"):
        check_classes(Dataset(dataset.columns, {"label": label[:1]}, test=dataset.test), "label", 9)
