# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from trunkline.exports.coreml_weights import constant
from trunkline.exports.messages import CoreMLModel

ODD = np.array([0x80000000, 0x00000001, 0x7FC00123, 0xFF800000, 0x3F800001], np.uint32)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 5000])
def test_every_bit_of_the_file_is_kept(count: int) -> None:
    layer = CoreMLModel().neuralNetwork.layers.add()
    weights = layer.convolution.weights
    values = np.resize(ODD, count).view(np.float32)
    # As a file has them: one after another.
    weights.MergeFromString(b"\x0a" + _varint(4 * count) + values.tobytes())
    stored = constant(weights).get_node().get_data()
    assert stored.view(np.uint32).tolist() == values.view(np.uint32).tolist()


def test_numbers_that_are_written_one_by_one_are_read_too() -> None:
    weights = CoreMLModel().neuralNetwork.layers.add().convolution.weights
    weights.MergeFromString(b"".join(b"\x0d" + np.float32(n).tobytes() for n in range(5)))
    assert constant(weights, [5, 1]).get_node().get_data().tolist() == [[n] for n in range(5)]


def test_a_field_that_is_not_known_is_no_weight() -> None:
    weights = CoreMLModel().neuralNetwork.layers.add().convolution.weights
    weights.MergeFromString(b"\xfa\x07\x01\x00" + b"\x0a\x04" + np.float32(3).tobytes())
    assert constant(weights).get_node().get_data().tolist() == [3]


def test_where_there_are_no_numbers_they_do_not_fit_a_shape() -> None:
    weights = CoreMLModel().neuralNetwork.layers.add().convolution.weights
    with pytest.raises(ValueError, match="0 weights for the shape"):
        constant(weights, [2])


def _varint(number: int) -> bytes:
    low = b""
    while number > 0x7F:
        low, number = low + bytes([number & 0x7F | 0x80]), number >> 7
    return low + bytes([number])
