"""A short run of the mutation fuzzer; `python tests/fuzz.py --count 200000` is the long one."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.ast_text import show
from netc.compiler.canonical import canonical
from netc.compiler.diagnostics import Source, SpecError
from netc.compiler.parse import parse

sys.path.insert(0, str(Path(__file__).parent))
import fuzz  # beside this file; the tests are no package

TEXTS = fuzz.bases()


def test_mutated_specs_compile_or_are_told() -> None:
    for _, text in fuzz.cases(seed=7, first=0, count=250):
        outcome = fuzz.judge(text)
        assert len(outcome.diagnostics) <= 20


@given(st.sampled_from(TEXTS), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_mutation_is_told_in_the_users_file(text: str, rng: random.Random) -> None:
    outcome = fuzz.judge(fuzz.mutated(rng, [text]))
    for d in outcome.diagnostics:
        assert d.title and d.code
        if d.span is not None:
            assert 0 <= d.span.start <= d.span.end <= len(d.span.source.text)


@given(st.sampled_from(TEXTS), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_any_mutation_that_can_be_read_has_one_layout(text: str, rng: random.Random) -> None:
    source = Source("a.net", fuzz.mutated(rng, [text])[:20_000])
    try:
        meaning = show(parse(source))
        found = canonical(source)
    except SpecError:
        return
    assert show(parse(Source("a.net", found))) == meaning
    assert canonical(Source("a.net", found)) == found
