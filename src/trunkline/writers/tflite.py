# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite: ``model.tflite``, of float32 or float16 weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trunkline.writers.steps import INPUT, steps_of
from trunkline.writers.tensorflow import SIDE, frozen, tensorflow

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.models import Model
    from trunkline.writers.steps import Steps

__all__ = ["write"]

_FILE = "model.tflite"


def write(model: Model, folder: Path, *, half: bool = False) -> str:
    """Write a model as TensorFlow Lite, for one picture at a time.

    Args:
        model: One with a graph.
        folder: Where the file is written; it must exist.
        half: Whether the weights are kept as float16.

    Returns:
        The file's name.

    Raises:
        UnsupportedExportError: The model holds what TensorFlow has no words for.
        MissingExtraError: TensorFlow is not installed.
    """
    tf = tensorflow("Writing TensorFlow Lite models")
    steps = steps_of(model)
    shape = [1, *(SIDE if length < 0 else length for length in steps.shape[1:])]
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        picture = tf.compat.v1.placeholder(tf.float32, shape, INPUT)
        (answer,) = tf.graph_util.import_graph_def(
            frozen(steps, tf), {INPUT: picture}, ["model_outputs:0"], name=""
        )
        converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [picture], [answer])
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    (folder / _FILE).write_bytes(content if half else _with_signs_of_zero(content, steps))
    return _FILE


def _with_signs_of_zero(content: bytes, steps: Steps) -> bytes:
    """Give zeros their sign back, which the converter takes from them when it adds biases up."""
    for step in steps.steps:
        for values in step.inputs:
            if not isinstance(values, str) and (np.signbit(values) & (values == 0)).any():
                content = content.replace((values + np.float32(0)).tobytes(), values.tobytes())
    return content
