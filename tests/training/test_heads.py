# SPDX-License-Identifier: Apache-2.0
"""Heads as scikit-learn estimators: one dense layer each, on raw features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.utils.estimator_checks import parametrize_with_checks

from trunkline.training.heads import (
    BlendedHead,
    CentroidHead,
    DiscriminantHead,
    LogisticHead,
    WhitenedHead,
)
from trunkline.training.rows import prepare
from trunkline.training.solving import discriminants

HEADS = [BlendedHead(), CentroidHead(), DiscriminantHead(), LogisticHead(), WhitenedHead()]


@pytest.fixture(params=HEADS, ids=lambda head: type(head).__name__)
def head(request):
    return type(request.param)()


def clusters(seed, pictures=6, tags=3, features=40, views=None):
    """Features as behind a ReLU, not centred and of unequal size, in one cluster per tag."""
    generator = np.random.default_rng(seed)
    middle = generator.gamma(0.5, 1.0, (tags, features))
    numbers = np.repeat(np.arange(tags), pictures)
    shape = (len(numbers), features) if views is None else (len(numbers), views, features)
    noise = generator.normal(0, 0.2, shape)
    around = middle[numbers] if views is None else middle[numbers][:, None]
    return np.abs(around + noise), numbers


@parametrize_with_checks(HEADS)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_a_head_tells_clusters_apart(head):
    rows, tags = clusters(0)
    names = np.array(["ape", "bee", "cat"])[tags]
    fresh, truth = clusters(0)
    head.fit(rows[::2], names[::2])
    assert (head.predict(fresh[1::2]) == np.array(["ape", "bee", "cat"])[truth[1::2]]).all()


@pytest.mark.parametrize("tags", [2, 3])
def test_probabilities_are_the_softmax_of_one_dense_layer_on_raw_features(head, tags):
    rows, numbers = clusters(1, tags=tags)
    head.fit(rows, numbers)
    assert head.coef_.shape == (tags, rows.shape[1])
    assert head.intercept_.shape == (tags,)
    assert head.coef_.dtype == head.intercept_.dtype == np.float64
    logits = rows @ head.coef_.T + head.intercept_
    np.testing.assert_allclose(head.predict_proba(rows), softmax(logits, axis=1), atol=1e-12)


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 1000), views=st.integers(1, 4))
def test_the_same_pictures_give_the_same_head_to_the_byte(seed, views):
    rows, tags = clusters(seed, views=views)
    first, again = BlendedHead().fit(rows, tags), BlendedHead().fit(rows.copy(), tags)
    assert first.coef_.tobytes() == again.coef_.tobytes()
    assert first.intercept_.tobytes() == again.intercept_.tobytes()


def test_the_order_of_pictures_hardly_matters(head):
    rows, tags = clusters(2)
    order = np.random.default_rng(0).permutation(len(tags))
    one = head.fit(rows, tags).predict_proba(rows)
    other = head.fit(rows[order], tags[order]).predict_proba(rows)
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_views_are_looked_at():
    rows, tags = clusters(3, views=3)
    with_views = WhitenedHead(all_views=True).fit(rows, tags)
    without = WhitenedHead(all_views=False).fit(rows, tags)
    plain = WhitenedHead().fit(rows[:, 0], tags)
    np.testing.assert_array_equal(without.coef_, plain.coef_)
    assert np.abs(with_views.coef_ - plain.coef_).max() > 1e-3


def test_tags_count_alike_however_many_pictures_they_have():
    rows, tags = clusters(4, pictures=20, tags=2)
    few = np.concatenate([np.flatnonzero(tags == 0), np.flatnonzero(tags == 1)[:2]])
    _, ready, _ = prepare(rows[few][:, None])
    layer = discriminants(ready, tags[few], 2, 0.5)
    middle = (ready.centres[:20].mean(axis=0) + ready.centres[20:].mean(axis=0)) / 2
    logits = layer(middle)
    assert logits[0] == pytest.approx(logits[1])


def test_equal_pictures_are_no_reason_to_fail(head):
    rows = np.repeat(np.eye(2, 5), 3, axis=0)
    head.fit(rows, [0, 0, 0, 1, 1, 1])
    assert head.predict(np.eye(2, 5)).tolist() == [0, 1]


def test_pictures_without_any_feature_are_no_reason_to_fail(head):
    head.fit(np.zeros((4, 5)), [0, 0, 1, 1])
    assert np.isfinite(head.predict_proba(np.zeros((1, 5)))).all()


def test_one_tag_is_refused(head):
    with pytest.raises(ValueError, match="2 classes or more"):
        head.fit(np.eye(3), [1, 1, 1])
