from pathlib import Path

import numpy as np
import pytest

from netc.runtime.data.csv_file import parse

from .conftest import Fail, Load

PEOPLE = "age,height (cm),colour,kind\n30,1.5,red,a\n40,1.75,blue,b\n50,2,red,c\n60,1e-3,green,a\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def test_a_column_for_each_header(path: Path, load: Load):
    dataset = load("csv", path.name)
    train = dataset.train
    assert list(train) == ["age", "height_cm", "colour", "kind", "features"]
    assert train["age"].dtype == np.int64 and train["age"].tolist() == [30, 40, 50, 60]
    assert train["height_cm"].dtype == np.float32
    assert train["height_cm"].tolist() == [1.5, 1.75, 2, np.float32(1e-3)]
    assert train["colour"].dtype == np.uint8 and train["colour"].tolist() == [2, 0, 2, 1]
    assert dataset.columns["colour"].classes == ("blue", "green", "red")
    assert dataset.columns["age"].count == 61
    assert train["features"].dtype == np.float32
    assert (train["features"] == np.stack([train["age"], train["height_cm"]], axis=1)).all()
    assert dataset.valid is None and dataset.test is None


def test_the_label_is_no_feature(path: Path, load: Load):
    dataset = load("csv", path.name, label="age")
    assert dataset.train["label"].tolist() == [30, 40, 50, 60]
    assert dataset.train["features"].shape == (4, 1)
    assert load("csv", path.name, label="height (cm)").train["features"].tolist() == [[30], [40], [50], [60]]
    assert load("csv", path.name, label="kind").columns["label"].classes == ("a", "b", "c")


def test_a_column_called_label_is_the_label(tmp_path: Path, load: Load):
    (tmp_path / "t.csv").write_text("x,label\n1.5,0\n2.5,1\n")
    assert load("csv", "t.csv").train["features"].tolist() == [[1.5], [2.5]]


def test_skipped_columns(path: Path, load: Load):
    path.write_text(PEOPLE.replace("30,", ","))
    assert list(load("csv", path.name, skip=["age", "height (cm)"]).train) == ["colour", "kind"]
    assert "age" not in load("csv", path.name, skip="age").train


def test_a_fraction_is_held_out_to_test_with(tmp_path: Path, load: Load):
    (tmp_path / "t.csv").write_text("x\n" + "\n".join(map(str, range(100))) + "\n")
    dataset, again = load("csv", "t.csv", test=0.2), load("csv", "t.csv", test=0.2)
    assert dataset.test is not None and again.test is not None
    assert len(dataset.test["x"]) == 20 and dataset.test["x"].tolist() == again.test["x"].tolist()
    assert sorted([*dataset.train["x"], *dataset.test["x"]]) == list(range(100))
    # A table that is sorted by its label must not be tested on the last label alone.
    assert dataset.test["x"].min() < 20 and dataset.test["x"].max() >= 80


def test_a_second_file_to_test_with_shares_the_classes(path: Path, load: Load, fail: Fail):
    other = path.with_name("test.csv")
    other.write_text("age,height (cm),colour,kind\n1,2,amber,a\n")
    dataset = load("csv", path.name, test="test.csv")
    assert dataset.test is not None
    assert dataset.columns["colour"].classes == ("amber", "blue", "green", "red")
    assert dataset.train["colour"].tolist() == [3, 1, 3, 2] and dataset.test["colour"].tolist() == [0]
    other.write_text("age,height,colour,kind\n1,2,amber,a\n")
    error = fail("csv", path.name, test="test.csv")
    assert error.path == str(other) and "the columns are not those of" in error.message
    other.write_text("age,height (cm),colour,kind\n1,tall,red,a\n")
    error = fail("csv", path.name, test="test.csv")
    assert (error.path, error.place) == (str(other), "line 2, column 'height_cm'")


def test_without_a_header_with_tabs_blank_lines_and_quotes(tmp_path: Path, load: Load):
    (tmp_path / "t.tsv").write_bytes('\ufeff1\t"a\tb"\r\n\r\n2\t"c ""d"""\r\n'.encode())
    dataset = load("csv", "t.tsv", delimiter="tab", header=False)
    assert list(dataset.train) == ["c1", "c2", "features"]
    assert dataset.columns["c2"].classes == ("a\tb", 'c "d"')
    assert dataset.train["c1"].tolist() == [1, 2]


def test_integers_beyond_int64_are_numbers(tmp_path: Path, load: Load):
    (tmp_path / "t.csv").write_text("x\n1\n99999999999999999999\n")
    assert load("csv", "t.csv").train["x"].tolist() == [1, np.float32(1e20)]


def test_negative_integers_are_no_classes(tmp_path: Path, load: Load):
    (tmp_path / "t.csv").write_text("x\n-1\n5\n")
    assert load("csv", "t.csv").columns["x"].count is None


def test_many_names_need_wider_integers(tmp_path: Path, load: Load):
    (tmp_path / "t.csv").write_text("x\n" + "\n".join(f"n{i:03}" for i in range(300)) + "\n")
    column = load("csv", "t.csv").train["x"]
    assert column.dtype == np.uint16 and column.tolist() == list(range(300))


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "the file is empty", None),
        ("\n\n", "the file is empty", None),
        ("x,y\n", "there are no rows below the header", "line 1"),
        ("x,y\n1,2\n1\n", "there are 1 cells in this row, but 2 columns", "line 3"),
        ("x,y\n1,2,3\n", "there are 3 cells in this row, but 2 columns", "line 2"),
        ("x,x\n1,2\n", "two columns are called x", "line 1"),
        ("x y,x_y\n1,2\n", "two columns are called x_y", "line 1"),
        ("x,\n1,2\n", "column 2 has no name", "line 1"),
        ("1,2\n1,2\n", "it holds numbers alone", "line 1"),
        ("x,y\n1,2\n3,4\nfive,6\n", "'five' is not a number", "line 4, column 'x'"),
        ("x,y\n1,2\n\n\n,4\n", "the cell is empty", "line 5, column 'x'"),
        ("x,y\n1,2\n3, \n", "the cell is empty", "line 3, column 'y'"),
        ("x,y\n1,2\n3,NaN\n", "NaN is not a finite float32", "line 3, column 'y'"),
        ("x,y\n1,-inf\n3,4\n", "-inf is not a finite float32", "line 2, column 'y'"),
        ("x,y\n1,1e300\n", "1e300 is not a finite float32", "line 2, column 'y'"),
        ('x,y\n"a\nb",1\n"c,2\n', "the table cannot be read", "line 4"),
    ],
)
def test_wrong_tables(path: Path, fail: Fail, text: str, message: str, place: str | None):
    path.write_text(text)
    error = fail("csv", path.name)
    assert message in error.message and (error.path, error.place) == (str(path), place)


def test_a_wrong_encoding(path: Path, fail: Fail):
    path.write_bytes("x,y\n1,2\n3,é\n".encode("latin-1"))
    error = fail("csv", path.name)
    assert (error.message, error.place) == ("the text is not UTF-8", "line 3, byte 10")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_delimiter_is_noticed(path: Path, load: Load, fail: Fail, mark: str):
    path.write_text(PEOPLE.replace(",", mark))
    error = fail("csv", path.name)
    delimiter = "tab" if mark == "\t" else mark
    assert (error.place, error.help) == ("line 1", f'write delimiter = "{delimiter}"')
    assert "age" in load("csv", path.name, delimiter=delimiter).train


def test_wrong_names(path: Path, fail: Fail):
    error = fail("csv", path.name, label="colors")
    assert (error.message, error.help) == ("there is no column 'colors'", "did you mean colour?")
    assert fail("csv", path.name, skip="zzz").help == "the columns are age, height_cm, colour, kind"
    assert "cannot be skipped" in fail("csv", path.name, label="age", skip="age").message
    path.write_text("label,y\n1,2\n")
    assert "hides the column that is called label" in fail("csv", path.name, label="y").message


@pytest.mark.parametrize("test", [0.1, 0.9])
def test_a_split_that_leaves_nothing(path: Path, fail: Fail, test: float):
    assert "leaves none on one side" in fail("csv", path.name, test=test).message


def test_a_second_file_with_other_columns_and_no_names(tmp_path: Path, fail: Fail):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("\n1,2,3\n")
    error = fail("csv", "a.csv", test="b.csv", header=False)
    assert (error.path, error.place) == (str(tmp_path / "b.csv"), "line 2")


def test_the_line_of_a_cell_in_a_second_file(tmp_path: Path, fail: Fail):
    (tmp_path / "a.csv").write_text('x,y\n1,"a\nb"\n2,b\n')
    (tmp_path / "b.csv").write_text('x,y\n\n1,"a\n\nb"\n\nnan,b\n')
    error = fail("csv", "a.csv", test="b.csv")
    assert (error.path, error.place) == (str(tmp_path / "b.csv"), "line 7, column 'x'")


def test_a_table_by_rows_and_lines(tmp_path: Path):
    (tmp_path / "a.csv").write_text('x,y\n1,"a\nb"\n\n2,c\n')
    table = parse(tmp_path / "a.csv", ",", header=True)
    assert table.rows == [("1", "a\nb"), ("2", "c")] and table.lines == [3, 5]
    assert [table.line(row) for row in (-1, 0, 1)] == [1, 3, 5]
