from hypothesis import given
from hypothesis import strategies as st

from netc.compiler.arena import ALIGNMENT, Block, aligned, extent, lower_bound, place

BLOCKS = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 30), st.integers(0, 12)).map(
        lambda drawn: Block(drawn[0], drawn[1], drawn[1] + drawn[2])
    ),
    max_size=25,
)


@given(BLOCKS)
def test_blocks_that_are_alive_together_do_not_overlap(blocks):
    offsets = place(blocks)
    for i, (a, p) in enumerate(zip(blocks, offsets, strict=True)):
        assert p % ALIGNMENT == 0
        for b, q in zip(blocks[:i], offsets, strict=False):
            if a.birth <= b.death and b.birth <= a.death:
                assert p + a.bytes <= q or q + b.bytes <= p


@given(BLOCKS)
def test_the_bound_is_the_most_that_is_alive_at_once(blocks):
    alive = [sum(aligned(b.bytes) for b in blocks if b.birth <= t <= b.death) for t in range(50)]
    assert lower_bound(blocks) == max(alive)
    assert extent(blocks, place(blocks)) >= lower_bound(blocks)


def test_a_block_goes_into_the_tightest_gap():
    # While the last one is alive, 128 bytes are free at 0 and 64 at 192.
    blocks = [Block(128, 0, 0), Block(64, 0, 9), Block(64, 0, 0), Block(192, 0, 9), Block(64, 5, 6)]
    offsets = place(blocks)
    assert extent(blocks, offsets) == lower_bound(blocks) == 448


def test_blocks_that_follow_each_other_share_a_place():
    assert place([Block(640, 0, 1), Block(640, 2, 3), Block(640, 4, 5)]) == (0, 0, 0)
