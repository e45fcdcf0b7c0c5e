# SPDX-License-Identifier: Apache-2.0
"""Large pictures on the short way: the same pixels, tensors and faults as on the long one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from trainingsamples import encoded, pixels
from trunkline.contracts import InputContract, Preset
from trunkline.errors import PictureError
from trunkline.images import read_picture, to_tensor
from trunkline.training import opening
from trunkline.training.opening import open_picture
from trunkline.training.views import ALL_VIEWS, PLAIN, tensors


def with_orientation(value, kind="JPEG", **options):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return encoded(1, kind, 1000, 1100, exif=exif, **options)


@pytest.fixture
def all_are_large(monkeypatch):
    monkeypatch.setattr(opening, "_LARGE", 0)


@pytest.mark.parametrize("orientation", range(10))
def test_large_pictures_stay_pillow_s_and_are_upright(orientation):
    data = with_orientation(orientation)
    picture = open_picture(data)
    assert isinstance(picture, Image.Image)
    np.testing.assert_array_equal(np.asarray(picture), read_picture(data))


def test_small_pictures_become_arrays():
    assert isinstance(open_picture(encoded(1)), np.ndarray)


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "RGB"),
        ("TIFF", "RGB"), ("TIFF", "LAB"), ("WEBP", "RGB"), ("BMP", "RGB"), ("PPM", "RGB"),
    ],
)  # fmt: skip
def test_any_kind_has_the_pixels_of_a_running_model(kind, mode):
    data = encoded(3, kind, mode=mode)
    np.testing.assert_array_equal(np.asarray(open_picture(data)), read_picture(data))


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0junk"])
def test_damaged_exif_loses_no_picture(exif):
    data = encoded(3, "JPEG", exif=exif)
    np.testing.assert_array_equal(np.asarray(open_picture(data)), read_picture(data))


@pytest.mark.parametrize("cut", [10, 3000, -3000])
def test_faults_have_their_sentence(cut):
    data = with_orientation(6)[:cut]
    with pytest.raises(PictureError, match="cut off or damaged"):
        open_picture(data)


def test_too_many_pixels_are_refused():
    file = io.BytesIO()
    Image.new("1", (10001, 10000)).save(file, format="PNG")
    with pytest.raises(PictureError, match="more than the 100,000,000 allowed"):
        open_picture(file.getvalue())


@settings(deadline=None, max_examples=150)
@given(
    preset=st.sampled_from(list(Preset)),
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    side=st.integers(8, 40),
    other=st.integers(8, 40) | st.none(),
)
def test_the_tensor_is_that_of_a_running_model(preset, height, width, side, other):
    contract = InputContract(side, other or side, preset)
    picture = pixels(1, height, width)
    (tensor,) = tensors(Image.fromarray(picture), [PLAIN], contract)
    np.testing.assert_array_equal(tensor, to_tensor(picture, contract))


@pytest.mark.parametrize("preset", list(Preset))
def test_every_view_is_the_same_on_both_ways(preset):
    contract = InputContract(32, 32, preset)
    picture = pixels(2, 400, 300)
    short = tensors(Image.fromarray(picture), ALL_VIEWS, contract)
    long = tensors(picture, ALL_VIEWS, contract)
    for one, two in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, two)
