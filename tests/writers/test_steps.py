# SPDX-License-Identifier: Apache-2.0
"""Steps: what a model does, in the few words that every writer knows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from openvino import opset1, opset8
from openvino import opset13 as ops

import trunkline
from trunkline.errors import UnsupportedExportError
from trunkline.writers.steps import INPUT, refusal, steps_of
from writers import made

if TYPE_CHECKING:
    from pathlib import Path


def only(build, kind, size=(6, 5), **contract):
    """Return the one step of a kind."""
    steps = steps_of(made.model_of(build, size, **contract))
    (step,) = (step for step in steps.steps if step.kind == kind)
    return step


def attributes(build, kind, size=(6, 5)):
    return dict(only(build, kind, size).attributes)


def test_a_real_export(shared: Path) -> None:
    steps = steps_of(made.model_at(shared / "models" / "desk-earlier-pb"))
    assert steps.shape == (1, 227, 227, 3)
    assert len(steps.labels) == 5
    kinds = Counter(step.kind for step in steps.steps)
    assert (kinds["Convolution"], kinds["MaxPool"], kinds["MatMul"]) == (25, 3, 1)
    assert steps.outputs == (steps.steps[-1].name,)
    assert steps.steps[-1].shape == (1, 5)
    known = {INPUT}
    for step in steps.steps:
        assert {taken for taken in step.inputs if isinstance(taken, str)} <= known
        assert step.name not in known
        known.add(step.name)


def test_the_same_model_is_the_same_steps(shared: Path) -> None:
    path = shared / "models" / "meter-container-2025"
    first, second = (steps_of(made.model_at(path)) for _ in range(2))
    assert [s.name for s in first.steps] == [s.name for s in second.steps]
    assert [s.attributes for s in first.steps] == [s.attributes for s in second.steps]


def test_numbers_become_what_the_graph_wants() -> None:
    asked = {"maximum": 1.0, "mean": (0.5, 0.4, 0.3), "std": (0.25, 0.5, 1.0), "order": "RGB"}
    model = made.model_of(ops.relu, **asked)
    steps = steps_of(model)
    assert [step.kind for step in steps.steps[:2]] == ["Multiply", "Add"]
    factor, shift = (step.inputs[1].reshape(-1) for step in steps.steps[:2])
    np.testing.assert_allclose(255 * factor + shift, [2, 1.2, 0.7], rtol=1e-6)
    np.testing.assert_allclose(shift, [-2, -0.8, -0.3], rtol=1e-6)
    told = steps.contract
    assert (told.maximum, told.mean, told.std) == (255.0, (0.0,) * 3, (1.0,) * 3)
    assert (told.order, told.dtype, told.layout) == ("RGB", "float32", "NHWC")


def test_nothing_is_scaled_that_need_not_be() -> None:
    assert [s.kind for s in steps_of(made.model_of(ops.relu)).steps] == ["Transpose", "Relu"]


@pytest.mark.parametrize("dtype", ["f16", "u8"])
def test_other_types_of_numbers_become_float32(dtype: str) -> None:
    half = openvino.Type.f16
    taken = ops.parameter([1, 6, 5, 3], getattr(openvino.Type, dtype))
    x = ops.convert(taken, "f16") if dtype == "u8" else taken
    x = ops.transpose(ops.add(x, ops.constant([0.1], half)), np.array([0, 3, 1, 2]))
    graph = openvino.Model([ops.convert(ops.relu(x), "f32")], [taken])
    model = made.model_of(ops.relu, dtype={"f16": "float16", "u8": "uint8"}[dtype])
    steps = steps_of(dataclasses.replace(model, graph=graph))
    assert "Convert" not in {step.kind for step in steps.steps}
    (constant,) = (s.inputs[1] for s in steps.steps if s.kind == "Add")
    assert constant.dtype == np.float32
    assert constant.reshape(-1) == np.float32(np.float16(0.1))
    assert steps.contract.dtype == "float32"


def windows(auto="explicit", begin=(0, 0), end=(0, 0), rounding="floor"):
    told = [2, 2], [1, 1], list(begin), list(end), [3, 3], rounding, auto
    return lambda x: ops.max_pool(x, *told)


def test_padding_is_told_as_it_happens() -> None:
    expected = {"auto_pad": "explicit", "pads_begin": (0, 0), "pads_end": (1, 1)}
    for build in (windows("same_upper", (9, 9)), windows(end=(1, 1)), windows(rounding="ceil")):
        found = attributes(build, "MaxPool", (6, 6))
        assert {key: found[key] for key in expected} == expected
        assert (found["kernel"], found["strides"], found["dilations"]) == ((3, 3), (2, 2), (1, 1))


def test_padding_that_no_window_reaches_is_left_out() -> None:
    assert attributes(windows(end=(0, 1)), "MaxPool")["pads_end"] == (0, 0)


def test_open_sizes_are_padded_as_they_come() -> None:
    def told(**more):
        model = made.with_open_sizes(made.model_of(windows(**more)))
        (step,) = (s for s in steps_of(model).steps if s.kind == "MaxPool")
        return {key: step.attributes.get(key) for key in ("auto_pad", "pads_begin", "pads_end")}

    assert told(auto="same_upper")["auto_pad"] == "same_upper"
    assert told(auto="valid") == {
        "auto_pad": "explicit", "pads_begin": (0, 0), "pads_end": (0, 0)
    }  # fmt: skip
    assert told(begin=(1, 0), end=(0, 1))["pads_end"] == (0, 1)
    with pytest.raises(UnsupportedExportError, match="MaxPool"):
        told(rounding="ceil")


def test_parts_of_a_split_are_slices() -> None:
    def build(x):
        parts = ops.variadic_split(x, 1, np.array([2, 1])).outputs()
        return ops.concat([ops.relu(parts[1]), parts[0]], 1)

    steps = steps_of(made.model_of(build)).steps
    cuts = [s.attributes for s in steps if s.kind == "Slice"]
    assert sorted((c["start"], c["stop"]) for c in cuts) == [((0,), (2,)), ((2,), (3,))]


def average(**more):
    told = {"strides": [2, 2], "pads_begin": [0, 0], "pads_end": [1, 1], "kernel_shape": [2, 2]}
    return lambda x: ops.avg_pool(x, **told | {"exclude_pad": False} | more)


def test_an_average_that_counts_its_padding_has_all_of_it() -> None:
    assert attributes(average(), "AvgPool")["pads_end"] == (1, 1)
    assert attributes(average(exclude_pad=True), "AvgPool")["pads_end"] == (0, 1)


def indices(x):
    return ops.convert(ops.max_pool(x, [1, 1], [1, 1], [0, 0], [0, 0], [2, 2]).output(1), "f32")


def unknown_weights(x):
    return ops.convolution(x, ops.exp(x), *[[1, 1]] * 4)


def fewer_lines(x):
    weights = np.ones((2, 3, 1, 1), np.float32)
    return ops.convolution(x, weights, [1, 1], [-1, 0], [0, 0], [1, 1])


def open_reshape(x):
    return ops.reshape(ops.relu(x), np.array([0, -1, 0, 3]), special_zero=True)


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (ops.erf, "Erf"),
        (indices, "MaxPool"),
        (average(rounding_type="ceil"), "AvgPool"),
        (lambda x: ops.prelu(x, np.array([0.1, 0.2, 0.3], np.float32)), "PRelu"),
        (lambda x: ops.prelu(x, ops.exp(x)), "PRelu"),
        (lambda x: opset8.slice(x, [2], [0], [-1], [1]), "Slice"),
        (lambda x: opset1.pad(x, [0, 0, 1, 1], [0] * 4, "reflect"), "Pad"),
        (fewer_lines, "Convolution"),
        (unknown_weights, "Convolution"),
        (lambda x: ops.convert(ops.convert(x, "i32"), "f32"), "Convert"),
        (lambda x: opset1.add(x, ops.relu(x), auto_broadcast="pdpd"), "Add"),
    ],
)
def test_what_has_no_words_is_named(build, kind: str) -> None:
    with pytest.raises(UnsupportedExportError, match=f"made: its operation {kind}"):
        steps_of(made.model_of(build))


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (open_reshape, "Reshape"),
        (lambda x: ops.split(x, 2, 2).output(0), "Split"),
    ],
)
def test_what_has_no_words_for_open_sizes_is_named(build, kind: str) -> None:
    with pytest.raises(UnsupportedExportError, match=f"operation {kind}"):
        steps_of(made.with_open_sizes(made.model_of(build)))


def test_a_model_of_a_set_has_no_steps(shared: Path) -> None:
    models = trunkline.load(shared / "models" / "fruit-2")
    with pytest.raises(UnsupportedExportError, match="read its export again"):
        steps_of(models["fruit-2"])


def test_a_refusal_names_the_step_and_the_format() -> None:
    steps = steps_of(made.model_of(ops.relu))
    error = refusal(steps, steps.steps[-1], "this format")
    assert "Relu (step 'Relu_2') cannot be said in this format" in str(error)
