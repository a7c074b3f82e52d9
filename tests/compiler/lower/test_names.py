"""What parameters are called: by binding, layer, turn and pin; which calls share them."""

from __future__ import annotations

import pytest

from .networks import lower, mistake, shapes

X = "input x[N, 4]\n"


def names(text: str) -> list[str]:
    return list(shapes(X + text))


def test_a_call_that_is_a_whole_binding_takes_its_name() -> None:
    assert names("h = dense(x, 16)") == ["h.W", "h.b"]
    assert names("h = x -> dense(16)") == ["h.W", "h.b"]


def test_a_chain_numbers_what_has_no_name_of_its_own() -> None:
    text = "logits = x -> dense(8) -> tanh -> dense(3)"
    assert names(text) == ["logits.dense1.W", "logits.dense1.b", "logits.dense2.W", "logits.dense2.b"]


def test_two_calls_inside_one_formula_are_numbered() -> None:
    assert names("h = (x -> dense(3)) + dense(x, 3)")[::2] == ["h.dense1.W", "h.dense2.W"]


def test_a_pin_names_the_parameters() -> None:
    assert names("h = x -> dense(8) as first -> dense(3)")[::2] == ["first.W", "h.dense1.W"]
    assert names("h = dense(x, 8) as first")[::2] == ["first.W"]


def test_names_inside_a_layer_follow_its_bindings() -> None:
    text = """
    layer block(x[N, d]) {
        param s[d] ~ ones
        z = x -> dense(d) -> dense(d)
        return z + (s * x -> dense(d))
    }
    h = x -> block -> block
    """
    assert names(text) == [
        f"h.block{i}.{name}"
        for i in (1, 2)
        for name in ("s", "z.dense1.W", "z.dense1.b", "z.dense2.W", "z.dense2.b", "dense1.W", "dense1.b")
    ]


def test_a_count_makes_blocks_of_their_own() -> None:
    assert names("h = x -> 3 * dense(4)")[::2] == ["h.dense1.W", "h.dense2.W", "h.dense3.W"]
    assert names("h = x -> 2 * dense(4) as deep")[::2] == ["deep1.W", "deep2.W"]
    assert names("dim L = 0\nh = x -> L * dense(4)") == []


def test_a_repeat_names_by_its_turn() -> None:
    text = "h = x\nrepeat 3 as i { h = h -> dense(2 * i) -> tanh }"
    assert shapes(X + text) == {
        "h.1.dense1.W": "[4, 2]", "h.1.dense1.b": "[2]",
        "h.2.dense1.W": "[2, 4]", "h.2.dense1.b": "[4]",
        "h.3.dense1.W": "[4, 6]", "h.3.dense1.b": "[6]",
    }  # fmt: skip


def test_a_layer_alone_in_a_repeat_is_named_by_binding_and_turn() -> None:
    assert names("h = x\nrepeat 2 { h = dense(h, 4) }") == ["h.1.W", "h.1.b", "h.2.W", "h.2.b"]


def test_params_and_pins_in_a_repeat_have_its_turn() -> None:
    text = "h = x\nrepeat 2 { param W[4, 4] ~ glorot\n h = h @ W -> dense(4) as fc }"
    assert names(text) == ["W.1", "fc.1.W", "fc.1.b", "W.2", "fc.2.W", "fc.2.b"]


def test_nested_repeats_join_their_turns() -> None:
    text = "h = x\nrepeat 2 { repeat 2 { param s[4] ~ ones\n h = h * s } }"
    assert names(text) == ["s.1.1", "s.1.2", "s.2.1", "s.2.2"]


def test_a_counter_of_an_inner_repeat_gives_back_the_outer_one() -> None:
    text = "h = x\nrepeat 2 as i { repeat 3 as i { h = h + i }\n h = h -> dense(10 * i) }"
    assert list(shapes(X + text).values())[::2] == ["[4, 10]", "[10, 20]"]


def test_after_a_repeat_the_name_stands_for_the_last_turn() -> None:
    network = lower(X + "h = x\nrepeat 2 { h = 2 * h }\ng = h + 1")
    named = network.evaluating.of_kind("value")
    assert list(named) == ["h", "h.1", "h.2", "g"] and named["h"] == named["h.2"] != named["h.1"]


def test_two_repeats_of_one_name_need_a_pin() -> None:
    text = X + "h = x\nrepeat 2 { h = dense(h, 4) }\nrepeat 2 { h = dense(h, 4) }"
    error = mistake(text)
    assert error.title == "two tensors are called h.1.W" and error.help == "name one of the calls with `as`"
    pinned = "h = x\nrepeat 2 { h = dense(h, 4) }\nrepeat 2 { h = dense(h, 4) as more }"
    assert names(pinned)[::2] == ["h.1.W", "h.2.W", "more.1.W", "more.2.W"]


def test_a_shared_layer_has_one_set_of_parameters() -> None:
    text = "shared enc = dense(4)\na = x -> enc -> tanh -> enc\nb = enc(a)"
    assert names(text) == ["enc.W", "enc.b"]


def test_a_shared_layer_handed_on_keeps_its_parameters() -> None:
    text = """
    layer twice(x[N, d], f) { return f(f(x)) }
    shared enc = dense(4)
    a = twice(x, enc) + enc(x)
    b = x -> twice(dense2)
    layer dense2(x[N, d]) { return dense(x, d) }
    """
    assert names(text)[::2] == ["enc.W", "b.f1.dense1.W", "b.f2.dense1.W"]


def test_a_shared_layer_inside_a_layer_belongs_to_the_call() -> None:
    text = "layer both(x[N, d]) { shared f = dense(d)\n return f(f(x)) }\nh = x -> both -> both"
    assert names(text)[::2] == ["h.both1.f.W", "h.both2.f.W"]


def test_a_shared_layer_of_another_shape_is_refused() -> None:
    error = mistake(X + "shared enc = dense(3)\na = x -> enc -> enc")
    assert "shared" in error.title and "[4, 3]" in error.title and "[3, 3]" in error.title


def test_parameters_of_outputs_and_losses_have_names_too() -> None:
    text = X + "input y[N] : class(3)\noutput p = dense(x, 3)\nloss cross_entropy(x -> dense(3), y)"
    assert list(shapes(text)) == ["p.W", "p.b", "loss.dense1.W", "loss.dense1.b"]


def test_a_parameter_is_read_by_its_full_name() -> None:
    network = lower(X + "h = dense(x, 3)\nloss sum(h, axis = 1) + l2(h.W)")
    assert network.training.results


@pytest.mark.parametrize("name", ["W1", "h.W"])
def test_a_layer_does_not_see_the_parameters_of_the_file(name: str) -> None:
    text = f"param W1[4, 4] ~ glorot\nlayer f(x[N, d]) {{ return x @ {name} }}\nh = dense(x, 4)\ng = f(h)"
    error = mistake(X + text)
    assert f"`{name}`" in error.title


def test_names_are_stable_under_edits_elsewhere() -> None:
    before = names("h = x -> dense(4)\ng = h -> dense(4) -> dense(4)")
    after = names("k = x -> dense(5)\nh = x -> dense(4)\ng = h -> dense(4) -> dense(4)\nm = dense(g, 2)")
    assert [n for n in after if n[0] in "hg"] == before


def test_optimizer_states_are_named_by_their_parameter() -> None:
    text = X + "h = dense(x, 1)\nloss mean(h)\ntrain adam() { epochs = 1 }"
    variables = lower(text).variables
    assert [n for n, v in variables.items() if v.kind == "state"] == ["h.W.m", "h.W.v", "h.b.m", "h.b.v"]
