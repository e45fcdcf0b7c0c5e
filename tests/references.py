# SPDX-License-Identifier: Apache-2.0
"""The frameworks that wrote the exports, as references for the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

Array = NDArray[Any]


def tensorflow(
    path: Path, tensor: Array, *outputs: str, feed: str = "Placeholder:0"
) -> list[Array]:
    """Run a frozen graph in TensorFlow.

    Its input is opened to any shape first, as the compact detectors' own script does.
    """
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(path.read_bytes())
    (taken,) = (node for node in definition.node if node.name == feed.partition(":")[0])
    taken.attr["shape"].shape.CopyFrom(tf.TensorShape(None).as_proto())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return list(session.run(list(outputs), {feed: tensor}))


def savedmodel(folder: Path, tensor: Array) -> dict[str, Array]:
    """Run a SavedModel's signature in TensorFlow; outputs by name."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (name,) = signature.structured_input_signature[1]
    return {key: value.numpy() for key, value in signature(**{name: tensor}).items()}


def litert(path: Path, tensor: Array) -> list[Array]:
    """Run a TFLite file in LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    (taken,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(taken["index"], tensor.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], tensor)
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def onnxruntime(path: Path, tensor: Array) -> list[Any]:
    """Run an ONNX file in ONNX Runtime; all outputs, in the file's order."""
    import onnxruntime as ort

    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    return list(session.run(None, {taken.name: tensor}))


def photographs(count: int, height: int, width: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return seeded pictures, uint8 of shape (height, width, 3)."""
    return [p[0].astype(np.uint8) for p in pictures(count, (height, width), seed)]


def pictures(count: int, shape: tuple[int, ...], seed: int = 0) -> list[Array]:
    """Return seeded tensors with values like a picture's: smooth shapes, 0 to 255, float32."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (count, 8, 8, 3))
    rows = np.linspace(0, 7, shape[0]).astype(int)
    columns = np.linspace(0, 7, shape[1]).astype(int)
    smooth = coarse[:, rows][:, :, columns]
    noisy = smooth + random.normal(0, 8, smooth.shape)
    return [p[None].clip(0, 255).astype(np.float32) for p in noisy]
