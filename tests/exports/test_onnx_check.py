# SPDX-License-Identifier: Apache-2.0
"""Graphs on which OpenVINO would end the process, or never end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import TensorProto, helper

from exports.onnx_models import model, node, output, run, saved, values
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.onnx import read

if TYPE_CHECKING:
    from pathlib import Path


def refused(made, folder: Path, match: str) -> None:
    with pytest.raises(ExportError, match=match):
        read(saved(made, folder))


def branches(then, otherwise):
    """A choice between two graphs, each of one node that makes ``b``."""
    first, second = (
        helper.make_graph([made], "branch", [], [output("b")]) for made in (then, otherwise)
    )
    return node("If", ["yes"], ["out"], then_branch=first, else_branch=second)


def test_an_operation_without_its_input_is_refused(tmp_path: Path) -> None:
    nodes = [node("Relu", ["data"], ["r"]), node("GlobalAveragePool", [], ["out"])]
    refused(model(nodes), tmp_path, "GlobalAveragePool lacks an input")


@pytest.mark.parametrize("domain", ["", "com.example"])
def test_an_operation_that_nobody_knows_is_named(tmp_path: Path, domain: str) -> None:
    made = model([node("Unheard", ["data"], ["out"], domain=domain)])
    with pytest.raises(UnsupportedExportError, match=f"{domain}.?Unheard, which Trunkline cannot"):
        read(saved(made, tmp_path))


def test_an_operation_that_is_openvinos_own_is_read(tmp_path: Path) -> None:
    made = model([node("Gelu", ["data"], ["out"], domain="com.microsoft")])
    tensor = values(1, 3, 17, 14)
    (answer,) = run(read(saved(made, tmp_path)), tensor)
    expected = np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2)(tensor)
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_an_operation_that_openvino_does_not_know_is_named(tmp_path: Path) -> None:
    nodes = [node("GlobalMaxPool", ["data"], ["top"]), node("Det", ["top"], ["out"])]
    refused(model(nodes), tmp_path, "Det")


def test_an_input_that_must_be_there_may_not_be_left_open(tmp_path: Path) -> None:
    made = model([node("Conv", ["data", "", "b"], ["out"])], {"b": values(4)})
    refused(made, tmp_path, "Conv lacks an input")


def test_an_input_that_may_be_left_open_may(tmp_path: Path) -> None:
    made = model([node("Clip", ["data", "", "top"], ["out"])], {"top": np.float32([0.5])[0]})
    tensor = values(1, 3, 17, 14)
    (answer,) = run(read(saved(made, tmp_path)), tensor)
    np.testing.assert_array_equal(answer, tensor.clip(max=0.5))


def test_an_operation_without_its_output_is_refused(tmp_path: Path) -> None:
    made = model([node("TopK", ["data", "one"], ["out"])], {"one": np.array([1])})
    refused(made, tmp_path, "TopK lacks an output")


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Neg", ["data", "data"], ["out"])],
        [node("Neg", ["data"], ["out", "more"])],
    ],
)
def test_an_operation_with_more_than_it_takes_is_refused(tmp_path: Path, nodes: list) -> None:
    refused(model(nodes), tmp_path, "Neg has too many inputs or outputs")


def test_an_operation_without_a_description_needs_an_input_too(tmp_path: Path) -> None:
    refused(model([node("ImageScaler", [], ["out"])], opset=7), tmp_path, "ImageScaler lacks")


def test_what_leads_nowhere_is_not_looked_at(tmp_path: Path) -> None:
    nodes = [
        node("Unheard", ["data"], ["nothing"]),
        node("Relu", ["nothing"], []),
        node("Neg", ["data"], ["out"]),
    ]
    (answer,) = run(read(saved(model(nodes), tmp_path)), tensor := values(1, 3, 17, 14))
    np.testing.assert_array_equal(answer, -tensor)


def test_operations_in_an_inner_graph_are_looked_at(tmp_path: Path) -> None:
    choice = branches(node("Relu", ["data"], ["b"]), node("Sigmoid", [], ["b"]))
    refused(model([choice], {"yes": np.array(True)}), tmp_path, "Sigmoid lacks an input")


def test_an_inner_graph_may_take_what_the_outer_one_makes(tmp_path: Path) -> None:
    nodes = [
        node("ReduceMax", ["data"], ["top"], keepdims=0),
        node("Greater", ["top", "limit"], ["yes"]),
        branches(node("Relu", ["data"], ["b"]), node("Neg", ["data"], ["b"])),
    ]
    made = model(nodes, {"limit": np.array(0, np.float32)}, shape=(1, 1, 4, 4))
    tensor = values(1, 1, 4, 4)
    (answer,) = run(read(saved(made, tmp_path)), tensor)
    np.testing.assert_array_equal(answer, np.maximum(tensor, 0))


def test_a_ring_is_refused(tmp_path: Path) -> None:
    nodes = [node("Add", ["data", "b"], ["a"]), node("Relu", ["a"], ["b"])]
    refused(model([*nodes, node("Neg", ["b"], ["out"])]), tmp_path, "depend on themselves")


def test_a_ring_through_an_inner_graph_is_refused(tmp_path: Path) -> None:
    choice = branches(node("Relu", ["later"], ["b"]), node("Neg", ["data"], ["b"]))
    made = model([choice, node("Neg", ["out"], ["later"])], {"yes": np.array(True)})
    refused(made, tmp_path, "depend on themselves")


def test_a_tensor_that_is_made_twice_is_refused(tmp_path: Path) -> None:
    nodes = [node("Relu", ["data"], ["out"]), node("Neg", ["data"], ["out"])]
    refused(model(nodes), tmp_path, "make the same tensor")


def test_outputs_that_are_left_open_are_no_tensors(tmp_path: Path) -> None:
    nodes = [
        node("TopK", ["data", "one"], ["out", ""]),
        node("TopK", ["data", "one"], ["", "where"]),
    ]
    outputs = ["out", output("where", TensorProto.INT64)]
    made = model(nodes, {"one": np.array([1])}, outputs=outputs)
    answer, _ = run(read(saved(made, tmp_path)), tensor := values(1, 3, 17, 14))
    np.testing.assert_array_equal(answer, tensor.max(-1, keepdims=True))


def test_operations_may_be_listed_in_any_order(tmp_path: Path) -> None:
    nodes = [node("Neg", ["r"], ["out"]), node("Relu", ["data"], ["r"])]
    (answer,) = run(read(saved(model(nodes), tmp_path)), tensor := values(1, 3, 17, 14))
    np.testing.assert_array_equal(answer, -np.maximum(tensor, 0))
