# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.demo.fitting import Dense, fit


def clouds(seed: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of 40 points in five dimensions, and which is which."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.eye(3, 5)
    classes = np.repeat(np.arange(3), 40)
    points = centres[classes] + rng.normal(0, spread, (120, 5))
    return points.astype(np.float32), classes


def loss(layer: Dense, features: np.ndarray, classes: np.ndarray) -> float:
    """Mean cross entropy and the penalty on the layer as it is on scaled features."""
    logits = layer(features).astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(classes)), classes]
    scaled = layer.weights * (features.std(axis=0) + 1e-6)[:, None]
    bias = layer.bias + features.mean(axis=0) @ layer.weights
    return float(entropy.mean() + 1e-3 / 2 * ((scaled**2).sum() + (bias**2).sum()))


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=10)
def test_clouds_apart_are_told_apart(seed: int) -> None:
    features, classes = clouds(seed, 0.4)
    assert (fit(features, classes, 3)(features).argmax(axis=1) == classes).all()


@given(st.integers(0, 2**32), st.floats(0.5, 100), st.floats(-50, 50))
@settings(deadline=None, max_examples=10)
def test_the_unit_of_the_features_does_not_matter(seed: int, unit: float, origin: float) -> None:
    features, classes = clouds(seed, 2.0)
    plain = fit(features, classes, 3)(features)
    moved = (features * unit + origin).astype(np.float32)
    assert fit(moved, classes, 3)(moved) == pytest.approx(plain, abs=0.02)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=10)
def test_no_layer_near_it_is_better(seed: int) -> None:
    features, classes = clouds(seed, 2.0)
    best = fit(features, classes, 3)
    rng = np.random.default_rng(seed)
    for size in (0.03, 0.3):
        other = Dense(
            (best.weights + rng.normal(0, size, best.weights.shape)).astype(np.float32),
            (best.bias + rng.normal(0, size, best.bias.shape)).astype(np.float32),
        )
        assert loss(best, features, classes) <= loss(other, features, classes) + 1e-6


def test_a_feature_that_never_changes_does_no_harm() -> None:
    features, classes = clouds(1, 0.4)
    features[:, 4] = 7
    layer = fit(features, classes, 3)
    assert np.isfinite(layer.weights).all()
    assert (layer(features).argmax(axis=1) == classes).all()
