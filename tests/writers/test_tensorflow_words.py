# SPDX-License-Identifier: Apache-2.0
"""Every word by itself: TensorFlow computes the same, and what is read back is the same network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import openvino
import pytest
from hypothesis import assume, given, settings
from openvino import opset1, opset8
from openvino import opset13 as ops

from trunkline.errors import UnsupportedExportError
from trunkline.exports import tensorflow as reader
from trunkline.graphs.comparing import first_difference
from trunkline.graphs.merging import outline
from trunkline.writers.steps import INPUT, steps_of
from trunkline.writers.tensorflow import frozen, tensorflow
from writers import made

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (6, 5)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(0, 1, shape).astype(np.float32)


def written(model):
    return frozen(steps_of(model), tensorflow("This test"))


def agree(model, size=SIZE) -> None:
    """Run a model in TensorFlow and in OpenVINO, on numbers below zero as well."""
    import tensorflow as tf

    tensor = normal(1, *size, 3) * 4
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(written(model), name="")
        answer = session.run("model_outputs:0", {f"{INPUT}:0": tensor})
    expected = made.raw(model, tensor)
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-5)


def convolution(x, shape, stride=(1, 1), begin=(0, 0), end=(0, 0), gaps=(1, 1), auto="explicit"):
    kind = ops.group_convolution if len(shape) == 5 else ops.convolution
    return kind(x, normal(*shape), list(stride), list(begin), list(end), list(gaps), auto)


def average(x, kernel, begin=(0, 0), end=(0, 0), stride=(2, 2), *, exclude=True):
    return ops.avg_pool(x, list(stride), list(begin), list(end), list(kernel), exclude)


def maximum(x, kernel, begin=(0, 0), end=(0, 0), stride=(2, 2), gaps=(1, 1), auto="explicit"):
    told = list(stride), list(gaps), list(begin), list(end), list(kernel), "floor", auto
    return ops.max_pool(x, *told)


def after(pool):
    """Return something behind a pool, out of whose last place OpenVINO leaves two transposes."""
    return convolution(pool.output(0), (2, 3, 1, 1))


def reshaped(x, *shape):
    return ops.reshape(x, np.array(shape), special_zero=False)


def moved(x, *order):
    return ops.transpose(x, np.array(order))


# What reads back as the very same network.
EXACT = {
    "clamp to six": lambda x: ops.clamp(x, 0, 6),
    "clamp": lambda x: ops.clamp(x, -1, 2.5),
    "elu": lambda x: ops.elu(x, 1.0),
    "leaky": lambda x: ops.prelu(x, np.float32(0.1)),
    "swish": ops.swish,
    "hard swish": ops.hswish,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "add a value": lambda x: ops.add(x, np.float32(3)),
    "add one per channel": lambda x: ops.add(x, normal(3, 1, 1)),
    "add one per column": lambda x: ops.add(x, normal(5)),
    "multiply by a picture": lambda x: ops.multiply(normal(1, 3, 6, 5), x),
    "add two": lambda x: ops.add(ops.relu(x), ops.tanh(x)),
    "subtract two": lambda x: ops.subtract(ops.relu(x), ops.tanh(x)),
    "gate": lambda x: ops.multiply(x, ops.sigmoid(ops.reduce_mean(x, np.array([2, 3]), True))),
    "convolution": lambda x: convolution(x, (4, 3, 3, 3)),
    "convolution, same": lambda x: convolution(x, (4, 3, 3, 2), (2, 2), auto="same_upper"),
    "convolution, its own padding": lambda x: convolution(x, (4, 3, 3, 3), (2, 2), (1, 1), (1, 2)),
    "convolution with gaps": lambda x: convolution(x, (4, 3, 3, 3), end=(1, 1), gaps=(2, 1)),
    "depthwise": lambda x: convolution(x, (3, 2, 1, 3, 3), (2, 2), (1, 1), (1, 1)),
    "average": lambda x: average(x, (2, 2)),
    "average, same": lambda x: average(x, (3, 3), (0, 1), (1, 1)),
    "average that counts its padding": lambda x: average(x, (3, 3), (1, 1), (1, 1), exclude=False),
    "maximum": lambda x: after(maximum(x, (3, 2))),
    "maximum, same": lambda x: after(maximum(x, (2, 2), (0, 0), (0, 1))),
    "maximum, its own padding": lambda x: after(maximum(x, (3, 3), (1, 2), (2, 1))),
    "pad": lambda x: opset1.pad(x, [0, 1, 0, 2], [0, 0, 1, 0], "constant", np.float32(2)),
    "concat": lambda x: ops.concat([x, ops.relu(x)], 1),
    "concat rows": lambda x: ops.concat([x, ops.relu(x)], -2),
    "slice": lambda x: opset8.slice(x, [1], [3], [1], [1]),
    "slice of two": lambda x: opset8.slice(x, [1, 0], [5, 3], [1, 1], [2, 3]),
    "mean": lambda x: ops.reduce_mean(x, np.array([2, 3]), True),
    "mean of the channels": lambda x: ops.reduce_mean(x, np.array([1]), True),
    "maximum of the picture": lambda x: ops.reduce_max(x, np.array([2, 3]), False),
    "sum of rows": lambda x: ops.reduce_sum(x, np.array([2]), False),
    "softmax of a row": lambda x: ops.softmax(reshaped(x, 1, 90), -1),
    "reshape": lambda x: reshaped(x, 1, 6, 15),
    "reshape to a picture": lambda x: reshaped(x, 1, 6, 3, 5),
    "pixel": lambda x: reshaped(ops.relu(reshaped(x, 1, 90)), 1, 90, 1, 1),
    "shuffle": lambda x: moved(reshaped(moved(x, 0, 2, 3, 1), 1, 6, 3, 5), 0, 1, 3, 2),
    "rows first": lambda x: moved(x, 0, 2, 1, 3),
    "dense": lambda x: ops.matmul(reshaped(x, 1, 90), normal(90, 4), False, False),
}  # fmt: skip

# What TensorFlow says in other words.
OTHERWISE = {
    "softmax over channels": lambda x: ops.softmax(x, 1),
    "groups": lambda x: convolution(ops.concat([x, x], 1), (2, 2, 3, 3, 3), end=(1, 0)),
    "depthwise, other strides": lambda x: convolution(x, (3, 1, 1, 2, 2), (2, 1)),
    "slopes": lambda x: ops.prelu(x, normal(1, 3, 1, 1)),
    "slope above one": lambda x: ops.prelu(x, np.float32(1.5)),
    "hard sigmoid": ops.hsigmoid,
    "swish with another slope": lambda x: ops.swish(x, np.float32(1.5)),
    "split": lambda x: ops.subtract(*ops.split(ops.relu(x), 2, 2).outputs()),
    "uneven split": lambda x: ops.variadic_split(x, 1, np.array([1, 2])).output(1),
    "divide": lambda x: ops.divide(ops.tanh(x), ops.add(ops.abs(x), np.float32(1))),
    "divide a constant": lambda x: ops.divide(normal(1, 3, 1, 1), ops.exp(x)),
    "power": lambda x: ops.power(ops.abs(x), np.float32(1.5)),
    "root": lambda x: ops.sqrt(ops.add(ops.softplus(x), np.float32(1))),
    "of another rank": lambda x: ops.add(x, ops.reduce_mean(x, np.array([0, 1, 2]), False)),
    "smaller and larger": lambda x: ops.maximum(ops.minimum(x, ops.tanh(x)), normal(3, 1, 1)),
    "product of two": lambda x: ops.matmul(*[reshaped(x, 1, 15, 6)] * 2, True, False),
    "first version": lambda x: opset1.max_pool(x, [1, 1], [0, 0], [0, 0], [2, 2], "floor"),
    "squeezed": lambda x: ops.squeeze(ops.reduce_mean(x, np.array([2, 3]), True), np.array([2, 3])),
}  # fmt: skip


@pytest.mark.parametrize("name", [*EXACT, *OTHERWISE])
def test_tensorflow_computes_the_same(name: str) -> None:
    agree(made.model_of((EXACT | OTHERWISE)[name]))


@pytest.mark.parametrize("name", EXACT)
def test_it_reads_back_as_the_same(name: str, tmp_path: Path) -> None:
    model = made.model_of(EXACT[name])
    path = tmp_path / "model.pb"
    path.write_bytes(written(model).SerializeToString())
    again = reader.read(path).graph
    difference = first_difference(
        outline(model.graph, model.contract), outline(again, model.contract)
    )
    assert difference is None, str(difference)


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    kind=st.sampled_from(["convolution", "depthwise", "maximum"]),
)
def test_all_windows(size, kernel, stride, pads, kind) -> None:
    begin, end = pads[:2], pads[2:]
    # A maximum of nothing but padding has no value.
    assume(kind != "maximum" or all(p < k for p, k in zip(pads, kernel * 2, strict=True)))
    builds = {
        "convolution": lambda x: convolution(x, (2, 3, *kernel), stride, begin, end),
        "depthwise": lambda x: convolution(x, (3, 1, 1, *kernel), stride, begin, end),
        "maximum": lambda x: maximum(x, kernel, begin, end, stride),
    }
    agree(made.model_of(builds[kind], size), size)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda x: ops.elu(x, 0.5), "Elu"),
        (lambda x: maximum(x, (2, 2), gaps=(2, 2)), "MaxPool"),
        (lambda x: average(x, (3, 3), (1, 0), (0, 1), (1, 1)), "AvgPool"),
        (lambda x: ops.concat([x, normal(1, 1, 6, 5)], 1), "Concat"),
        (lambda x: ops.einsum([x, x], "abcd,abcd->ab"), "Einsum"),
    ],
)
def test_what_cannot_be_said_is_named(build, word: str) -> None:
    with pytest.raises(UnsupportedExportError, match=f"operation {word}"):
        written(made.model_of(build))


def test_padding_at_the_beginning_needs_a_size() -> None:
    model = made.model_of(lambda x: convolution(x, (2, 3, 2, 2), (2, 2), auto="same_lower"))
    agree(model)
    open_sizes = made.with_open_sizes(model)
    with pytest.raises(UnsupportedExportError, match="operation Convolution"):
        written(open_sizes)


def test_several_outputs_are_refused() -> None:
    model = made.model_of(ops.relu)
    (taken,) = model.graph.get_parameters()
    (result,) = model.graph.get_results()
    ends = [result.input_value(0), ops.tanh(result.input_value(0)).output(0)]
    object.__setattr__(model, "graph", openvino.Model(ends, [taken]))
    with pytest.raises(UnsupportedExportError, match="2 outputs"):
        written(model)
