# SPDX-License-Identifier: Apache-2.0
"""Answers drawn over pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sights import classified, detected
from trunkline.predictions import Box
from trunkline.streams.drawing import drawn

_NAMES = st.text(st.characters(exclude_categories=()), max_size=80)


def test_the_picture_given_is_not_changed():
    pixels = np.full((240, 320, 3), 128, np.uint8)
    seen = drawn(pixels, {"pets": classified(), "things": detected()})
    assert (pixels == 128).all()
    assert seen.shape == pixels.shape
    assert (seen != 128).any()
    assert (drawn(pixels, {}) == 128).all()


@pytest.mark.parametrize("probability", [0.25, 0.5, 1.0])
def test_a_bar_is_as_long_as_its_probability(probability):
    pixels = np.zeros((280, 400, 3), np.uint8)
    seen = drawn(pixels, {"pets": classified(probability=probability)})
    row = seen[14].max(axis=1)  # the bar is the lowest sixth of a row of fifteen
    assert abs((row > 100).sum() - 200 * probability) <= 2


def test_a_box_is_where_it_should_be():
    pixels = np.zeros((200, 400, 3), np.uint8)
    seen = drawn(pixels, {"things": detected(Box("dog", 0.9, 0.25, 0.5, 0.5, 0.25))})
    bright = seen.max(axis=2) > 80
    assert bright[100, 100:300].all()
    assert bright[150, 100:300].all()
    assert bright[100:150, 100].all()
    assert bright[100:150, 300].all()
    assert not bright[151:].any()
    assert not bright[:80].any()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    _NAMES,
    _NAMES,
    st.lists(st.floats(-2, 3), min_size=4, max_size=4),
)
def test_anything_can_be_drawn(height, width, model, label, places):
    pixels = np.zeros((height, width, 3), np.uint8)
    answers = {model: classified(label), f"{model}2": detected(Box(label, 0.5, *places))}
    assert drawn(pixels, answers).shape == pixels.shape


def test_a_probability_that_is_none_is_drawn_as_nought():
    pixels = np.zeros((280, 400, 3), np.uint8)
    assert drawn(pixels, {"m": classified(probability=float("nan"))})[14, 1:].max() < 100
