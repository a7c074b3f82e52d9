import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netc.compiler.emit.names import Names, identifier


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W1", "W1"),
        ("logits.dense1.W", "logits_dense1_W"),
        ("∂z", "d_z"),
        ("∂logits.dense1.W", "d_logits_dense1_W"),
        ("θ", "θ"),
        ("ŷ", "ŷ"),
        ("lambda", "lambda_"),
        ("2nd", "_2nd"),
        ("a-b c", "a_b_c"),
    ],
)
def test_an_identifier_is_the_nearest_python_name(name, expected):
    assert identifier(name) == expected


@given(st.text(min_size=1))
def test_an_identifier_is_legal_and_stays_itself(name):
    found = identifier(name)
    assert found.isidentifier()
    assert not keyword.iskeyword(found)
    assert identifier(found) == found


def test_each_name_is_given_once():
    names = Names(["np"])
    wishes = ["a.b", "a_b", "np", "a_b_2", "a.b"]
    assert [names.take(wish) for wish in wishes] == ["a_b", "a_b_2", "np_2", "a_b_2_2", "a_b_3"]


def test_temporary_names_leave_out_what_is_taken():
    names = Names(["t2"])
    assert [names.temporary("t") for _ in range(3)] == ["t1", "t3", "t4"]
