# SPDX-License-Identifier: Apache-2.0
"""How sure a head may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.training.calibration import find_sharpness, losses, probabilities


@settings(deadline=None, max_examples=20)
@given(factor=st.floats(0.05, 20), seed=st.integers(0, 100))
def test_a_temperature_that_was_changed_is_found_again(factor, seed):
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (2000, 3))
    chances = probabilities(logits, "softmax").cumsum(axis=1)
    chosen = (generator.random((2000, 1)) > chances).sum(axis=1).clip(0, 2)
    found = find_sharpness(logits * factor, np.eye(3, dtype=bool)[chosen], "softmax")
    assert found * factor == pytest.approx(1, rel=0.25)


def test_all_right_does_not_mean_certain():
    logits = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    found = find_sharpness(logits, logits.astype(bool), "softmax")
    assert 1 < found < 100


def test_losses_of_each_activation():
    logits, truth = np.array([[0.0, 0.0]]), np.array([[True, False]])
    np.testing.assert_allclose(losses(logits, truth, "softmax"), [np.log(2)])
    np.testing.assert_allclose(losses(logits, truth, "sigmoid"), [np.log(2)])
    assert losses(np.array([[9.0, -9.0]]), truth, "sigmoid")[0] < 1e-3


def test_extreme_logits_stay_finite():
    logits, truth = np.array([[1e4, -1e4]]), np.array([[False, True]])
    assert np.isfinite(losses(logits, truth, "softmax")).all()
    assert np.isfinite(losses(logits, truth, "sigmoid")).all()
    np.testing.assert_allclose(probabilities(logits, "sigmoid"), [[1, 0]])
