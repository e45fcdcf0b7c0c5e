# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from trunkline.training.evaluation import Evaluation, evaluate

_LABELS = ("ash", "beech", "cedar")


def cases(n: int, seed: int, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities that are right more often than not, and the truth."""
    random = np.random.default_rng(seed)
    if task == "multiclass":
        truth = np.eye(3, dtype=bool)[random.integers(0, 3, n)]
        scores = np.exp(random.normal(size=(n, 3)) + 1.5 * truth)
        return (scores / scores.sum(1, keepdims=True)).astype(np.float32), truth
    truth = random.random((n, 3)) < 0.4
    scores = 1 / (1 + np.exp(-random.normal(size=(n, 3)) - 2 * truth + 1))
    return scores.round(2).astype(np.float32), truth


def evaluated(probabilities: Any, truth: Any, task: str = "multiclass", **more: Any) -> Evaluation:
    probabilities, truth = np.asarray(probabilities, np.float32), np.asarray(truth, bool)
    more.setdefault("sources", [f"{row}.jpg" for row in range(len(truth))])
    return evaluate(probabilities, truth, _LABELS[: truth.shape[1]], task=task, **more)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 25),
    st.integers(0, 10**6),
    st.sampled_from(["multiclass", "multilabel"]),
    st.sampled_from([0.1, 0.3, 0.5, 0.9]),
)
def test_it_agrees_with_scikit_learn(n: int, seed: int, task: str, threshold: float) -> None:
    probabilities, truth = cases(n, seed, task)
    found = evaluated(probabilities, truth, task, threshold=threshold)
    said = probabilities >= np.float32(threshold)
    for average, values in (
        ("micro", [(found.precision.value, found.recall.value)]),
        (None, [(tag.precision.value, tag.recall.value) for tag in found.tags]),
    ):
        for ours, theirs in zip(
            zip(*values, strict=True), (sk.precision_score, sk.recall_score), strict=True
        ):
            expected = theirs(truth, said, average=average, zero_division=np.nan)
            shown = [np.nan if value is None else value for value in ours]
            np.testing.assert_allclose(shown, np.atleast_1d(expected), atol=1e-12)
    present = truth.any(axis=0)
    if present.any():
        expected = sk.average_precision_score(truth[:, present], probabilities[:, present])
        assert found.average_precision.value == pytest.approx(expected, abs=1e-12)
    if task == "multiclass":
        pair = truth.argmax(1), probabilities.argmax(1)
        assert found.accuracy.value == pytest.approx(sk.accuracy_score(*pair))
        expected = sk.confusion_matrix(*pair, labels=range(3))
        np.testing.assert_array_equal(found.confusion_matrix, expected)
    else:
        assert found.accuracy.value == pytest.approx(sk.accuracy_score(truth, said))
        assert found.confusion_matrix == ()
    json.dumps(found.to_dict(), allow_nan=False)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 20), st.integers(0, 10**6), st.sampled_from(["multiclass", "multilabel"]))
def test_the_order_of_pictures_does_not_matter(n: int, seed: int, task: str) -> None:
    probabilities, truth = cases(n, seed, task)
    folds = np.arange(n) % 3
    order = np.random.default_rng(seed).permutation(n)
    names = [f"{row}.jpg" for row in range(n)]
    one = evaluated(probabilities, truth, task, folds=folds, sources=names)
    other = evaluated(
        probabilities[order],
        truth[order],
        task,
        folds=folds[order],
        sources=[names[row] for row in order],
    )
    plain, shuffled = one.to_dict(), other.to_dict()
    for values in (plain, shuffled):
        for kind in ("mistakes", "doubts"):
            found = [{**each, "index": None} for each in values[kind]]
            values[kind] = sorted(found, key=str)
    _assert_close(plain, shuffled)


def _assert_close(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            _assert_close(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for here, there in zip(one, other, strict=True):
            _assert_close(here, there)
    else:
        assert one == (pytest.approx(other, abs=1e-9) if isinstance(other, float) else other)


def test_spread_is_over_the_folds_in_which_a_figure_is_defined() -> None:
    # Fold 0: ash is found in one of two; fold 1: in both; fold 2 has no ash.
    probabilities = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4], [0.1, 0.9]]
    truth = [[1, 0], [1, 0], [1, 0], [1, 0], [0, 1]]
    ash, beech = evaluated(probabilities, truth, folds=np.array([0, 0, 1, 1, 2])).tags
    assert (ash.recall.value, ash.recall.mean) == (0.75, 0.75)
    assert ash.recall.deviation == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert (ash.pictures, ash.predicted, ash.found) == (4, 3, 3)
    assert (beech.recall.value, beech.recall.mean, beech.recall.deviation) == (1.0, 1.0, None)


def test_what_is_undefined_is_none_and_not_zero() -> None:
    found = evaluated([[0.3, 0.7], [0.2, 0.8]], [[0, 1], [0, 1]])
    ash = found.tags[0]
    assert ash.precision.value is ash.recall.value is ash.average_precision.value is None
    assert found.average_precision.value == 1.0  # the mean over the tags that pictures have


def test_no_pictures_at_all() -> None:
    found = evaluated(np.zeros((0, 2)), np.zeros((0, 2)), folds=np.zeros(0, int))
    assert (found.pictures, found.right, found.folds) == (0, 0, 0)
    assert found.accuracy.value is found.accuracy_interval is found.precision.value is None
    assert found.calibration.expected_error is None
    assert found.mistakes == found.doubts == found.confusions == ()
    assert evaluated(np.zeros((0, 2)), np.zeros((0, 2)), "multilabel").recall.value is None


def test_mistakes_say_what_was_said_against_what_was_tagged() -> None:
    found = evaluated(
        [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.0, 0.05, 0.95]], [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    )
    worst, other = found.mistakes
    assert (worst.source, worst.index, worst.tagged) == ("2.jpg", 2, ("beech",))
    assert [(said.tag, round(said.probability, 2)) for said in worst.said] == [
        ("cedar", 0.95),
        ("beech", 0.05),
        ("ash", 0.0),
    ]
    assert worst.error == pytest.approx(0.95)
    assert other.source == "1.jpg"
    assert [(each.tagged, each.said, each.count) for each in found.confusions] == [
        ("ash", "beech", 1),
        ("beech", "cedar", 1),
    ]


def test_mistakes_of_a_multilabel_model_are_those_at_the_threshold() -> None:
    probabilities = [[0.6, 0.1, 0.45], [0.4, 0.9, 0.9]]
    found = evaluated(probabilities, [[1, 0, 0], [1, 0, 1]], "multilabel", threshold=0.42)
    assert [each.source for each in found.mistakes] == ["1.jpg", "0.jpg"]
    assert [said.tag for said in found.mistakes[0].said] == ["beech", "ash"]
    assert [said.tag for said in found.mistakes[1].said] == ["cedar"]
    assert found.mistakes[0].tagged == ("ash", "cedar")


def test_the_threshold_is_one_of_the_sweeps() -> None:
    found = evaluated([[0.9, 0.1]], [[1, 0]], threshold=0.333)
    assert 0.333 in found.sweep.thresholds
    assert len(found.sweep.thresholds) == 20
    assert found.sweep.thresholds == found.tags[0].sweep.thresholds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"folds": np.zeros(3, int)}, "folds"),
        ({"sources": ["one"]}, "shape"),
        ({"task": "detection"}, "task"),
        ({"labels": ()}, "shape"),
        ({"probabilities": np.array([[np.nan, 1], [0, 1]])}, "between 0 and 1"),
        ({"probabilities": np.array([[1.5, 0], [0, 1]])}, "between 0 and 1"),
        ({"truth": np.ones((2, 2), bool)}, "exactly one"),
        ({"probabilities": np.zeros((2, 0)), "truth": np.zeros((2, 0), bool), "labels": ()}, "no"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(change: dict[str, Any], message: str) -> None:
    given = {
        "probabilities": np.eye(2),
        "truth": np.eye(2, dtype=bool),
        "labels": ("ash", "beech"),
        "task": "multiclass",
        "sources": ["a", "b"],
        **change,
    }
    with pytest.raises(ValueError, match=message):
        evaluate(given.pop("probabilities"), given.pop("truth"), given.pop("labels"), **given)


def test_five_hundred_tags_are_quick() -> None:
    truth = np.eye(500, dtype=bool)[np.arange(1000) % 500]
    probabilities = np.random.default_rng(0).dirichlet(np.ones(500), 1000).astype(np.float32)
    found = evaluate(
        probabilities,
        truth,
        [str(each) for each in range(500)],
        task="multiclass",
        sources=[""] * 1000,
    )
    assert len(found.tags) == 500
