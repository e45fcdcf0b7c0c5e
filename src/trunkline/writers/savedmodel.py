# SPDX-License-Identifier: Apache-2.0
"""TensorFlow SavedModels: a folder with ``saved_model.pb``, the weights as constants in it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.writers.steps import INPUT, steps_of
from trunkline.writers.tensorflow import answers, frozen, tensorflow

if TYPE_CHECKING:
    from trunkline.models import Model

__all__ = ["write"]

_FILE = "saved_model.pb"


def write(model: Model, folder: Path) -> str:
    """Write a model as a SavedModel, whose signature ``serving_default`` has the graph's names.

    Args:
        model: One with a graph.
        folder: Where ``saved_model.pb`` is written; it must exist.

    Returns:
        ``"saved_model.pb"``.

    Raises:
        UnsupportedExportError: The model holds what TensorFlow has no words for.
        MissingExtraError: TensorFlow is not installed.
    """
    tf = tensorflow("Writing TensorFlow models")
    steps = steps_of(model)
    v1 = tf.compat.v1
    # TensorFlow wants a folder to itself.
    with (
        tempfile.TemporaryDirectory(prefix="trunkline-") as alone,
        tf.Graph().as_default() as graph,
        v1.Session(graph=graph) as session,
    ):
        tf.graph_util.import_graph_def(frozen(steps, tf), name="")
        builder = v1.saved_model.Builder(str(Path(alone, "model")))
        tensors = {name: graph.get_tensor_by_name(f"{name}:0") for name in answers(steps)}
        signature = v1.saved_model.predict_signature_def(
            {INPUT: graph.get_tensor_by_name(f"{INPUT}:0")}, tensors
        )
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
        (folder / _FILE).write_bytes(Path(alone, "model", _FILE).read_bytes())
    return _FILE
