# SPDX-License-Identifier: Apache-2.0
"""Choosing, training and calibrating a head."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from trunkline.training.selection import assign_folds, choose, fit_head


def pictures(seed, counts, features=30, views=3, noise=0.4):
    """Features in one cluster per tag, and which picture has which tag."""
    generator = np.random.default_rng(seed)
    tags = np.repeat(np.arange(len(counts)), counts)
    middle = generator.gamma(0.5, 1.0, (len(counts), features))
    spread = generator.normal(0, noise, (len(tags), views, features))
    rows = np.abs(middle[tags][:, None] + spread).astype(np.float32)
    return rows, np.eye(len(counts), dtype=bool)[tags]


def tagged(seed, count=40, features=30, noise=0.3):
    """Features that are sums of what the picture's tags bring; any number of three tags."""
    generator = np.random.default_rng(seed)
    truth = generator.random((count, 3)) < 0.4
    truth[:3], truth[3] = np.eye(3, dtype=bool), False
    brought = truth @ generator.gamma(0.5, 2.0, (3, features))
    rows = np.abs(brought[:, None] + generator.normal(0, noise, (count, 2, features)))
    return rows.astype(np.float32), truth


def test_a_head_is_one_float32_layer_that_is_right_about_other_pictures():
    rows, truth = pictures(0, [8, 8, 8])
    head = fit_head(rows[::2], truth[::2], task="multiclass", seed=0)
    assert head.weights.shape == (3, 30)
    assert head.weights.dtype == head.bias.dtype == np.float32
    assert head.activation == "softmax"
    answers = (rows[1::2, 0] @ head.weights.T + head.bias).argmax(axis=1)
    assert (answers == truth[1::2].argmax(axis=1)).mean() > 0.9


def test_out_of_fold_probabilities_are_of_heads_that_did_not_see_the_picture():
    # Where tags say nothing about the features, no head can be right about what it did not see.
    generator = np.random.default_rng(1)
    rows = generator.random((60, 2, 40)).astype(np.float32)
    truth = np.eye(2, dtype=bool)[generator.permutation(np.repeat([0, 1], 30))]
    head = fit_head(rows, truth, task="multiclass", seed=0)
    right = (head.out_of_fold.argmax(axis=1) == truth.argmax(axis=1)).mean()
    assert 0.2 < right < 0.75
    # And the temperature says so: it is sure of nothing.
    assert head.out_of_fold.max() < 0.9


def test_probabilities_are_calibrated():
    rows, truth = pictures(2, [25, 25, 25], noise=1.3)
    head = fit_head(rows, truth, task="multiclass", seed=0)
    assert head.out_of_fold.shape == truth.shape
    np.testing.assert_allclose(head.out_of_fold.sum(axis=1), 1)
    sure = head.out_of_fold.max(axis=1).mean()
    right = (head.out_of_fold.argmax(axis=1) == truth.argmax(axis=1)).mean()
    assert abs(sure - right) < 0.12


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_same_seed_gives_the_same_head_to_the_byte(task):
    rows, truth = pictures(3, [5, 6, 7]) if task == "multiclass" else tagged(3)
    first = fit_head(rows, truth, task=task, seed=7)
    again = fit_head(rows.copy(), truth.copy(), task=task, seed=7)
    other = fit_head(rows, truth, task=task, seed=8)
    assert first.weights.tobytes() == again.weights.tobytes()
    assert first.out_of_fold.tobytes() == again.out_of_fold.tobytes()
    assert (first.folds != other.folds).any()


def test_any_number_of_tags_per_picture():
    rows, truth = tagged(4, count=80)
    head = fit_head(rows[:60], truth[:60], task="multilabel", seed=0)
    assert head.activation == "sigmoid"
    probabilities = expit(rows[60:, 0] @ head.weights.T + head.bias)
    right = ((probabilities > 0.5) == truth[60:]).mean()
    assert right > 0.85
    assert ((head.out_of_fold > 0.5) == truth[:60]).mean() > 0.8


def test_one_label_is_enough_for_any_number_of_tags():
    rows, truth = pictures(5, [6, 6])
    head = fit_head(rows, truth[:, :1], task="multilabel", seed=0)
    assert ((rows[:, 0] @ head.weights.T + head.bias > 0) == truth[:, :1]).mean() > 0.9


def test_a_tag_with_one_picture_is_trained_on_and_unlikely_where_it_was_held_out():
    rows, truth = pictures(6, [6, 6, 1], noise=0.1)
    head = fit_head(rows, truth, task="multiclass", seed=0)
    assert (rows[12, 0] @ head.weights.T + head.bias).argmax() == 2
    assert head.out_of_fold[12].argmax() != 2
    assert np.isfinite(head.out_of_fold).all()


def test_two_pictures_are_enough():
    rows, truth = pictures(7, [1, 1], noise=0.1)
    head = fit_head(rows, truth, task="multiclass", seed=0)
    assert (rows[:, 0] @ head.weights.T + head.bias).argmax(axis=1).tolist() == [0, 1]


def test_the_exported_layer_is_at_the_same_temperature_as_what_was_held_out():
    rows, truth = pictures(8, [15, 15, 15], noise=1.0)
    head = fit_head(rows, truth, task="multiclass", seed=0)
    seen = softmax(rows[:, 0] @ head.weights.T + head.bias, axis=1)
    assert seen[truth].mean() > head.out_of_fold[truth].mean()
    assert seen[truth].mean() < 1 - 1e-6


def _errors_apart(errors, count=40):
    """Losses of two heads, of which the second is ahead by so many standard errors."""
    lead = np.random.default_rng(10).normal(0, 0.3, count)
    lead += errors * lead.std(ddof=1) / np.sqrt(count) - lead.mean()
    second = np.random.default_rng(11).gamma(1.0, 1.0, count)
    return second + lead, second


@pytest.mark.parametrize(("errors", "taken"), [(-5, 0), (0, 0), (2.9, 0), (3.1, 1)])
def test_another_head_than_the_first_is_taken_only_for_more_than_luck(errors, taken):
    assert choose(_errors_apart(errors)) == taken


def test_luck_alone_seldom_changes_the_head_however_many_there_are_to_choose_from():
    generator = np.random.default_rng(12)
    alike = generator.normal(1, 0.5, (1000, 6, 30))
    assert np.mean([choose(losses) > 0 for losses in alike]) < 0.02


def test_one_picture_changes_no_head():
    assert choose([np.array([5.0]), np.array([0.0])]) == 0


@settings(deadline=None, max_examples=50)
@given(counts=st.lists(st.integers(1, 12), min_size=2, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_folds_spread_every_tag_evenly(counts, seed):
    truth = np.eye(len(counts), dtype=bool)[np.repeat(np.arange(len(counts)), counts)]
    folds = assign_folds(truth, seed)
    number = min(5, max(2, *counts))
    assert set(folds) <= set(range(number))
    for label in range(len(counts)):
        held = np.bincount(folds[truth[:, label]], minlength=number)
        assert held.max() - held.min() <= 1


def test_a_few_hundred_pictures_take_well_under_a_second_of_one_core():
    rows, truth = pictures(9, [30] * 10, features=1280, views=5, noise=1.0)
    fit_head(rows[::10], truth[::10], task="multiclass", seed=0)
    begin = time.process_time()
    fit_head(rows, truth, task="multiclass", seed=0)
    # Several times what it takes on a machine at rest.
    assert time.process_time() - begin < 8


@pytest.mark.parametrize(
    ("rows", "truth", "task", "message"),
    [
        (np.ones((4, 3)), np.eye(4, 2, dtype=bool), "multiclass", "must have"),
        (np.ones((4, 1, 3)), np.eye(3, 2, dtype=bool), "multiclass", "must have"),
        (np.ones((1, 1, 3)), np.ones((1, 1), bool), "multilabel", "too few"),
        (np.ones((4, 1, 3)), np.ones((4, 1), bool), "multiclass", "too few"),
        (np.ones((2, 1, 3)), np.ones((2, 2), bool), "multiclass", "exactly one tag"),
        (np.ones((2, 1, 3)), np.array([[1, 0], [1, 0]], bool), "multiclass", "needs a picture"),
    ],
)
def test_what_cannot_be_trained_is_refused(rows, truth, task, message):
    with pytest.raises(ValueError, match=message):
        fit_head(rows, truth, task=task, seed=0)
