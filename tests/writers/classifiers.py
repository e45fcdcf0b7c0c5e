# SPDX-License-Identifier: Apache-2.0
"""Models to write, and what two models have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from graphs.networks import Dense, Network, contract_of, run
from graphs.writing import graph_of
from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.exports.reading import read_one
from trunkline.graphs.identity import identify
from trunkline.graphs.normal_form import normal_form
from trunkline.models import Model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Array = NDArray[Any]

LABELS = ("Apfel", "リンゴ", "яблоко")


def model_of(graph: openvino.Model, contract: InputContract, **changes: Any) -> Model:
    """Return a classifier that has a graph."""
    model = Model(
        name="fruit",
        labels=LABELS,
        task="multiclass",
        contract=contract,
        graph=graph,
        decoder=ClassificationDecoder("multiclass"),
        format="OpenVINO IR",
        source="fruit",
    )
    return replace(model, **changes)


def drawn(network: Network) -> Model:
    """Return the model of a drawn network."""
    head = network.layers[-1]
    assert isinstance(head, Dense)
    task = "multilabel" if head.activation == "sigmoid" else "multiclass"
    decoder = ClassificationDecoder(task, "softmax" if head.activation == "none" else "none")
    labels = tuple(f"label {number}" for number in range(head.labels))
    return model_of(
        graph_of(network), contract_of(network), labels=labels, task=task, decoder=decoder
    )


def mobile(labels: Sequence[str] = LABELS, *, seed: int = 0, plain: bool = False) -> Model:
    """Return a small network with what mobile ones are made of; only its head is by ``seed``.

    A plain one rectifies without bounds.
    """
    rng = np.random.default_rng(7)

    def weights(*shape: int) -> Array:
        return rng.normal(0, 0.4, shape).astype(np.float32)

    def added(port: openvino.Node, values: Array) -> openvino.Node:
        return ops.add(port, values.reshape(1, -1, 1, 1))

    def rectified(port: openvino.Node) -> openvino.Node:
        return ops.relu(port) if plain else ops.clamp(port, 0, 6)

    picture = ops.parameter([1, 21, 18, 3], openvino.Type.f32, name="Placeholder")
    port = ops.transpose(picture, np.array([0, 3, 1, 2]))
    port = added(ops.multiply(port, np.float32(1 / 128)), np.array([-0.9, -1, -1.1], np.float32))
    port = ops.convolution(port, weights(8, 3, 3, 3), [2, 2], [0, 0], [1, 1], [1, 1])
    port = first = rectified(added(port, weights(8)))
    port = ops.group_convolution(port, weights(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    port = rectified(added(port, weights(8)))
    gate = ops.reduce_mean(port, np.array([2, 3]), keep_dims=True)
    gate = ops.sigmoid(added(ops.convolution(gate, weights(8, 8, 1, 1), *_PLAIN), weights(8)))
    port = ops.add(ops.multiply(port, gate), first)
    port = ops.max_pool(port, [2, 2], [1, 1], [0, 0], [1, 1], [3, 3])
    other = ops.group_convolution(
        port.output(0), weights(2, 3, 4, 2, 2), [1, 1], [0, 1], [1, 0], [1, 1]
    )
    other = ops.relu(other) if plain else ops.hswish(ops.hsigmoid(other))
    port = ops.concat([port.output(0), other.output(0)], 1)
    port = ops.avg_pool(port, [1, 1], [1, 0], [0, 1], [2, 2], True)
    port = ops.reduce_mean(port, np.array([2, 3]), keep_dims=False)
    head = np.random.default_rng(seed).normal(0, 0.5, (14, len(labels))).astype(np.float32)
    port = ops.matmul(port, head, transpose_a=False, transpose_b=False)
    port = ops.softmax(ops.add(port, np.linspace(-1, 1, len(labels), dtype=np.float32)), 1)
    contract = InputContract(21, 18, Preset.CONTAINER_2024)
    graph = openvino.Model([port.output(0)], [picture], "mobile")
    return model_of(graph, contract, labels=tuple(labels))


_PLAIN = ([1, 1], [0, 0], [0, 0], [1, 1])


def read(path: Path) -> Model:
    """Read an export that is as it should be, and about which nothing is odd."""
    found = read_one(path, "read")
    if not isinstance(found, Model):
        raise found
    assert found.notes == ()
    return found


def pixels(model: Model, seed: int = 0) -> Array:
    """Return a random picture, float32 NHWC, 0 to 255, in the model's order of channels."""
    shape = (1, model.contract.height, model.contract.width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


def answer(model: Model, picture: Array) -> Array:
    """Return what a model's normal form answers to a picture of 0 to 255."""
    graph, contract = normal_form(model.graph, model.contract)
    fed = picture * np.float32(contract.maximum / 255) - np.array(contract.mean, np.float32)
    fed = (fed / np.array(contract.std, np.float32)).astype(contract.dtype)
    (values,) = run(graph, fed)
    return values


def identities(model: Model) -> dict[str, bytes]:
    """Return the identities of a model's operations in its normal form."""
    graph, contract = normal_form(model.graph, model.contract)
    found = identify(graph, contract)
    # A result's identity says nothing: it is its operation's.
    kinds = {node.get_friendly_name(): node.get_type_name() for node in graph.get_ordered_ops()}
    return {name: each for name, each in found.items() if kinds[name] != "Result"}


def assert_same(model: Model, other: Model) -> None:
    """Assert that two models are one network, to the bit, fed and decoded in one way."""
    assert set(identities(model).values()) == set(identities(other).values())
    assert (
        normal_form(model.graph, model.contract)[1] == normal_form(other.graph, other.contract)[1]
    )
    assert (model.labels, model.task, model.decoder) == (other.labels, other.task, other.decoder)
