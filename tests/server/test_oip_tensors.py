# SPDX-License-Identifier: Apache-2.0
"""Tensors survive the way there and back; what is none is refused before anything is made."""

from __future__ import annotations

import base64
import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trunkline.server.faults import BadRequestError
from trunkline.server.oip_tensors import (
    DATATYPES,
    Tensor,
    check_shape,
    from_json,
    from_raw,
    to_json,
    to_raw,
)

quickly = settings(max_examples=60, deadline=None)
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
datatypes = st.sampled_from([*DATATYPES, "BYTES", "BF16", None, 3])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


@quickly
@given(data=st.data(), datatype=st.sampled_from(list(DATATYPES)), shape=shapes)
def test_numbers_survive_raw_and_json(data, datatype, shape):
    values = data.draw(arrays.arrays(DATATYPES[datatype], shape))
    tensor = Tensor.of_array("x", datatype, values)
    raw = from_raw("x", datatype, shape, to_raw(tensor))
    assert raw.data.tobytes() == values.tobytes()
    assert raw.data.shape == shape
    again = from_json("x", datatype, shape, json.loads(json.dumps(to_json(tensor))))
    np.testing.assert_array_equal(again.data, values)
    nested = from_json("x", datatype, shape, values.tolist() if shape else [values.item()])
    np.testing.assert_array_equal(nested.data, values)


@quickly
@given(elements=st.lists(st.binary(max_size=20), max_size=6))
def test_bytes_survive_raw_and_base64(elements):
    shape = (len(elements),)
    assert from_raw("x", "BYTES", shape, to_raw(Tensor("x", "BYTES", shape, elements))).data == (
        elements
    )
    as_text = [base64.b64encode(each).decode() for each in elements]
    assert from_json("x", "BYTES", shape, as_text).data == elements
    assert from_json("x", "BYTES", (1, *shape), [as_text]).data == elements


@pytest.mark.parametrize(("text", "meant"), [("größe", "größe".encode()), ("\ud800", b"?")])
def test_text_that_is_no_base64_stands_for_itself(text, meant):
    assert from_json("x", "BYTES", (1,), [text]).data == [meant]


@quickly
@given(raw=st.binary(max_size=80), datatype=datatypes, shape=st.lists(st.integers(0, 1 << 39)))
def test_any_bytes_are_a_tensor_or_refused(raw, datatype, shape):
    try:
        tensor = from_raw("x", datatype, check_shape("x", shape), raw)
    except BadRequestError:
        return
    assert to_raw(tensor) == raw


@settings(max_examples=200, deadline=None)
@given(data=junk, datatype=datatypes, shape=shapes)
def test_any_json_is_a_tensor_or_refused(data, datatype, shape):
    try:
        tensor = from_json("x", datatype, shape, data)
    except BadRequestError:
        return
    assert len(to_json(tensor)) == np.prod(shape, dtype=int)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (None, "has no shape"),
        ("12", "has no shape"),
        ([1] * 9, "9 axes"),
        ([1, -1], "at least 0"),
        ([1.0], "at least 0"),
        ([True], "at least 0"),
        ([1 << 20, 0, 1 << 21], "too large"),
    ],
)
def test_a_shape_is_looked_at(shape, said):
    with pytest.raises(BadRequestError, match=said):
        check_shape("x", shape)


@pytest.mark.parametrize(
    ("datatype", "shape", "raw", "said"),
    [
        ("FP32", (2,), b"1234567", "takes 8 bytes; there are 7"),
        ("FP31", (2,), b"", "must be BYTES or one of"),
        ("BYTES", (1 << 39,), b"1234567", "each takes at least 4"),
        ("BYTES", (1,), b"\x02\0\0\0a", "are not 1 elements"),
        ("BYTES", (1,), b"\x01\0\0\0ab", "are not 1 elements"),
        ("BYTES", (2,), b"\xff\xff\xff\xff\0\0\0\0", "are not 2 elements"),
        ("BYTES", (2,), b"\x03\0\0\0abcd", "are not 2 elements"),
    ],
)
def test_bytes_that_do_not_fit_are_named(datatype, shape, raw, said):
    with pytest.raises(BadRequestError, match=said):
        from_raw("x", datatype, shape, raw)


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "said"),
    [
        ("FP32", (1,), None, "has no data"),
        ("FP32", (1,), {"a": 1}, "has no data"),
        ("FP32", (2,), [1], "takes 2 elements; there are 1"),
        ("FP32", (2,), [[1], 2], "not nested evenly"),
        ("FP32", (1,), ["1"], "must be numbers"),
        ("FP32", (1,), [10**400], "must be numbers"),
        ("UINT8", (1,), [256], "do not fit its datatype"),
        ("UINT8", (1,), [-1], "do not fit its datatype"),
        ("UINT8", (1,), [0.5], "do not fit its datatype"),
        ("INT64", (1,), [float("nan")], "do not fit its datatype"),
        ("BYTES", (1,), [1], "must be strings"),
        ("BYTES", (2,), ["a"], "takes 2 elements; there are 1"),
        ("BYTES", (2,), [["a"], "b"], "not nested evenly"),
        ("BYTES", (1,), [[[[[[[[["a"]]]]]]]]], "not nested evenly"),
    ],
)
def test_json_that_does_not_fit_is_named(datatype, shape, data, said):
    with pytest.raises(BadRequestError, match=said):
        from_json("x", datatype, shape, data)


def test_bytes_that_say_they_are_many_take_no_memory():
    shape = check_shape("x", [1 << 39])
    before = sys.getallocatedblocks()
    for datatype in (*DATATYPES, "BYTES"):
        with pytest.raises(BadRequestError):
            from_raw("x", datatype, shape, b"\0" * 64)
    assert sys.getallocatedblocks() - before < 1000


def test_too_large_a_number_is_infinite_as_it_is_raw():
    assert from_json("x", "FP32", (1,), [1e300]).data.tolist() == [float("inf")]
