# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from exports.likenesses import LABELS, TOML, changed, changes, known_of, recognised, values
from exports.onnx_models import classifier
from trunkline.exports.package import ModelFormat
from trunkline.exports.templates import ModelFile, make_template

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.exports.reading import Known


def with_head(model: onnx.ModelProto, labels: int, weights: str = "dense", bias: str = "bias"):
    """Give a model another head; its number of labels changes wherever it stands."""
    made = onnx.ModelProto.FromString(model.SerializeToString())
    tensors = {tensor.name: tensor for tensor in made.graph.initializer}
    features = tensors[weights].dims[1]
    for name, array in ((weights, values(labels, features)), (bias, values(labels, seed=8))):
        old = numpy_helper.from_array(array, name)
        if tensors[name].float_data:
            old = helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.reshape(-1))
        tensors[name].CopyFrom(old)
    for value in made.graph.input:
        if value.name in {weights, bias}:
            value.type.tensor_type.shape.dim[0].dim_value = labels
    texts = [label.encode() for label in LABELS[:labels]]
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.name == "classlabels_strings":
                attribute.strings[:] = texts
            if attribute.t.string_data:
                attribute.t.string_data[:] = texts
                attribute.t.dims[:] = [labels]
    return made


def write(model: onnx.ModelProto, folder: Path, labels: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "labels.txt").write_text("\n".join(LABELS[:labels]), "utf-8")
    (folder / "model.toml").write_text(TOML.format(w=14, h=17), "utf-8")
    return folder


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return write(classifier(), tmp_path / "first", 3)


@pytest.fixture
def known(first: Path) -> Known:
    found = known_of(first)
    assert found is not None
    return found


@pytest.mark.parametrize("labels", [1, 2, 3, 4, 6])
def test_a_head_of_any_size_is_recognised(
    first: Path, known: Known, tmp_path: Path, labels: int
) -> None:
    other = with_head(classifier(), labels)
    other.graph.name = "another project"
    assert recognised(write(other, tmp_path / "second", labels), first, [known])


def test_shapes_that_are_stated_follow_the_number_of_labels(tmp_path: Path) -> None:
    def stated(labels: int, said: int) -> onnx.ModelProto:
        made = with_head(classifier(), labels)
        made.graph.output[0].CopyFrom(helper.make_tensor_value_info("out", 1, ["N", said]))
        made.graph.value_info.append(helper.make_tensor_value_info("scores", 1, ["N", said]))
        return made

    first = write(stated(3, 3), tmp_path / "first", 3)
    known = known_of(first)
    assert recognised(write(stated(5, 5), tmp_path / "second", 5), first, [known])
    write(stated(5, 3), tmp_path / "third", 5)
    file = ModelFile(ModelFormat.ONNX, ((tmp_path / "third/model.onnx").read_bytes(),))
    assert known.template.match(file) is None


def test_weights_may_be_nodes(tmp_path: Path) -> None:
    made = classifier()
    tensors = [t for t in made.graph.initializer if t.name in {"dense", "bias"}]
    for tensor in tensors:
        made.graph.initializer.remove(tensor)
        node = helper.make_node("Constant", [], [tensor.name], value=tensor)
        made.graph.node.insert(0, node)
    first = write(made, tmp_path / "first", 3)
    assert recognised(first, first, [known_of(first)])


def trunk_bit(made: onnx.ModelProto) -> None:
    tensor = made.graph.initializer[0]
    tensor.raw_data = bytes([tensor.raw_data[0] ^ 1]) + tensor.raw_data[1:]


def both(made: onnx.ModelProto) -> None:
    made.graph.initializer[2].float_data.append(1)


def short(made: onnx.ModelProto) -> None:
    made.graph.initializer[2].raw_data = made.graph.initializer[2].raw_data[4:]


def integers(made: onnx.ModelProto) -> None:
    made.graph.initializer[2].data_type = TensorProto.INT32


def doc(made: onnx.ModelProto) -> None:
    made.doc_string = "another exporter"


def opset(made: onnx.ModelProto) -> None:
    made.opset_import[0].version += 1


def scale(made: onnx.ModelProto) -> None:
    gemm = next(node for node in made.graph.node if node.op_type == "Gemm")
    gemm.attribute.append(helper.make_attribute("alpha", 2.0))


def renamed(made: onnx.ModelProto) -> None:
    made.graph.initializer[2].name = "sparse"


def unknown(made: onnx.ModelProto) -> None:
    made.MergeFromString(b"\xaa\x06\x01x")


@pytest.mark.parametrize(
    "change", [trunk_bit, both, short, integers, doc, opset, scale, renamed, unknown]
)
def test_anything_else_is_not(known: Known, change) -> None:
    made = classifier()
    change(made)
    file = ModelFile(ModelFormat.ONNX, (made.SerializeToString(),))
    assert known.template.match(file) is None


def test_another_format_is_not(known: Known) -> None:
    file = ModelFile(ModelFormat.COREML, (classifier().SerializeToString(),))
    assert known.template.match(file) is None


def shared_bias(made: onnx.ModelProto) -> None:
    made.graph.node.append(helper.make_node("Add", ["scores", "bias"], ["more"]))


def outside(made: onnx.ModelProto) -> None:
    tensor = made.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL


def twice(made: onnx.ModelProto) -> None:
    made.graph.initializer.add().CopyFrom(made.graph.initializer[0])


def function(made: onnx.ModelProto) -> None:
    made.functions.add(name="f")


@pytest.mark.parametrize("change", [shared_bias, outside, twice, function])
def test_a_file_that_is_not_clear_makes_no_template(change) -> None:
    made = classifier()
    weights = [numpy_helper.to_array(tensor) for tensor in made.graph.initializer]
    change(made)
    file = ModelFile(ModelFormat.ONNX, (made.SerializeToString(),))
    assert make_template(file, weights[2].T, weights[3]) is None


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_changed_byte_never_makes_another_model(data, first: Path, known: Known) -> None:
    original = classifier().SerializeToString()
    folder = write(classifier(), first.parent / "changed", 3)
    change = data.draw(changes(len(original)))
    (folder / "model.onnx").write_bytes(changed(original, change))
    recognised(folder, first, [known])


def test_real_exports_are_recognised_across_owners(shared: Path) -> None:
    models = shared / "models"
    known = known_of(models / "plankton-4-onnx-opset1")
    names = sorted(path.parent.name for path in models.glob("*/model.onnx"))
    found = [
        name for name in names
        if recognised(models / name, models / "plankton-4-onnx-opset1", [known])
    ]  # fmt: skip
    assert found == [
        "cat-dog-onnx-opset1", "desk-earlier-onnx-opset1", "plankton-4-onnx-opset1",
        "plankton-5-onnx-opset1",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["desk-onnx-opset7", "cat-dog-onnx-opset7"])
def test_real_exports_of_opset_7_with_other_labels(shared: Path, tmp_path: Path, name: str) -> None:
    source = shared / "models" / name
    known = known_of(source)
    assert known is not None
    made = onnx.load(source / "model.onnx")
    other = with_head(made, 4, "innerProduct_B", "innerProduct_C")
    (tmp_path / "model.onnx").write_bytes(other.SerializeToString())
    assert recognised(tmp_path, source, [known])
    lookup = next(node for node in other.graph.node if node.op_type == "ZipMap")
    lookup.attribute[0].strings.append(b"one too many")
    (tmp_path / "model.onnx").write_bytes(other.SerializeToString())
    assert not recognised(tmp_path, source, [known])
    assert not np.array_equal(known.model.labels, LABELS[:4])
