# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.cli.blocks import Picture, lay_out
from trunkline.engine.trunks import Cost, Head, Trunk


def head(name: str, macs: int = 10, labels: int = 3) -> Head:
    return Head(name, labels, "compiled", Cost(macs))


def trunk(name: str, macs: int, *heads: Head, after: tuple[str, ...] = ()) -> Trunk:
    return Trunk(name, after, 1, Cost(macs), heads)


def test_heads_follow_their_trunk() -> None:
    picture = lay_out([trunk("t", 1000, head("a", 500), head("b", 0, 1))])
    assert picture.width == 1500
    a, b, whole = picture.blocks
    assert (whole.left, whole.width, whole.top, whole.rows) == (0, 1000, 0, 2)
    assert (a.left, a.width, a.top, a.rows) == (1000, 500, 0, 1)
    assert (b.left, b.top) == (1000, 1)
    assert 0 < b.width < 20  # too small to be drawn to scale, and drawn all the same
    assert [(row.name, row.labels) for row in picture.rows] == [("a", "3 labels"), ("b", "1 label")]
    assert [row.left for row in picture.rows] == [1500, 1000 + b.width]
    assert whole.labels[0] == "t\n1 k MACs, 0 B of weights\nonce for 2 models"
    assert not a.labels


def test_branches_lie_behind_their_trunk_and_share_its_colour() -> None:
    picture = lay_out(
        [
            trunk("stem", 100, head("own")),
            trunk("branch", 50, head("a"), head("b"), after=("stem",)),
            trunk("other", 70, head("c")),
            trunk("twig", 5, head("d"), after=("stem", "branch")),
        ]
    )
    blocks = {block.labels[-1]: block for block in picture.blocks if block.labels}
    assert blocks["stem"].rows == 4
    assert (blocks["branch"].left, blocks["branch"].rows) == (100, 3)
    assert (blocks["twig"].left, blocks["twig"].rows) == (150, 1)
    assert (blocks["other"].left, blocks["other"].top) == (0, 4)
    assert blocks["stem"].family == blocks["twig"].family != blocks["other"].family
    assert "once for 4 models" in blocks["stem"].labels[0]


def test_a_trunk_that_is_the_answer_has_no_head() -> None:
    picture = lay_out([trunk("t", 100, Head("a", 3, "none", Cost()))])
    assert len(picture.blocks) == 1
    assert picture.rows[0].left == 100


def test_of_very_many_the_rest_is_one_row() -> None:
    picture = lay_out([trunk("t", 100, *(head(str(n)) for n in range(1000)))])
    assert len(picture.rows) == 40
    assert picture.rows[-1].name == "and 961 more models"
    assert "once for 1000 models" in picture.blocks[-1].labels[0]
    assert len(lay_out([trunk("t", 100, *(head(str(n)) for n in range(40)))]).rows) == 40


def test_long_names_are_cut_and_odd_ones_made_plain() -> None:
    picture = lay_out([trunk("t", 100, head("x" * 100), head("a\nb"))])
    assert picture.rows[0].name == "x" * 47 + "…"
    assert picture.rows[1].name == "a b"


def test_nothing_is_an_empty_picture() -> None:
    assert lay_out([]) == Picture(1)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_row_is_filled_once_and_no_blocks_overlap(data: st.DataObject) -> None:
    trunks: list[Trunk] = []
    for number in range(data.draw(st.integers(1, 6))):
        before = data.draw(st.sets(st.sampled_from(range(number)), max_size=2)) if number else set()
        macs = st.integers(0, 1000)
        heads = (
            head(f"m{number}-{k}", data.draw(macs)) for k in range(data.draw(st.integers(1, 3)))
        )
        after = tuple(trunks[each].id for each in sorted(before))
        trunks.append(trunk(f"t{number}", data.draw(macs), *heads, after=after))
    picture = lay_out(trunks)
    assert len(picture.rows) == sum(len(each.heads) for each in trunks)
    assert sum(bool(block.labels) for block in picture.blocks) == len(trunks)
    for number, row in enumerate(picture.rows):
        here = sorted(
            (block for block in picture.blocks if block.top <= number < block.top + block.rows),
            key=lambda block: block.left,
        )
        assert here[0].left == 0
        assert len({block.family for block in here}) == 1
        for one, other in pairwise(here):
            assert other.left - (one.left + one.width) >= -1e-6
        assert row.left == pytest.approx(here[-1].left + here[-1].width)
