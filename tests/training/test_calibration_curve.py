# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve as theirs

from trunkline.training.calibration_curve import calibration_curve


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(0, 10**6))
def test_bins_are_scikit_learns(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.uniform(0.001, 0.999, n)
    right = random.random(n) < probabilities
    found = calibration_curve(probabilities, right)
    accuracies, confidences = theirs(right, probabilities, n_bins=10)
    full = [each for each in found.bins if each.count]
    np.testing.assert_allclose([each.accuracy for each in full], accuracies)
    np.testing.assert_allclose([each.confidence for each in full], confidences)
    assert sum(each.count for each in found.bins) == n
    assert found.expected_error is not None
    assert 0 <= found.expected_error <= 1


def test_the_expected_error_by_hand() -> None:
    # Two at 0.95 of which one is right, two at 0.25 of which none is.
    found = calibration_curve(
        np.array([0.95, 0.95, 0.25, 0.25]), np.array([True, False] + [False] * 2)
    )
    assert found.expected_error == pytest.approx((2 * 0.45 + 2 * 0.25) / 4)
    assert found.mean_confidence == pytest.approx(0.6)
    assert found.share_right == 0.25


def test_a_bin_ends_inclusive_and_empty_ones_say_nothing() -> None:
    found = calibration_curve(np.array([0.0, 0.1, 1.0]), np.array([False, False, True]))
    assert [each.count for each in found.bins] == [2, *[0] * 8, 1]
    assert found.bins[4].confidence is found.bins[4].accuracy is None


def test_nothing_is_undefined() -> None:
    found = calibration_curve(np.zeros(0), np.zeros(0, bool))
    assert found.expected_error is found.mean_confidence is found.share_right is None
