# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images import plain
from trunkline.contracts import InputContract, Preset
from trunkline.images import to_tensor

channels = st.tuples(*[st.floats(-200, 200, width=32)] * 3)
spreads = st.tuples(*[st.floats(0.25, 100, width=32)] * 3)


def contract_for(picture, **fields):
    """A contract whose resize leaves the picture as it is."""
    return InputContract(
        height=picture.shape[0], width=picture.shape[1], preset=Preset.SAMPLE_STRETCH, **fields
    )


def expected_tensor(picture, contract):
    values = np.zeros((1, *picture.shape))
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            for c in range(3):
                sample = int(picture[y, x, 2 - c if contract.order == "BGR" else c])
                value = sample * contract.maximum / 255 - contract.mean[c]
                values[0, y, x, c] = value / contract.std[c]
    if contract.layout == "NCHW":
        values = np.moveaxis(values, 3, 1)
    return values.astype(contract.dtype)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    order=st.sampled_from(["RGB", "BGR"]),
    layout=st.sampled_from(["NHWC", "NCHW"]),
    dtype=st.sampled_from(["float32", "float16"]),
    maximum=st.sampled_from([255.0, 1.0]),
    mean=st.just((0.0, 0.0, 0.0)) | channels,
    std=st.just((1.0, 1.0, 1.0)) | spreads,
)
def test_the_tensor_is_the_plain_formula(size, order, layout, dtype, maximum, mean, std):
    picture = plain.picture(*size)
    contract = contract_for(
        picture, order=order, layout=layout, dtype=dtype, maximum=maximum, mean=mean, std=std
    )
    tensor = to_tensor(picture, contract)
    expected = expected_tensor(picture, contract)
    assert tensor.dtype == expected.dtype
    assert tensor.flags.c_contiguous
    np.testing.assert_array_equal(tensor, expected)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_uint8_contract_takes_pixels_as_they_are(layout):
    picture = plain.picture(5, 4)
    contract = contract_for(picture, layout=layout, dtype="uint8")
    tensor = to_tensor(picture, contract)
    assert tensor.dtype == np.uint8
    np.testing.assert_array_equal(tensor, expected_tensor(picture, contract))


@pytest.mark.parametrize(
    "fields", [{"maximum": 1.0}, {"mean": (104.0, 117.0, 123.0)}, {"std": (1.0, 1.0, 2.0)}]
)
def test_a_uint8_contract_with_a_range_of_its_own_is_refused(fields):
    picture = plain.picture(5, 4)
    with pytest.raises(ValueError, match="uint8 takes pixels as they are"):
        to_tensor(picture, contract_for(picture, dtype="uint8", **fields))


def test_the_tensor_of_a_picture_that_fits_is_a_copy():
    picture = plain.picture(5, 4)
    tensor = to_tensor(picture, contract_for(picture, order="RGB", dtype="uint8"))
    assert not np.shares_memory(tensor, picture)


def test_tensorflowjs_keeps_its_decimals_in_float_and_rounds_in_uint8():
    picture = plain.picture(9, 7)
    fields = {"height": 5, "width": 5, "preset": Preset.TENSORFLOWJS}
    expected = plain.tensorflowjs(picture, 5, 5)[None, :, :, ::-1]
    as_float = to_tensor(picture, InputContract(**fields))
    np.testing.assert_allclose(as_float, expected, atol=1e-4)
    assert (as_float % 1 != 0).any()
    as_uint8 = to_tensor(picture, InputContract(**fields, dtype="uint8"))
    np.testing.assert_array_equal(as_uint8, np.rint(as_float))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_detectors_tensor_follows_the_picture(layout):
    contract = InputContract(
        height=512, width=512, preset=Preset.DETECTOR_COMPACT, order="BGR", layout=layout
    )
    picture = plain.picture(480, 640)
    tensor = to_tensor(picture, contract)
    assert tensor.shape == ((1, 448, 608, 3) if layout == "NHWC" else (1, 3, 448, 608))
