# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images import plain
from trunkline.images.sampling import (
    Taps,
    bilinear,
    box_taps,
    corner_taps,
    half_pixel_taps,
    whole_blend,
)


def test_bilinear_blends_along_the_row_then_between_rows():
    picture = np.array([[[0] * 3, [100] * 3], [[40] * 3, [200] * 3]], np.uint8)
    half = Taps(np.array([0]), np.array([1]), np.array([0.5]))
    quarter = Taps(np.array([0]), np.array([1]), np.array([0.25]))
    # Rows give 25 and 80; half way between these is 52.5.
    np.testing.assert_array_equal(bilinear(picture, half, quarter), [[[52.5] * 3]])


def test_half_pixel_taps_cut_towards_zero_and_stop_at_the_last_pixel():
    taps = half_pixel_taps(length=4, origin=0, ratio=0.5, window=range(8))
    np.testing.assert_array_equal(taps.near, [0, 0, 0, 1, 1, 2, 2, 3])
    np.testing.assert_array_equal(taps.far, [1, 1, 1, 2, 2, 3, 3, 3])
    np.testing.assert_array_equal(taps.weight, [-0.25, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.0])


def test_box_taps_sample_the_first_and_the_last_pixel():
    taps = box_taps(length=5, side=5, count=3)
    np.testing.assert_array_equal(taps.near + taps.weight, [0, 2, 4])


def test_corner_taps_sample_the_first_pixel_and_repeat_the_last():
    taps = corner_taps(length=2, count=4)
    np.testing.assert_array_equal(taps.near, [0, 0, 1, 1])
    np.testing.assert_array_equal(taps.far, [1, 1, 1, 1])
    np.testing.assert_array_equal(taps.weight, [0, 0.5, 0, 0.5])


@pytest.mark.parametrize(
    ("rows", "columns", "count"), [(37, 37, 12), (48, 91, 60), (91, 48, 224), (64, 200, 1)]
)
def test_box_taps_are_those_of_tensorflow(rows, columns, count):
    import tensorflow as tf

    picture = plain.picture(rows, columns)
    side = min(rows, columns)
    top, left = (rows - side) / 2, (columns - side) / 2
    box = [top / rows, left / columns, (top + side) / rows, (left + side) / columns]
    expected = tf.image.crop_and_resize(
        picture[None].astype(np.float32), [box], [0], [count, count], extrapolation_value=-1
    ).numpy()[0]
    result = bilinear(picture, box_taps(rows, side, count), box_taps(columns, side, count))
    inside = expected >= 0  # where TensorFlow's float32 rounding did not leave the picture
    assert inside.mean() > 0.9
    np.testing.assert_allclose(result[inside], expected[inside], rtol=0, atol=0.01)


@pytest.mark.parametrize(("rows", "columns", "count"), [(37, 37, 12), (48, 91, 60), (3, 200, 64)])
def test_corner_taps_are_those_of_tensorflow(rows, columns, count):
    import tensorflow as tf

    picture = plain.picture(rows, columns)
    expected = tf.compat.v1.image.resize_bilinear(picture[None], [count, count]).numpy()[0]
    result = bilinear(picture, corner_taps(rows, count), corner_taps(columns, count))
    np.testing.assert_allclose(result, expected, rtol=0, atol=0.01)


def random_taps(rng, length, count, denominator, lowest=0):
    near = rng.integers(0, length, count)
    weight = rng.integers(lowest, denominator, count) / denominator
    return Taps(near, (near + 1).clip(max=length - 1), weight)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 9),
    st.integers(-1, 0),
    st.integers(0, 99),
)
def test_a_blend_in_whole_numbers_is_the_one_in_float64_cut_off(rows, columns, bits, below, seed):
    rng = np.random.default_rng(seed)
    picture = plain.picture(rows, columns, seed)
    lowest = below * (1 << bits) // 2
    down = random_taps(rng, rows, 7, 1 << bits, lowest)
    across = random_taps(rng, columns, 5, 1 << bits, lowest)
    blend = whole_blend(down, across)
    assert blend is not None
    result = blend(picture)
    assert result.dtype == np.uint8
    expected = bilinear(picture, down, across).clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(result, expected)


def test_the_brightest_pixels_fit_into_the_narrow_numbers():
    white = np.full((16, 16, 3), 255, np.uint8)
    taps = Taps(np.arange(15), np.arange(1, 16), np.arange(15) / 16)
    blend = whole_blend(taps, taps)
    assert blend is not None
    assert blend.columns.weight.dtype == np.uint16
    np.testing.assert_array_equal(blend(white), white[:15, :15])


@pytest.mark.parametrize("weight", [1 / 3, 0.1, 1 / 1024])
def test_other_weights_are_not_said_in_whole_numbers(weight):
    plain_taps = Taps(np.array([0]), np.array([1]), np.array([0.5]))
    other = Taps(np.array([0]), np.array([1]), np.array([weight]))
    assert whole_blend(plain_taps, plain_taps) is not None
    assert whole_blend(plain_taps, other) is None
    assert whole_blend(other, plain_taps) is None
