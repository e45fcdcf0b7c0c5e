# SPDX-License-Identifier: Apache-2.0
"""Views: what each shows, and that the plain one is what a running model is fed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trainingsamples import CONTRACT, pixels
from trunkline.contracts import InputContract, Preset
from trunkline.images import to_tensor
from trunkline.training.views import ALL_VIEWS, CROPS, MIRRORED, PLAIN, View, tensors


def test_keys_are_unique_and_say_what_is_seen():
    keys = [view.key for view in ALL_VIEWS]
    assert len(set(keys)) == len(keys) == 14
    boxes = {(view.box, view.mirrored) for view in ALL_VIEWS}
    assert len(boxes) == len(keys)


@pytest.mark.parametrize("preset", list(Preset))
def test_the_plain_view_is_the_tensor_of_a_running_model(preset):
    contract = InputContract(64, 64, preset)
    picture = pixels(1, 300, 420)
    (tensor,) = tensors(picture, [PLAIN], contract)
    np.testing.assert_array_equal(tensor, to_tensor(picture, contract))
    assert np.array_equal(tensors(picture, ALL_VIEWS, contract)[0], tensor)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_mirrored_is_left_and_right_changed(layout):
    contract = InputContract(32, 24, Preset.SAMPLE_STRETCH, layout=layout)
    picture = pixels(2, 90, 70)
    (mirrored,) = tensors(picture, [MIRRORED], contract)
    assert mirrored.flags.c_contiguous
    expected = to_tensor(np.ascontiguousarray(picture[:, ::-1]), contract)
    assert np.abs(mirrored - expected).max() <= 1


@pytest.mark.parametrize(
    ("key", "rows", "columns"),
    [
        ("centre-90", (5, 95), (10, 190)),
        ("centre-80", (10, 90), (20, 180)),
        ("top-left-80", (0, 80), (0, 160)),
        ("top-right-80", (0, 80), (40, 200)),
        ("bottom-left-80", (20, 100), (0, 160)),
        ("bottom-right-80", (20, 100), (40, 200)),
    ],
)
def test_crops(key, rows, columns):
    (view,) = (view for view in CROPS if view.key == key)
    picture = pixels(3, 100, 200)
    part = view.part(picture)
    assert part.base is not None  # not copied
    np.testing.assert_array_equal(part, picture[slice(*rows), slice(*columns)])
    (tensor,) = tensors(picture, [view], CONTRACT)
    np.testing.assert_array_equal(tensor, to_tensor(np.ascontiguousarray(part), CONTRACT))


@settings(deadline=None, max_examples=80)
@given(height=st.integers(1, 40), width=st.integers(1, 40), box=st.tuples(*[st.floats(0, 1)] * 4))
def test_any_part_has_a_pixel_and_lies_in_the_picture(height, width, box):
    picture = np.zeros((height, width, 3), np.uint8)
    part = View("x", box).part(picture)
    assert 1 <= part.shape[0] <= height
    assert 1 <= part.shape[1] <= width


def test_crops_of_a_large_picture_are_cut_from_a_smaller_one(monkeypatch):
    picture = pixels(4, 900, 1200)
    direct = [to_tensor(np.ascontiguousarray(view.part(picture)), CONTRACT) for view in CROPS]
    sizes = []
    whole = Image.Image.resize

    def noted(image, *args, **options):
        sizes.append(image.size)
        return whole(image, *args, **options)

    monkeypatch.setattr(Image.Image, "resize", noted)
    cropped = tensors(picture, CROPS, CONTRACT)
    assert max(max(size) for size in sizes) <= 1200 // 9
    for one, other in zip(cropped, direct, strict=True):
        apart = [np.abs(one - each).mean() for each in direct]
        assert np.abs(one - other).mean() == min(apart) < 4


def test_a_rule_that_samples_points_samples_the_same_ones():
    contract = InputContract(32, 32, Preset.TENSORFLOWJS)
    picture = pixels(5, 900, 1200)
    for view, tensor in zip(CROPS, tensors(picture, CROPS, contract), strict=True):
        part = np.ascontiguousarray(view.part(picture))
        np.testing.assert_array_equal(tensor, to_tensor(part, contract))
