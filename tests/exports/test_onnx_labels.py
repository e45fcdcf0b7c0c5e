# SPDX-License-Identifier: Apache-2.0
"""The label lookup at the end of a classifier, cut off whatever its parts are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import references
from exports.onnx_models import model, names, node, output, run, saved, values
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.onnx import read

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["früh", "spät", "nie"]
SCORES = (
    node("GlobalAveragePool", ["data"], ["mean"]),
    node("Flatten", ["mean"], ["flat"], axis=1),
    node("Softmax", ["flat"], ["p"], axis=1),
)


def ml(operation: str, inputs: list[str], outputs: list[str], **attributes: object):
    return node(operation, inputs, outputs, domain="ai.onnx.ml", **attributes)


def dictionary(key: int = TensorProto.STRING, name: str = "loss"):
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    return helper.make_value_info(name, kind)


def lookup(texts: list[str] = LABELS) -> list[onnx.NodeProto]:
    """The service's tail: the best label, then the dictionary."""
    constant = helper.make_tensor("c", TensorProto.STRING, [3], [t.encode() for t in texts])
    return [
        node("Constant", [], ["labels"], value=constant),
        node("ArgMax", ["p"], ["index"], axis=1),
        ml("ArrayFeatureExtractor", ["labels", "index"], ["best"]),
        ml("ZipMap", ["p"], ["loss"], classlabels_strings=texts),
    ]


def with_lookup(tail: list[onnx.NodeProto], *outputs: object) -> onnx.ModelProto:
    return model([*SCORES, *tail], opset=7, outputs=outputs)


BEST = output("best", TensorProto.STRING, [None, 1])


@pytest.mark.parametrize("outputs", [(BEST, dictionary()), (dictionary(), BEST), (dictionary(),)])
def test_the_probabilities_become_the_output(tmp_path: Path, outputs: tuple) -> None:
    path = saved(with_lookup(lookup(), *outputs), tmp_path)
    network = read(path)
    tensor = values(2, 3, 17, 14)
    (answer,) = run(network, tensor)
    told = next(o for o in references.onnxruntime(path, tensor) if isinstance(o, list))
    expected = [[row[label] for label in LABELS] for row in told]
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)
    assert (network.labels, names(network)) == (tuple(LABELS), [{"loss"}])


def test_labels_that_are_numbers(tmp_path: Path) -> None:
    tail = [
        node("Constant", [], ["labels"], value=helper.make_tensor("c", 1, [3], [7.0, -1.0, 30.0])),
        node("ArgMax", ["p"], ["index"], axis=1),
        ml("ArrayFeatureExtractor", ["labels", "index"], ["picked"]),
        node("Cast", ["picked"], ["number"], to=TensorProto.INT64),
        node("Reshape", ["number", "flat_shape"], ["best"]),
        ml("ZipMap", ["p"], ["loss"], classlabels_int64s=[7, -1, 30]),
    ]
    outputs = [output("best", TensorProto.INT64, [None]), dictionary(TensorProto.INT64)]
    constants = {"flat_shape": np.array([-1])}
    network = read(saved(model([*SCORES, *tail], constants, opset=7, outputs=outputs), tmp_path))
    assert (network.labels, names(network)) == (("7", "-1", "30"), [{"loss"}])


def test_other_outputs_stay(tmp_path: Path) -> None:
    features = output("flat", shape=[None, 3])
    made = with_lookup(lookup(), features, BEST, dictionary(), output("index", TensorProto.INT64))
    network = read(saved(made, tmp_path))
    tensor = values(1, 3, 17, 14)
    flat, loss, index = run(network, tensor)
    assert names(network) == [{"flat"}, {"loss"}, {"index"}]
    np.testing.assert_allclose(flat, tensor.mean((2, 3)), rtol=0, atol=1e-6)
    assert loss.argmax() == flat.argmax() == index


def test_probabilities_that_are_an_output_already_keep_their_name(tmp_path: Path) -> None:
    made = with_lookup(lookup(), output("p", shape=[None, 3]), BEST, dictionary())
    network = read(saved(made, tmp_path))
    assert (network.labels, names(network)) == (tuple(LABELS), [{"p"}])


def test_a_constant_that_others_use_too_stays(tmp_path: Path) -> None:
    tail = [
        node("ArgMax", ["p"], ["index"], axis=1),
        ml("ArrayFeatureExtractor", ["numbers", "index"], ["best"]),
        node("Mul", ["p", "numbers"], ["weighted"]),
        ml("ZipMap", ["weighted"], ["loss"], classlabels_strings=LABELS),
    ]
    constant = node("Constant", [], ["numbers"], value=helper.make_tensor("c", 1, [3], [1, 2, 3]))
    made = with_lookup([constant, *tail], output("best"), dictionary())
    tensor = values(1, 3, 17, 14)
    (answer,) = run(read(saved(made, tmp_path)), tensor)
    powers = np.exp(tensor.mean((2, 3)))
    np.testing.assert_allclose(answer, powers / powers.sum() * [1, 2, 3], rtol=0, atol=1e-6)


def test_a_picked_number_without_a_dictionary_is_refused(tmp_path: Path) -> None:
    tail = lookup()[:3]
    with pytest.raises(UnsupportedExportError, match=r"ai\.onnx\.ml\.ArrayFeatureExtractor"):
        read(saved(with_lookup(tail, BEST), tmp_path))


def test_two_lookups_are_refused(tmp_path: Path) -> None:
    second = ml("ZipMap", ["p"], ["other"], classlabels_strings=LABELS)
    made = with_lookup([*lookup(), second], BEST, dictionary(), dictionary(name="other"))
    with pytest.raises(UnsupportedExportError, match="2 label lookups"):
        read(saved(made, tmp_path))


@pytest.mark.parametrize(
    "broken",
    [
        ml("ZipMap", ["p"], ["loss"]),
        ml("ZipMap", [], ["loss"], classlabels_strings=LABELS),
        ml("ZipMap", ["p"], ["loss"], classlabels_strings=[b"\xff", b"b", b"c"]),
        ml("ZipMap", ["data"], ["loss"], classlabels_strings=LABELS),
    ],
)
def test_a_broken_lookup_is_refused(tmp_path: Path, broken: onnx.NodeProto) -> None:
    with pytest.raises(ExportError):
        read(saved(with_lookup([broken], dictionary()), tmp_path))


def test_a_ring_before_an_output_is_refused(tmp_path: Path) -> None:
    ring = [node("Identity", ["b"], ["best"]), node("Identity", ["best"], ["b"])]
    made = with_lookup([*ring, lookup()[3]], BEST, dictionary())
    with pytest.raises(ExportError, match="depend on themselves"):
        read(saved(made, tmp_path))
