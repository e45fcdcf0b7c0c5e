# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from images import plain
from trunkline.contracts import InputContract, Preset
from trunkline.images.presets import fit

side = st.integers(1, 420)
small = st.integers(1, 40)
seeds = st.integers(0, 99)
quick = settings(max_examples=120, deadline=None)


def fitted(picture, preset, height, width):
    result = fit(picture, InputContract(height=height, width=width, preset=preset))
    assert result.shape[2] == 3
    return result


def assert_same(result, expected):
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@quick
@given(side, side, small, small, seeds)
@example(1, 1, 7, 7, 0)
@example(1, 300, 9, 9, 0)
@example(300, 1, 9, 9, 0)
@example(2, 3, 256, 2, 1)
@example(5, 4, 2, 300, 1)
@example(333, 299, 301, 3, 1)
def test_container_2018_is_the_plain_formula(rows, columns, height, width, seed):
    picture = plain.picture(rows, columns, seed)
    result = fitted(picture, Preset.CONTAINER_2018, height, width)
    assert_same(result, plain.container_2018(picture, height, width))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1599, 40), (1600, 1600), (40, 1601), (3200, 50), (60, 3201), (5000, 1), (1, 5000)],
)
def test_container_2018_first_shrinks_to_1600(rows, columns):
    picture = plain.picture(rows, columns)
    result = fitted(picture, Preset.CONTAINER_2018, 24, 20)
    assert_same(result, plain.container_2018(picture, 24, 20))


def test_container_2018_at_the_size_of_its_network():
    picture = plain.picture(480, 640)
    result = fitted(picture, Preset.CONTAINER_2018, 227, 227)
    assert_same(result, plain.container_2018(picture, 227, 227))


def test_container_2018_crops_227_of_256_at_offset_14():
    """A square of 256 pixels is sampled onto itself, so the crop's offset is seen bare."""
    picture = plain.picture(256, 256)
    result = fitted(picture, Preset.CONTAINER_2018, 227, 227)
    assert_same(result, picture[14:241, 14:241])


def test_container_2018_clips_what_extrapolation_carries_past_white():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0] = 255
    corner = fitted(picture, Preset.CONTAINER_2018, 256, 256)[0, 0]
    np.testing.assert_array_equal(corner, 255)


@quick
@given(side, side, small, small, seeds)
@example(1, 1, 7, 7, 0)
@example(300, 17, 16, 3, 0)
@example(3, 400, 40, 1, 0)
@example(111, 111, 37, 37, 0)
def test_container_2024_is_the_plain_rule(rows, columns, height, width, seed):
    picture = plain.picture(rows, columns, seed)
    result = fitted(picture, Preset.CONTAINER_2024, height, width)
    assert_same(result, plain.container_2024(picture, height, width))


@pytest.mark.parametrize(("rows", "columns"), [(5000, 1), (1, 5000), (720, 1280), (640, 480)])
def test_container_2024_at_the_size_of_its_network(rows, columns):
    picture = plain.picture(rows, columns)
    result = fitted(picture, Preset.CONTAINER_2024, 224, 224)
    assert_same(result, plain.container_2024(picture, 224, 224))


@quick
@given(
    side, side, small, small, seeds, st.sampled_from([Preset.SAMPLE_STRETCH, Preset.DETECTOR_S1])
)
def test_stretching_is_pillows_bilinear(rows, columns, height, width, seed, preset):
    picture = plain.picture(rows, columns, seed)
    expected = plain.resize(picture, height, width, plain.BILINEAR)
    assert_same(fitted(picture, preset, height, width), expected)


@quick
@given(side, side, small, small, seeds)
@example(1, 1, 7, 7, 0)
@example(9, 9, 1, 1, 0)
@example(49, 7, 7, 49, 0)
def test_tensorflowjs_is_the_plain_formula(rows, columns, height, width, seed):
    picture = plain.picture(rows, columns, seed)
    rules = {
        Preset.TENSORFLOWJS: plain.tensorflowjs,
        Preset.TENSORFLOWJS_STRETCH: plain.tensorflowjs_stretch,
    }
    for preset, rule in rules.items():
        result = fitted(picture, preset, height, width)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, rule(picture, height, width), rtol=0, atol=1e-4)


@quick
@given(side, side, st.integers(1, 160), st.integers(1, 160), seeds)
@example(1, 1, 64, 64, 0)
@example(1, 5000, 128, 128, 0)
@example(5000, 1, 416, 416, 0)
@example(480, 640, 512, 512, 0)
def test_detector_compact_is_the_plain_rule(rows, columns, height, width, seed):
    picture = plain.picture(rows, columns, seed)
    result = fitted(picture, Preset.DETECTOR_COMPACT, height, width)
    assert result.shape[0] % 32 == result.shape[1] % 32 == 0
    assert_same(result, plain.detector_compact(picture, height, width))


@pytest.mark.parametrize(
    ("rows", "columns", "shape"),
    [
        (512, 512, (512, 512, 3)),
        (480, 640, (448, 608, 3)),  # int(443.4) and int(591.2), each up to a multiple of 32
        (1080, 1920, (384, 704, 3)),  # exactly 384 and int(682.7)
        (1, 5000, (32, 8192, 3)),
        (5000, 1, (8192, 32, 3)),
    ],
)
def test_detector_compact_keeps_about_the_pixel_count(rows, columns, shape):
    picture = plain.picture(rows, columns)
    assert fitted(picture, Preset.DETECTOR_COMPACT, 512, 512).shape == shape


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5000), (5000, 1), (2, 2)])
def test_every_preset_takes_the_smallest_and_thinnest_pictures(preset, rows, columns):
    picture = np.full((rows, columns, 3), (7, 77, 177), np.uint8)
    result = fitted(picture, preset, 32, 32)
    # A picture of one colour stays so; blending in floating point may cut off a last unit.
    assert np.abs(result.reshape(-1, 3) - np.array([7, 77, 177])).max() <= 1
    if preset is not Preset.DETECTOR_COMPACT:
        assert result.shape == (32, 32, 3)
