# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.metrics import precision_score as sk_precision
from sklearn.metrics import recall_score as sk_recall

from trunkline.training.metrics import (
    Ranking,
    binarised,
    precision,
    ratio,
    recall,
    wilson_interval,
)

# Few distinct scores, so that ties are the rule.
_SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.7, 0.9, 1.0]) | st.floats(
    0, 1, width=32
)
_PAIRS = st.lists(st.tuples(st.booleans(), _SCORES), min_size=1, max_size=30)
_QUICK = settings(deadline=None, max_examples=60)


def arrays(pairs: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    truth, scores = zip(*pairs, strict=True)
    return np.array(truth), np.array(scores, np.float32)


@_QUICK
@given(_PAIRS)
def test_average_precision_is_scikit_learns(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = arrays(pairs)
    found = Ranking.of(truth, scores).average_precision()
    if truth.any():
        assert found == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
        assert 0 <= found <= 1 + 1e-12
    else:
        assert found is None


@_QUICK
@given(_PAIRS, st.floats(0, 1))
def test_precision_and_recall_are_scikit_learns(
    pairs: list[tuple[bool, float]], threshold: float
) -> None:
    truth, scores = arrays(pairs)
    said = binarised(scores, threshold)
    expected = {
        precision: sk_precision(truth, said, zero_division=np.nan),
        recall: sk_recall(truth, said, zero_division=np.nan),
    }
    for measure, value in expected.items():
        found = measure(truth, said)
        if np.isnan(value):
            assert found is None
        else:
            assert found == pytest.approx(value, abs=1e-12)


@_QUICK
@given(_PAIRS, st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0]), max_size=5))
def test_a_sweep_is_what_each_threshold_alone_gives(
    pairs: list[tuple[bool, float]], thresholds: list[float]
) -> None:
    truth, scores = arrays(pairs)
    sweep = Ranking.of(truth, scores).sweep(thresholds)
    assert sweep.thresholds == tuple(thresholds)
    for number, threshold in enumerate(thresholds):
        said = binarised(scores, threshold)
        assert sweep.precision[number] == precision(truth, said)
        assert sweep.recall[number] == recall(truth, said)


@_QUICK
@given(_PAIRS)
def test_a_curve_is_scikit_learns(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = arrays(pairs)
    curve = Ranking.of(truth, scores).curve()
    if not truth.any():
        assert set(curve.recall) == {None}
        return
    precisions, recalls, thresholds = precision_recall_curve(truth, scores)
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1], atol=1e-12)
    np.testing.assert_allclose(curve.precision, precisions[-2::-1], atol=1e-12)
    np.testing.assert_allclose(curve.recall, recalls[-2::-1], atol=1e-12)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    scores = np.linspace(0, 1, 1000)
    curve = Ranking.of(scores > 0.3, scores).curve()
    assert len(curve.thresholds) == 64
    assert (curve.thresholds[0], curve.thresholds[-1]) == (1.0, 0.0)
    assert curve.recall[-1] == 1.0


def test_nothing_at_all_is_undefined() -> None:
    ranking = Ranking.of(np.zeros(0, bool), np.zeros(0, np.float32))
    assert ranking.average_precision() is None
    assert ranking.curve().thresholds == ()
    assert ranking.sweep([0.5]).precision == (None,)
    assert wilson_interval(0, 0) is None
    assert ratio(0, 0) is None


def test_a_float32_reaches_the_threshold_it_is_written_as() -> None:
    assert float(np.float32(0.7)) < 0.7
    assert binarised(np.array([0.7], np.float32), 0.7).all()


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # By hand from Wilson's formula; 8 of 10 is a textbook's example.
    [(8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (1, 1, 0.2065, 1.0)],
)
def test_wilson_interval(part: int, whole: int, low: float, high: float) -> None:
    found = wilson_interval(part, whole)
    assert found == pytest.approx((low, high), abs=5e-5)


@_QUICK
@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share(part: int, whole: int) -> None:
    part = min(part, whole)
    interval = wilson_interval(part, whole)
    assert interval is not None
    assert 0 <= interval[0] <= part / whole <= interval[1] <= 1
