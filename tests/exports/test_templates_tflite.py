# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.likenesses import LABELS, changed, changes, copy_beside, known_of, recognised, values
from trunkline.exports import templates_tflite
from trunkline.exports.package import ModelFormat
from trunkline.exports.templates import ModelFile

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.exports.reading import Known

FULLY_CONNECTED, DEQUANTIZE = 9, 6
NAMES = ("fruit-7-tflite", "apple-orange-container-2025")


def opened(data: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(data, 0)


def packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1 << 22)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_head(model: schema.ModelT, labels: int) -> schema.ModelT:
    """Give a model another head, in the type that the file has."""
    (graph,) = model.subgraphs
    codes = [max(c.deprecatedBuiltinCode, c.builtinCode) for c in model.operatorCodes]
    kinds = [codes[operator.opcodeIndex] for operator in graph.operators]
    last = kinds.index(FULLY_CONNECTED)
    for tensor in graph.operators[last].inputs[1:3]:
        makers = [o for o in graph.operators if tensor in o.outputs]
        stored = makers[0].inputs[0] if makers else tensor
        shape = [labels, *graph.tensors[tensor].shape[1:]]
        for each in {int(stored), int(tensor)}:
            graph.tensors[each].shape = np.array(shape, np.int32)
        kind = np.float16 if graph.tensors[stored].type == 1 else np.float32
        made = values(*map(int, shape)).astype(kind)
        model.buffers[graph.tensors[stored].buffer].data = np.frombuffer(made.tobytes(), np.uint8)
    for operator in graph.operators[last:]:
        for tensor in operator.outputs:
            of = graph.tensors[tensor]
            of.shape = np.array([*of.shape[:-1], labels], np.int32)
            if of.shapeSignature is not None:
                of.shapeSignature = np.array([*of.shapeSignature[:-1], labels], np.int32)
    return model


def write(data: bytes, source: Path, folder: Path, labels: int) -> Path:
    copy_beside(source, folder, labels=LABELS[:labels])
    (folder / "model.tflite").write_bytes(data)
    return folder


@pytest.fixture(scope="module", params=NAMES)
def source(request: pytest.FixtureRequest, shared: Path) -> Path:
    return shared / "models" / request.param


@pytest.fixture(scope="module")
def known(source: Path) -> Known:
    found = known_of(source)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def data(source: Path) -> bytes:
    return (source / "model.tflite").read_bytes()


@pytest.mark.parametrize("labels", [1, 3, 6])
def test_another_head_is_recognised_wherever_its_tables_lie(
    source: Path, known: Known, data: bytes, tmp_path: Path, labels: int
) -> None:
    """Another program's flatbuffer has the same tables in other places."""
    other = packed(with_head(opened(data), labels))
    folder = write(other, source, tmp_path / "other", labels)
    assert recognised(folder, source, [known])


def trunk_bit(model) -> None:
    sizes = [0 if b.data is None else len(b.data) for b in model.buffers]
    largest = model.buffers[int(np.argmax(sizes))]
    largest.data = np.array([largest.data[0] ^ 1, *largest.data[1:]], np.uint8)


def stride(model) -> None:
    options = [o.builtinOptions for o in model.subgraphs[0].operators]
    next(o for o in options if isinstance(o, schema.Conv2DOptionsT)).strideW += 1


def activation(model) -> None:
    options = [o.builtinOptions for o in model.subgraphs[0].operators]
    next(o for o in options if isinstance(o, schema.FullyConnectedOptionsT)).keepNumDims = True


def version(model) -> None:
    model.version += 1


def code(model) -> None:
    model.operatorCodes[0].version += 1


def name(model) -> None:
    model.subgraphs[0].tensors[0].name = b"another"


def shape(model) -> None:
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]]
    tensor.shape = np.array([*tensor.shape, 1], np.int32)


def wiring(model) -> None:
    operator = model.subgraphs[0].operators[3]
    operator.inputs = np.array([0, *operator.inputs[1:]], np.int32)


def sparse(model) -> None:
    model.subgraphs[0].tensors[1].sparsity = schema.SparsityParametersT()


def metadata(model) -> None:
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"more", 0
    model.metadata = [*(model.metadata or []), entry]


def subgraph(model) -> None:
    model.subgraphs.append(model.subgraphs[0])


CHANGES = (
    trunk_bit, stride, activation, version, code, name, shape, wiring, sparse, metadata, subgraph,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_anything_else_is_not(known: Known, data: bytes, change) -> None:
    model = opened(data)
    change(model)
    assert known.template.match(ModelFile(ModelFormat.TFLITE, (packed(model),))) is None


def test_what_is_said_the_same_way_is(known: Known, data: bytes) -> None:
    """So that the test above shows what each change does, and not what packing does."""
    file = ModelFile(ModelFormat.TFLITE, (packed(opened(data)),))
    assert known.template.match(file) is not None


def test_a_file_cut_short_is_not(known: Known, data: bytes) -> None:
    for length in (0, 3, 40, len(data) // 2, len(data) - 64):
        assert known.template.match(ModelFile(ModelFormat.TFLITE, (data[:length],))) is None


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
def test_a_changed_byte_never_makes_another_model(
    drawn, shared: Path, data: bytes, known: Known, source: Path, tmp_path: Path
) -> None:
    count = len(known.model.labels)
    made = changed(data, drawn.draw(changes(len(data))))
    recognised(write(made, source, tmp_path / "changed", count), source, [known])


def test_the_two_containers_are_two_networks(shared: Path) -> None:
    first, second = (shared / "models" / n for n in (NAMES[1], "meter-container-2025"))
    assert not recognised(second, first, [known_of(first)])


def test_the_fields_of_options_are_those_of_the_schema() -> None:
    """A number that is taken for narrower than it is would be compared in part."""
    named = {v: k for k, v in vars(schema.BuiltinOptions).items() if isinstance(v, int)}
    slots = {"Int8": "1", "Bool": "1", "Int32": "4", "Float32": "4", "UOffsetTRelative": "v4"}
    for number, fields in templates_tflite._OPTIONS.items():
        builder = Slots()
        for name_of, function in vars(schema).items():
            if name_of.startswith(f"{named[number]}Add"):
                function(builder, 0)
        known = tuple(slots[builder.found[slot]] for slot in sorted(builder.found))
        assert known[: len(fields)] == fields, named[number]


class Slots:
    """Takes down what kind of number each field is written as."""

    def __init__(self) -> None:
        self.found: dict[int, str] = {}

    def __getattr__(self, called: str):
        kind = called.removeprefix("Prepend").removesuffix("Slot")
        return lambda slot, *_: self.found.__setitem__(slot, kind)
