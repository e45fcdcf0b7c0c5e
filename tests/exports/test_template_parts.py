# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from trunkline.exports.template_parts import HeadConstants, Places, Step, label_axis, locate, take

WEIGHTS = np.arange(1, 9, dtype=np.float32).reshape(4, 2)
BIAS = np.array([0.5, 0.25], np.float32)
HEAD = HeadConstants(WEIGHTS, BIAS)
STEPS = (
    Step("Conv", ("picture", "kernel"), ("mean",)),
    Step("MatMul", ("mean", "w"), ("product",)),
    Step("Add", ("product", "b"), ("sum",)),
    Step("Softmax", ("sum",), ("out",)),
)
CONSTANTS = (("kernel", np.zeros((4, 2, 1, 1), np.float32)), ("w", WEIGHTS), ("b", BIAS))


def test_a_head_is_found_with_all_that_follows_from_it() -> None:
    found = locate(CONSTANTS, STEPS, {"out"}, HEAD)
    assert found == Places("w", "b", transposed=False, shaped=("w", "b", "product", "sum", "out"))


def test_it_may_be_stored_the_other_way_round_and_in_half_the_bytes() -> None:
    wide = Step("DEQUANTIZE", ("h",), ("w",))
    constants = [("h", WEIGHTS.T.astype(np.float16)), ("b", BIAS.reshape(1, 2))]
    found = locate(constants, [wide, *STEPS], {"out"}, HEAD)
    assert found == Places("h", "b", True, ("h", "b", "w", "product", "sum", "out"))


def changed(at: int, kind: str, *takes: str, gives: str = "") -> list[Step]:
    steps = list(STEPS)
    steps[at] = Step(kind, takes or steps[at].takes, (gives,) if gives else steps[at].gives)
    return steps


@pytest.mark.parametrize(
    "steps",
    [
        [*STEPS, Step("Relu", ("w",), ("more",))],
        [*STEPS, Step("Add", ("sum", "b"), ("more",))],
        changed(1, "Conv"),
        changed(2, "Mul"),
        changed(3, "Relu"),
        changed(2, "Add", "product"),
        [*changed(2, "Add", "product", "mean"), Step("Add", ("mean", "b"), ("more",))],
        [*STEPS, Step("Identity", ("out",), ("again",)), Step("MatMul", ("again",), ("last",))],
        [
            Step("Identity", ("w",), ("x",)), Step("Identity", ("x",), ("y",)),
            *changed(1, "MatMul", "mean", "y"),
        ],
    ],
    ids=[
        "weights used twice", "bias used twice", "no product", "no sum", "no activation",
        "bias unused", "bias elsewhere", "a product behind it", "a long way",
    ],
)  # fmt: skip
def test_what_may_have_another_part_is_no_head(steps: list[Step]) -> None:
    assert locate(CONSTANTS, steps, {"out"}, HEAD) is None


def test_every_output_must_come_from_the_head() -> None:
    assert locate(CONSTANTS, STEPS, {"out", "mean"}, HEAD) is None


def test_constants_must_be_there_once() -> None:
    assert locate([*CONSTANTS, ("again", WEIGHTS)], STEPS, {"out"}, HEAD) is None
    assert locate([*CONSTANTS, ("again", BIAS)], STEPS, {"out"}, HEAD) is None
    assert locate(CONSTANTS[:2], STEPS, {"out"}, HEAD) is None


def test_weights_that_look_alike_both_ways_are_not_clear() -> None:
    even = np.array([[1, 2], [2, 3]], np.float32)
    constants = [("w", even), ("b", BIAS)]
    assert locate(constants, STEPS, {"out"}, HeadConstants(even, BIAS)) is None


@pytest.mark.parametrize(
    "head", [HeadConstants(WEIGHTS * 0, BIAS), HeadConstants(WEIGHTS, BIAS * 0)]
)
def test_zeros_would_hide_a_factor(head: HeadConstants) -> None:
    constants = [("w", head.weights), ("b", head.bias)]
    assert locate(constants, STEPS, {"out"}, head) is None


PLACES = Places("w", "b", transposed=True, shaped=())


def test_what_is_taken_is_turned_and_widened() -> None:
    taken = take(WEIGHTS.T.astype("<f2"), BIAS.reshape(1, 2), PLACES, ("a", "b"), [b"rest"])
    assert taken.head.weights.dtype == taken.head.bias.dtype == np.float32
    np.testing.assert_array_equal(taken.head.weights, WEIGHTS)
    np.testing.assert_array_equal(taken.head.bias, BIAS)
    assert taken.labels == ("a", "b")


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        (WEIGHTS.T[..., None], BIAS),
        (WEIGHTS.T[:, :0], BIAS),
        (WEIGHTS.T, BIAS[:1]),
        (WEIGHTS.T, BIAS.reshape(2, 1)),
        (WEIGHTS, BIAS),
    ],
)
def test_constants_that_do_not_fit_are_not_taken(weights: np.ndarray, bias: np.ndarray) -> None:
    assert take(weights, bias, PLACES, None, []) is None


def rest(*pieces: bytes, weights: np.ndarray = WEIGHTS.T, bias: np.ndarray = BIAS) -> bytes:
    return take(weights, bias, PLACES, None, pieces).rest


def test_the_rest_tells_everything_apart_but_the_values() -> None:
    assert rest(b"ab", b"c") == rest(b"ab", b"c", weights=WEIGHTS.T + 1, bias=BIAS + 1)
    more_labels = np.ones((9, 4), np.float32), np.ones(9, np.float32)
    assert rest(b"ab") == rest(b"ab", weights=more_labels[0], bias=more_labels[1])
    long = b"x" * 5000
    different = [
        rest(b"ab", b"c"), rest(b"a", b"bc"), rest(b"abc"), rest(b"abc", b""), rest(),
        rest(long, b"ab"), rest(b"ab", long), rest(long[:-1] + b"y", b"ab"),
        rest(b"abc", bias=BIAS.reshape(1, 2)), rest(b"abc", weights=WEIGHTS.T.astype("<f2")),
        rest(b"abc", weights=np.ones((2, 5), np.float32)),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_large_pieces_are_told_apart_by_the_rest_alone() -> None:
    pieces = [[b"x" * 5000 + end, b"ab"] for end in (b"1", b"2", b"1")]
    first, second, third = (take(WEIGHTS.T, BIAS, PLACES, None, each) for each in pieces)
    assert first.frame == second.frame == third.frame
    assert first.rest == third.rest != second.rest
    assert all(each.rest.startswith(each.frame) for each in (first, second))
    longer = take(WEIGHTS.T, BIAS, PLACES, None, [b"x" * 5002, b"ab"])
    assert longer.frame != first.frame
    two_ways = [[b"x" * 5000, b"x" * 6000], [b"x" * 6000, b"x" * 5000]]
    assert len({take(WEIGHTS.T, BIAS, PLACES, None, each).rest for each in two_ways}) == 2


def test_the_axis_of_labels_is_the_last_that_fits() -> None:
    assert label_axis([3, 512], 3) == 0
    assert label_axis([1, 1], 1) == 1
    assert label_axis([1, 4], 3) is None
