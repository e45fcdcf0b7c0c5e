# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.exports.messages import GraphDef
from trunkline.exports.package import ModelFormat
from trunkline.exports.templates import ModelFile, Taken, Template
from trunkline.exports.templates import make_template as make

if TYPE_CHECKING:
    from pathlib import Path

FEATURES = 4


def file(data: bytes) -> ModelFile:
    return ModelFile(ModelFormat.TENSORFLOW, (data,))


def make_template(data: bytes, weights: np.ndarray, bias: np.ndarray) -> Template | None:
    return make(file(data), weights, bias)


def match(template: Template, data: bytes) -> Taken | None:
    return template.match(file(data))


WEIGHTS = np.arange(FEATURES * 3, dtype=np.float32).reshape(FEATURES, 3) + 0.5
BIAS = np.array([7.25, 8.25, 9.25], np.float32)


def constant(graph, name, values, *, as_numbers=False):
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = 1
    tensor = node.attr["value"].tensor
    tensor.dtype = 1
    for length in values.shape:
        tensor.tensor_shape.dim.add(size=length)
    if as_numbers:
        tensor.float_val.extend(values.reshape(-1).tolist())
    else:
        tensor.tensor_content = values.tobytes()


def frozen(weights=WEIGHTS, bias=BIAS, *, bias_first=False, trunk=1.0, last="Sigmoid") -> bytes:
    graph = GraphDef()
    constant(graph, "trunk", np.full((2, 2), trunk, np.float32))
    head = [("fc/weights", weights), ("fc/biases", bias)]
    for name, values in reversed(head) if bias_first else head:
        constant(graph, name, values, as_numbers=values.size == 1)
        graph.node.add(name=f"{name}/read", op="Identity", input=[name])
    graph.node.add(name="fc/MatMul", op="MatMul", input=["trunk", "fc/weights/read"])
    graph.node.add(name="fc", op="BiasAdd", input=["fc/MatMul:0", "fc/biases/read"])
    graph.node.add(name="loss", op=last, input=["fc"])
    graph.versions.producer = 21
    return graph.SerializeToString(deterministic=True)


@pytest.mark.parametrize("bias_first", [False, True])
def test_the_same_network_with_another_head_is_recognised(bias_first) -> None:
    template = make_template(frozen(bias_first=bias_first), WEIGHTS, BIAS)
    assert template is not None
    weights = np.random.default_rng(0).normal(size=(FEATURES, 40)).astype(np.float32)
    bias = np.arange(40, dtype=np.float32)
    taken = match(template, frozen(weights, bias, bias_first=bias_first))
    assert taken is not None
    head = taken.head
    np.testing.assert_array_equal(head.weights, weights)
    np.testing.assert_array_equal(head.bias, bias)


def test_a_head_of_one_label_is_stored_in_another_way() -> None:
    template = make_template(frozen(), WEIGHTS, BIAS)
    assert template is not None
    taken = match(template, frozen(WEIGHTS[:, :1], BIAS[:1]))
    assert taken is not None
    head = taken.head
    assert head.bias.tolist() == [7.25]


@pytest.mark.parametrize(
    "other",
    [
        frozen(trunk=np.nextafter(np.float32(1), np.float32(2))),
        frozen(last="Softmax"),
        frozen(bias_first=True),
        frozen(WEIGHTS[:2], BIAS),
        frozen(WEIGHTS, BIAS[:2]),
        frozen(WEIGHTS[..., None], BIAS),
        frozen() + b"\x0a\x00",
        frozen()[:-1],
        frozen()[:40],
        b"",
    ],
    ids=[
        "one bit of the trunk", "another end", "another order", "fewer features", "fewer biases",
        "another rank", "one node more", "cut at the end", "cut early", "empty",
    ],
)  # fmt: skip
def test_anything_else_is_not(other) -> None:
    template = make_template(frozen(), WEIGHTS, BIAS)
    assert template is not None
    assert match(template, other) is None


def test_a_constant_of_another_name_or_kind_is_not() -> None:
    template = make_template(frozen(), WEIGHTS, BIAS)
    assert template is not None
    assert match(template, frozen().replace(b"fc/weights", b"fd/weights")) is None
    assert match(template, frozen().replace(b"Const", b"Clone")) is None


def test_a_head_that_is_not_in_the_file_exactly_once_makes_no_template() -> None:
    assert make_template(frozen(), WEIGHTS + 1, BIAS) is None
    assert make_template(frozen() + frozen(), WEIGHTS, BIAS) is None
    assert make_template(b"", WEIGHTS, BIAS) is None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_byte_is_a_new_head_or_no_match(data) -> None:
    """Whatever byte changes, a match gives back exactly the file that was asked about."""
    original = bytearray(frozen())
    at = data.draw(st.integers(0, len(original) - 1))
    original[at] ^= data.draw(st.integers(1, 255))
    template = make_template(frozen(), WEIGHTS, BIAS)
    assert template is not None
    taken = match(template, bytes(original))
    if taken is not None:
        head = taken.head
        assert frozen(head.weights, head.bias) == bytes(original)


def test_real_exports_are_recognised_across_owners(shared: Path) -> None:
    from trunkline.exports.reading import read_one
    from trunkline.graphs.merging import outline

    model = read_one(shared / "models" / "fruit-2", "fruit-2")
    head = outline(model.graph, model.contract).head
    data = (shared / "models" / "fruit-2" / "model.pb").read_bytes()
    template = make_template(data, head.weights.T, head.bias)
    found = {
        path.parent.name: match(template, path.read_bytes())
        for path in sorted(shared.glob("models/*/model.pb"))
    }
    assert {name: len(taken.head.bias) for name, taken in found.items() if taken} == {
        "bananas": 3, "bear-1-label": 1, "bears": 3, "desk-earlier-pb": 5, "fruit-2": 2,
        "fruit-4": 4, "hotdog-container": 2, "rock-paper-scissors": 3,
    }  # fmt: skip
