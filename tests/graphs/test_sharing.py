# SPDX-License-Identifier: Apache-2.0
"""Splitting networks, on made-up operations: nothing here knows OpenVINO."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.graphs.merging import Step, Tensor, steps_behind
from trunkline.graphs.sharing import split

MILLION = 1_000_000
INPUT = Tensor(b"picture", 0)
ORDERING = {"Convolution", "MatMul"}
EXACT = {"Relu", "Concat", "MaxPool"}
ROUNDING = {"Add", "Multiply", "ReduceMean", "Sigmoid"}


class Steps(dict):
    """Operations by identity; ``steps("name", "Kind", [...])`` adds one and returns its tensor."""

    def __init__(self):
        super().__init__({INPUT.identity: Step("Parameter", (), 0, 0)})

    def __call__(self, name, kind, takes=(INPUT,), macs=2 * MILLION, weight_bytes=10, port=0):
        self[name.encode()] = Step(kind, tuple(takes), macs, weight_bytes)
        return Tensor(name.encode(), port)

    def chain(self, names, kind="Convolution", begin=INPUT, **more):
        for name in names:
            begin = self(name, kind, (begin,), **more)
        return begin


def told(segments):
    """Return what the segments hold, readable."""
    return [
        (
            segment.users,
            "".join(sorted(identity.decode() for identity in segment.steps)),
            [tensor.identity.decode() for tensor in segment.takes],
            [tensor.identity.decode() for tensor in segment.gives],
        )
        for segment in segments
    ]


def test_nothing():
    assert split([], Steps()) == ()


def test_one_network_is_one_segment():
    steps = Steps()
    end = steps.chain("abc")
    assert told(split([(end,)], steps)) == [((0,), "abc", ["picture"], ["c"])]
    (segment,) = split([(end,)], steps)
    assert (segment.macs, segment.weight_bytes) == (6 * MILLION, 30)


def test_the_same_network_twice_is_one_segment():
    steps = Steps()
    end = steps.chain("abc")
    assert told(split([(end,), (end,)], steps)) == [((0, 1), "abc", ["picture"], ["c"])]


def test_a_trunk_with_two_heads():
    steps = Steps()
    trunk = steps.chain("abc")
    heads = [(steps.chain("d", begin=trunk),), (steps.chain("ef", begin=trunk),)]
    assert told(split(heads, steps)) == [
        ((0, 1), "abc", ["picture"], ["c"]),
        ((0,), "d", ["c"], ["d"]),
        ((1,), "ef", ["c"], ["f"]),
    ]


def test_a_trunk_that_branches():
    steps = Steps()
    stem = steps.chain("ab")
    left, right = steps.chain("cd", begin=stem), steps.chain("ef", begin=stem)
    ends = [
        steps("u", "Convolution", (left,)),
        steps("v", "Convolution", (left,)),
        steps("w", "Convolution", (right,)),
        steps("x", "Convolution", (right,)),
        steps("y", "Convolution", (stem,)),
    ]
    assert told(split([(end,) for end in ends], steps)) == [
        ((0, 1, 2, 3, 4), "ab", ["picture"], ["b"]),
        ((0, 1), "cd", ["b"], ["d"]),
        ((2, 3), "ef", ["b"], ["f"]),
        ((0,), "u", ["d"], ["u"]),
        ((1,), "v", ["d"], ["v"]),
        ((2,), "w", ["f"], ["w"]),
        ((3,), "x", ["f"], ["x"]),
        ((4,), "y", ["b"], ["y"]),
    ]


def test_a_network_that_ends_within_another():
    steps = Steps()
    middle = steps.chain("ab")
    end = steps.chain("cd", begin=middle)
    assert told(split([(end,), (middle,)], steps)) == [
        ((0, 1), "ab", ["picture"], ["b"]),
        ((0,), "cd", ["b"], ["d"]),
    ]


def test_several_outputs_of_one_operation():
    steps = Steps()
    parts = steps.chain("ab")
    ends = steps("c", "Convolution", (parts,)), steps("d", "Convolution", (Tensor(b"b", 1),))
    trunk, *_ = split([(ends[0],), (ends[1],)], steps)
    assert trunk.gives == (Tensor(b"b", 0), Tensor(b"b", 1))


def test_networks_of_other_pictures_share_nothing():
    steps = Steps()
    steps[b"other"] = Step("Parameter", (), 0, 0)
    ends = [(steps.chain("ab"),), (steps.chain("cd", begin=Tensor(b"other", 0)),)]
    assert told(split(ends, steps)) == [
        ((0,), "ab", ["picture"], ["b"]),
        ((1,), "cd", ["other"], ["d"]),
    ]


def test_an_answer_that_is_the_picture_itself():
    steps = Steps()
    end = steps.chain("a")
    assert told(split([(INPUT,), (end, INPUT)], steps)) == [((1,), "a", ["picture"], ["a"])]


class TestCheapBeginnings:
    def test_they_are_repeated(self):
        steps = Steps()
        begin = steps.chain("ab", macs=MILLION // 3)
        ends = [(steps.chain("c", begin=begin),), (steps.chain("d", begin=begin),)]
        assert told(split(ends, steps)) == [
            ((0,), "abc", ["picture"], ["c"]),
            ((1,), "abd", ["picture"], ["d"]),
        ]

    def test_what_is_worth_it_together_is_shared(self):
        steps = Steps()
        begin = steps.chain("abc", macs=MILLION // 3 + 1)
        ends = [(steps.chain("d", begin=begin),), (steps.chain("e", begin=begin),)]
        assert told(split(ends, steps))[0] == ((0, 1), "abc", ["picture"], ["c"])

    def test_cheap_steps_between_trunks_are_repeated(self):
        steps = Steps()
        stem = steps.chain("ab")
        cheap = steps("c", "Relu", (stem,), 0)
        ends = [
            (steps.chain("x", begin=cheap),),
            (steps.chain("y", begin=cheap),),
            (steps.chain("z", begin=stem),),
        ]
        assert told(split(ends, steps)) == [
            ((0, 1, 2), "ab", ["picture"], ["b"]),
            ((0,), "cx", ["b"], ["x"]),
            ((1,), "cy", ["b"], ["y"]),
            ((2,), "z", ["b"], ["z"]),
        ]

    def test_answers_within_them_are_given(self):
        steps = Steps()
        cheap = steps.chain("ab", macs=1)
        end = steps.chain("c", begin=cheap)
        assert told(split([(cheap, end), (cheap,)], steps)) == [
            ((0,), "abc", ["picture"], ["b", "c"]),
            ((1,), "ab", ["picture"], ["b"]),
        ]


class TestSeams:
    """No cut where the last bits would change."""

    @pytest.mark.parametrize("kind", sorted(ROUNDING))
    def test_what_rounds_stays_with_what_it_takes(self, kind):
        steps = Steps()
        trunk = steps.chain("ab")
        last = steps("c", "Convolution", (trunk,))
        ends = [(steps(name, kind, (last,), 0),) for name in "xy"]
        assert told(split(ends, steps)) == [
            ((0, 1), "ab", ["picture"], ["b"]),
            ((0,), "cx", ["b"], ["x"]),
            ((1,), "cy", ["b"], ["y"]),
        ]

    @pytest.mark.parametrize("kind", ["Add", "Multiply"])
    def test_sums_of_two_tensors_round_once(self, kind):
        steps = Steps()
        trunk = steps.chain("ab")
        ends = []
        for name, own in zip("xy", "uv", strict=True):
            more = steps(own, "Convolution", (trunk,))
            ends.append((steps(name, kind, (trunk, more)),))
        assert told(split(ends, steps))[0] == ((0, 1), "ab", ["picture"], ["b"])

    def test_order_in_memory_goes_through_what_does_not_round(self):
        steps = Steps()
        trunk = steps.chain("ab")
        last = steps("c", "Convolution", (trunk,))
        mean = steps("m", "ReduceMean", (steps("r", "Relu", (last,), 0),), 0)
        other = steps("o", "Convolution", (last,))
        assert told(split([(mean,), (other,)], steps)) == [
            ((0, 1), "ab", ["picture"], ["b"]),
            ((0,), "cmr", ["b"], ["m"]),
            ((1,), "co", ["b"], ["o"]),
        ]

    def test_a_mean_that_both_have_is_shared(self):
        steps = Steps()
        mean = steps("m", "ReduceMean", (steps.chain("ab"),), 0)
        flat = steps("r", "Reshape", (mean,), 0)
        ends = [(steps(name, "MatMul", (flat,)),) for name in "xy"]
        assert told(split(ends, steps))[0] == ((0, 1), "abmr", ["picture"], ["r"])

    def test_where_there_is_no_seam_everything_is_repeated(self):
        steps = Steps()
        first = steps.chain("a")
        ends = [(steps(name, "Add", (first,), 0),) for name in "xy"]
        assert told(split(ends, steps)) == [
            ((0,), "ax", ["picture"], ["x"]),
            ((1,), "ay", ["picture"], ["y"]),
        ]

    def test_an_answer_between_convolution_and_bias_does_not_part_them_for_others(self):
        steps = Steps()
        sums = steps.chain("ab")
        end = steps("c", "Add", (sums,), 0)
        assert told(split([(sums,), (end,), (end,)], steps)) == [
            ((0, 1, 2), "a", ["picture"], ["a"]),
            ((1, 2), "bc", ["a"], ["c"]),
            ((0,), "b", ["a"], ["b"]),
        ]

    def test_the_picture_may_be_taken_by_anything(self):
        steps = Steps()
        end = steps("m", "ReduceMean", (INPUT,))
        assert told(split([(end,)], steps)) == [((0,), "m", ["picture"], ["m"])]


KINDS = sorted(ORDERING | EXACT | ROUNDING)


@st.composite
def unions(draw, kinds=KINDS):
    """Draw networks over random operations: for each what it gives, and the operations."""
    steps, tensors = Steps(), [INPUT]
    for index in range(draw(st.integers(1, 14))):
        takes = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=2, unique=True))
        macs = draw(st.sampled_from([0, MILLION // 3, MILLION]))
        tensors.append(steps(f"{index:02}", draw(st.sampled_from(kinds)), takes, macs))
    needs = st.lists(st.sampled_from(tensors), min_size=1, max_size=3, unique=True)
    return [tuple(each) for each in draw(st.lists(needs, min_size=1, max_size=4))], steps


def users_of(networks, steps):
    """Return, for each operation, who uses it."""
    users = {}
    for index, needs in enumerate(networks):
        for identity in steps_behind(needs, steps):
            users.setdefault(identity, set()).add(index)
    return users


def may_be_cut(tensor, users, steps):
    """Tell whether nothing that rounds looks at how a tensor lies in memory."""
    for identity in users:
        step = steps[identity]
        if tensor not in step.takes or step.kind in ORDERING:
            continue
        exact = step.kind in EXACT or (step.kind in {"Add", "Multiply"} and len(step.takes) > 1)
        if not exact or not may_be_cut(Tensor(identity, 0), users, steps):
            return False
    return True


class TestAnyUnion:
    @settings(max_examples=120, deadline=None)
    @given(unions())
    def test_segments_can_be_run_in_order_and_give_every_answer(self, drawn):
        networks, steps = drawn
        segments = split(networks, steps)
        for index, needs in enumerate(networks):
            there = {INPUT}
            for segment in segments:
                if index in segment.users:
                    assert set(segment.takes) <= there
                    there |= set(segment.gives)
            assert set(needs) <= there

    @settings(max_examples=120, deadline=None)
    @given(unions())
    def test_a_segment_is_complete_and_holds_nothing_in_vain(self, drawn):
        networks, steps = drawn
        segments = split(networks, steps)
        users = users_of(networks, steps)
        wanted = {t for segment in segments for t in segment.takes} | set(
            itertools.chain.from_iterable(networks)
        )
        for segment in segments:
            taken = {t for identity in segment.steps for t in steps[identity].takes}
            assert set(segment.takes) == {t for t in taken if t.identity not in segment.steps}
            assert {tensor.identity for tensor in segment.gives} <= segment.steps
            assert set(segment.gives) <= wanted
            assert segment.gives
            behind = set(steps_behind(segment.gives, steps))
            assert segment.steps <= behind
            assert INPUT.identity not in segment.steps
            assert all(set(segment.users) <= users[identity] for identity in segment.steps)
            assert segment.macs == sum(steps[identity].macs for identity in segment.steps)
            assert segment.weight_bytes == 10 * len(segment.steps)

    @settings(max_examples=120, deadline=None)
    @given(unions())
    def test_cuts_are_at_seams(self, drawn):
        networks, steps = drawn
        users = users_of(networks, steps)
        for segment in split(networks, steps):
            for tensor in segment.takes:
                assert tensor == INPUT or may_be_cut(tensor, users, steps)

    @settings(max_examples=120, deadline=None)
    @given(unions(kinds=sorted(ORDERING)))
    def test_with_seams_everywhere_only_cheap_groups_are_repeated(self, drawn):
        networks, steps = drawn
        users = users_of(networks, steps)
        groups = {}
        for identity, who in users.items():
            groups[frozenset(who)] = groups.get(frozenset(who), 0) + steps[identity].macs
        segments = split(networks, steps)
        for identity, who in users.items():
            if identity != INPUT.identity:
                done = [segment for segment in segments if identity in segment.steps]
                assert done
                if len(who) == 1 or groups[frozenset(who)] >= MILLION:
                    assert [set(segment.users) for segment in done] == [who]
        for segment in segments:
            assert len(segment.users) == 1 or segment.macs >= MILLION

    @settings(max_examples=100, deadline=None)
    @given(unions(), st.randoms(use_true_random=False))
    def test_the_order_of_networks_only_names_them(self, drawn, random):
        networks, steps = drawn
        order = list(range(len(networks)))
        random.shuffle(order)
        shuffled = split([networks[index] for index in order], steps)
        as_before = {
            (tuple(sorted(order[user] for user in s.users)), s.steps, s.takes, s.gives)
            for s in shuffled
        }
        assert as_before == {(s.users, s.steps, s.takes, s.gives) for s in split(networks, steps)}


def test_a_thousand_networks_on_one_trunk_are_split_in_a_moment():
    steps = Steps()
    trunk = steps.chain([f"t{index}" for index in range(200)])
    ends = [(steps.chain([f"a{i}", f"b{i}"], begin=trunk),) for i in range(1000)]
    segments = split(ends, steps)
    assert len(segments) == 1001
    assert len(segments[0].users) == 1000
