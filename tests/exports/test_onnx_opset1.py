# SPDX-License-Identifier: Apache-2.0
"""Each operation of ONNX opset 1, against what it meant then, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import defs

from exports.onnx_models import model, node, normalisation, run, saved, values, windows
from trunkline.exports.onnx import read
from trunkline.exports.onnx_opset1 import _KEPT

if TYPE_CHECKING:
    from pathlib import Path

quick = settings(max_examples=25, deadline=None)


def answer(folder: Path, made: onnx.ModelProto, tensor: np.ndarray) -> np.ndarray:
    (found,) = run(read(saved(made, folder)), tensor)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("opset1")


ARITHMETIC = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power,
}  # fmt: skip


@quick
@given(
    operation=st.sampled_from(sorted(ARITHMETIC)),
    axis=st.integers(-4, 3),
    length=st.integers(0, 4),
)
def test_the_second_operand_is_aligned_at_its_axis(
    folder: Path, operation: str, axis: int, length: int
) -> None:
    shape = (2, 3, 4, 5)
    first = axis % 4
    part = shape[first : first + length]
    tensor, constant = abs(values(*shape)) + 1, abs(values(*part, seed=1)) + 1
    nodes = [node(operation, ["data", "c"], ["out"], axis=axis, broadcast=1)]
    made = model(nodes, {"c": np.asarray(constant, np.float32)}, opset=1, shape=shape)
    aligned = np.reshape(constant, part + (1,) * (4 - first - len(part)))
    expected = ARITHMETIC[operation](tensor, aligned)
    np.testing.assert_allclose(answer(folder, made, tensor), expected, rtol=1e-5)


@pytest.mark.parametrize("opset", [1, 6])
@pytest.mark.parametrize("length", [5, 0])
def test_without_an_axis_operands_are_aligned_at_their_ends(
    tmp_path: Path, opset: int, length: int
) -> None:
    tensor, constant = values(2, 3, 4, 5), values(length or 1)
    made = model(
        [node("Add", ["data", "c"], ["out"], broadcast=1)], {"c": constant}, opset=opset,
        shape=tensor.shape,
    )  # fmt: skip
    np.testing.assert_allclose(answer(tmp_path, made, tensor), tensor + constant, atol=1e-6)


def test_operands_of_one_shape_are_as_they_are(tmp_path: Path) -> None:
    made = model([node("Sub", ["data", "data"], ["out"], consumed_inputs=[0, 0])], opset=1)
    assert not answer(tmp_path, made, values(1, 3, 17, 14)).any()


@quick
@given(
    size=st.integers(1, 14),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 5),
    pad=st.integers(0, 2),
)
def test_legacy_padding_keeps_the_last_pixel(
    folder: Path, size: int, kernel: int, stride: int, pad: int
) -> None:
    assume(pad < kernel <= size + 2 * pad)
    tensor = values(1, 2, size, 7)
    sizes = {"kernel_shape": [kernel, 2], "strides": [stride, 2]}
    legacy = {"pads": [pad, 0], "value": -3e38, "domain": "com.microsoft"}
    nodes = [
        node("LegacyPadding", ["data"], ["padded"], **sizes, **legacy),
        node("MaxPool", ["padded"], ["out"], auto_pad="VALID", dilations=[1, 1], **sizes),
    ]
    found = answer(folder, model(nodes, opset=1, shape=tensor.shape), tensor)
    starts = {
        "rows": [s for s in _starts(size, kernel, stride, pad) if s < size],
        "columns": _starts(7, 2, 2, 0),
    }
    expected = [
        [_highest(tensor, top, left, kernel) for left in starts["columns"]]
        for top in starts["rows"]
    ]
    np.testing.assert_array_equal(found, np.moveaxis(expected, (0, 1), (2, 3)))


def _starts(size: int, kernel: int, stride: int, pad: int) -> list[int]:
    """Return where windows start, until one reaches the end of the padded row."""
    starts = [-pad]
    while starts[-1] + kernel < size + pad:
        starts.append(starts[-1] + stride)
    return starts


def _highest(tensor: np.ndarray, top: int, left: int, kernel: int) -> np.ndarray:
    window = tensor[:, :, max(top, 0) : top + kernel, left : left + 2]
    return window.max((2, 3), initial=np.float32(-3e38))


@pytest.mark.parametrize("shape", [(2, 6), (2, 3, 1, 2)])
def test_a_fully_connected_layer_takes_any_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tensor, weights, bias = values(*shape), values(4, 6), values(4)
    nodes = [node("FC", ["data", "w", "b"], ["out"], axis=1, axis_w=1)]
    made = model(nodes, {"w": weights, "b": bias}, opset=1, shape=shape)
    expected = tensor.reshape(2, 6) @ weights.T + bias
    np.testing.assert_allclose(answer(tmp_path, made, tensor), expected, atol=1e-5)


def _soft(x: np.ndarray, axis: int) -> np.ndarray:
    flat = x.reshape(int(np.prod(x.shape[:axis])), -1)
    powers = np.exp(flat - flat.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).reshape(x.shape)


def _double(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, 2).repeat(3, 3)


SLOPE = np.float32([0.5, -1, 2])
SINGLE = {
    "softmax over all that follows the batch": (
        node("Softmax", ["data"], ["out"]), {}, lambda x: _soft(x, 1),
    ),
    "softmax from an axis on": (
        node("Softmax", ["data"], ["out"], axis=2), {}, lambda x: _soft(x, 2),
    ),
    "limits as attributes": (
        node("Clip", ["data"], ["out"], min=-0.25, max=0.5), {}, lambda x: x.clip(-0.25, 0.5),
    ),
    "one slope per channel": (
        node("PRelu", ["data", "s"], ["out"]), {"s": SLOPE},
        lambda x: np.where(x < 0, x * SLOPE[:, None, None], x),
    ),
    "one slope for all": (
        node("PRelu", ["data", "s"], ["out"]), {"s": SLOPE[:1]},
        lambda x: np.where(x < 0, x * SLOPE[0], x),
    ),
    "slopes with their own axes": (
        node("PRelu", ["data", "s"], ["out"]), {"s": SLOPE.reshape(3, 1, 1)},
        lambda x: np.where(x < 0, x * SLOPE[:, None, None], x),
    ),
    "dropout outside training": (
        node("Dropout", ["data"], ["out"], is_test=1, ratio=0.9), {}, lambda x: x,
    ),
    "dropout with a mask that nobody takes": (
        node("Dropout", ["data"], ["out", "mask"], ratio=0.9), {}, lambda x: x,
    ),
    "concat without an axis": (
        node("Concat", ["data", "data"], ["out"]), {}, lambda x: np.concatenate([x, x], 1),
    ),
    "concat with an axis": (
        node("Concat", ["data", "data"], ["out"], axis=3), {}, lambda x: np.concatenate([x, x], 3),
    ),
    "a new shape as attribute": (
        node("Reshape", ["data"], ["out"], shape=[0, -1, 10]), {},
        lambda x: x.reshape(len(x), -1, 10),
    ),
    "paddings by their first name": (
        node("Pad", ["data"], ["out"], paddings=[0, 0, 1, 0, 0, 0, 0, 2], value=4.0), {},
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)), constant_values=4),
    ),
    "upsampling to the nearest": (
        node("Upsample", ["data"], ["out"], height_scale=2.0, width_scale=3.0), {}, _double,
    ),
    "a sum": (node("Sum", ["data", "data"], ["out"], consumed_inputs=[0, 0]), {}, lambda x: 2 * x),
    "statistics without is_test": (
        node("BatchNormalization", ["data", "s", "b", "m", "v"], ["out"], epsilon=0.5,
             consumed_inputs=[0, 0, 0, 1, 1]),
        {"s": SLOPE, "b": SLOPE + 1, "m": SLOPE + 2, "v": abs(SLOPE)},
        lambda x: normalisation(x, SLOPE, SLOPE + 1, SLOPE + 2, abs(SLOPE), 0.5),
    ),
    "a scaled picture": (
        node("ImageScaler", ["data"], ["out"], scale=0.5, bias=[1.0, 2.0, 3.0]), {},
        lambda x: x * 0.5 + np.float32([1, 2, 3])[:, None, None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SINGLE)
def test_an_operation_means_what_it_meant(tmp_path: Path, case: str) -> None:
    operation, constants, meaning = SINGLE[case]
    tensor = values(2, 3, 4, 5)
    found = answer(tmp_path, model([operation], constants, opset=1, shape=tensor.shape), tensor)
    np.testing.assert_allclose(found, meaning(tensor), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("opset", [2, 5, 6])
def test_what_was_renamed_later_is_read_too(tmp_path: Path, opset: int) -> None:
    nodes = [
        node("Pad", ["data"], ["padded"], pads=[0, 0, 0, 0, 0, 0, 1, 1]),
        node("Reshape", ["padded", "shape"], ["flat"])
        if opset >= 5
        else node("Reshape", ["padded"], ["flat"], shape=[-1, 90]),
        node("Gemm", ["flat", "w", "b"], ["out"], broadcast=1, transB=1),
    ]
    weights, bias = values(4, 90), values(4)
    constants = {"w": weights, "b": bias} | ({"shape": np.array([-1, 90])} if opset >= 5 else {})
    tensor = values(2, 3, 4, 5)
    made = model(nodes, constants, opset=opset, shape=tensor.shape)
    padded = np.pad(tensor, ((0, 0), (0, 0), (0, 1), (0, 1)))
    expected = padded.reshape(2, 90) @ weights.T + bias
    np.testing.assert_allclose(answer(tmp_path, made, tensor), expected, atol=1e-4)


def test_shapes_are_known_after_a_reshape(tmp_path: Path) -> None:
    """The shape is a constant, old or new, and the padding that follows depends on it."""
    old_pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        node("Reshape", ["data"], ["square"], shape=[-1, 3, 5, 5]),
        node("LegacyPadding", ["square"], ["padded"], domain="com.microsoft", **old_pool),
        node("AveragePool", ["padded"], ["out"], **old_pool),
    ]
    tensor = values(2, 3, 25)
    found = answer(tmp_path, model(nodes, opset=1, shape=tensor.shape), tensor)
    padded = np.pad(tensor.reshape(2, 3, 5, 5), ((0, 0), (0, 0), (0, 1), (0, 1)))
    np.testing.assert_allclose(found, windows(padded, [2, 2], [2, 2]).mean((4, 5)), atol=1e-6)


def test_operations_may_be_listed_in_any_order(tmp_path: Path) -> None:
    nodes = [
        node("Sum", ["r", "data"], ["out"]),
        node("Relu", ["data"], ["r"], consumed_inputs=[0]),
    ]
    tensor = values(1, 3, 17, 14)
    found = answer(tmp_path, model(nodes, opset=1), tensor)
    np.testing.assert_array_equal(found, np.maximum(tensor, 0) + tensor)


@pytest.mark.parametrize("name", sorted(_KEPT - {"ImageScaler"}))
def test_what_is_kept_has_not_changed(name: str) -> None:
    """Opset 7 has every attribute that the operation had in opset 1, with the same default."""
    old, new = (defs.get_schema(name, opset) for opset in (1, 7))
    inputs = [[(i.name, i.option) for i in schema.inputs] for schema in (old, new)]
    assert inputs[0] == inputs[1]
    for attribute in set(old.attributes) - {"consumed_inputs"}:
        was, now = old.attributes[attribute], new.attributes[attribute]
        assert was.type == now.type
        # Clip had no limits unless told; now they are the largest numbers there are.
        assert was.default_value == now.default_value or name == "Clip"
