# SPDX-License-Identifier: Apache-2.0
"""TensorFlow frozen graphs: ``model.pb``, as the service wrote them.

Pictures go into ``Placeholder`` as float32 (batch, rows, columns, 3); a classifier's answer comes
out of ``loss`` and ``model_outputs``, a detector's of ``model_outputs``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from trunkline.errors import MissingExtraError
from trunkline.writers.steps import INPUT, steps_of
from trunkline.writers.tensorflow_words import say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from trunkline.models import Model
    from trunkline.writers.steps import Steps

GraphDef = Any
"""TensorFlow's, which has no types."""

__all__ = ["SIDE", "answers", "frozen", "tensorflow", "write"]

SIDE = 416
"""How long the sides of a compact detector's pictures are where they must be fixed."""

_FILE = "model.pb"
# Operations of 2018 are all that is used; readers of that age refuse what says it is newer.
_PRODUCER = 27
# They say what is so without them.
_NEWER = {"explicit_paddings", "grad_a", "grad_b"}


def write(model: Model, folder: Path) -> str:
    """Write a model as a frozen graph.

    Args:
        model: One with a graph.
        folder: Where the file is written; it must exist.

    Returns:
        The file's name.

    Raises:
        UnsupportedExportError: The model holds what TensorFlow has no words for.
        MissingExtraError: TensorFlow is not installed.
    """
    tf = tensorflow("Writing TensorFlow models")
    graph = frozen(steps_of(model), tf)
    (folder / _FILE).write_bytes(graph.SerializeToString(deterministic=True))
    return _FILE


def tensorflow(what: str) -> ModuleType:
    """Import TensorFlow, without the lines that it writes to the terminal on the way.

    Args:
        what: What needs it, as the subject of a sentence.

    Raises:
        MissingExtraError: It is not installed.
    """
    # Where a program has it already, how much it says is the program's affair.
    if tf := sys.modules.get("tensorflow"):
        return tf
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _silence():
            tf = importlib.import_module("tensorflow")
    except ImportError as error:
        raise MissingExtraError(what, package="tensorflow", extra="export") from error
    tf.get_logger().setLevel("ERROR")
    return tf


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what native code writes to the standard error from it."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a path
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def answers(steps: Steps) -> tuple[str, ...]:
    """Return the names that the one answer has."""
    return ("model_outputs",) if steps.task == "detection" else ("loss", "model_outputs")


def frozen(
    steps: Steps, tf: ModuleType, outputs: tuple[str, ...] = (), side: int | None = None
) -> GraphDef:
    """Return a model as TensorFlow's ``GraphDef``, with the weights as constants in it.

    Args:
        steps: The model.
        tf: TensorFlow.
        outputs: The names that the answer goes by; those of ``answers`` where none are given.
        side: How long the sides of pictures are where the model leaves them open; None to leave
            them open.

    Raises:
        UnsupportedExportError: TensorFlow has no words for a step.
    """
    graph = tf.Graph()
    with graph.as_default():
        shape = [None, *(side if length < 0 else length for length in steps.shape[1:])]
        picture = tf.compat.v1.placeholder(tf.float32, shape, INPUT)
        answer = say(steps, picture, tf)
        for name in outputs or answers(steps):
            tf.identity(answer, name)
    made = graph.as_graph_def()
    made.versions.producer = _PRODUCER
    for node in made.node:
        for attribute in _NEWER & set(node.attr):
            del node.attr[attribute]
    return made
