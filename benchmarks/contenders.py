# SPDX-License-Identifier: Apache-2.0
"""Who runs in ``start_and_predict``: each opens exports and returns a function that answers.

Nothing heavy is imported before a contender is opened, so that the time to its first answer holds
all that it needs and nothing of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Predict = Callable[[Path | Pixels], Mapping[str, Mapping[str, float]]]

__all__ = ["CONTENDERS", "Contender"]

PB = (
    "fruit-2",
    "fruit-4",
    "bears",
    "bear-1-label",
    "desk-pb",
    "desk-earlier-pb",
    "hotdog-container",
    "bananas",
    "soda-softmax",
    "rock-paper-scissors",
)
TFLITE = ("fruit-7-tflite", "apple-orange-container-2025", "meter-container-2025")
ONNX = ("desk-onnx-opset7", "cat-dog-onnx-opset7")

MEAN_BGR = (104.0, 117.0, 123.0)


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to run exports.

    Attributes:
        title: What tables call it.
        exports: Folders it can read, in the order they are taken.
        open: Opens exports; the function it returns takes a picture's path, or a uint8 array of
            shape (height, width, 3), RGB, and gives probabilities by label, by folder name.
    """

    title: str
    exports: tuple[str, ...]
    open: Callable[[Sequence[Path]], Predict]


def open_trunkline(folders: Sequence[Path]) -> Predict:
    """Open exports as Trunkline's README says."""
    import trunkline

    models = trunkline.load(*folders)

    def predict(picture: Path | Pixels) -> Mapping[str, Mapping[str, float]]:
        answers = {}
        for name, answer in models.predict(picture).items():
            if not isinstance(answer, trunkline.Classification):
                raise TypeError(f"{name} is not a classifier")
            answers[name] = _by_label(answer.labels, answer.probabilities)
        return answers

    return predict


def open_recipe(folders: Sequence[Path]) -> Predict:
    """Follow the usual recipe: per model a prefix, an open session and the container's own code."""
    from preprocessing import container_2018_by_pixel, decoded

    sessions = {folder.name: _open_session(folder) for folder in folders}

    def predict(picture: Path | Pixels) -> Mapping[str, Mapping[str, float]]:
        pixels = decoded(picture)
        return {name: run(container_2018_by_pixel(pixels)) for name, run in sessions.items()}

    return predict


def open_recipe_once(folders: Sequence[Path]) -> Predict:
    """Follow the recipe, its slowest part put right: the picture is made ready once, by numpy."""
    from preprocessing import container_2018, decoded

    sessions = {folder.name: _open_session(folder) for folder in folders}

    def predict(picture: Path | Pixels) -> Mapping[str, Mapping[str, float]]:
        tensor = container_2018(decoded(picture))
        return {name: run(tensor) for name, run in sessions.items()}

    return predict


def _open_session(folder: Path) -> Callable[[Pixels], dict[str, float]]:
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString((folder / "model.pb").read_bytes())
    # A graph for each prefix: with all prefixes in one graph, each session would take in every
    # model, and the recipe would start more slowly.
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name=folder.name)
    session = tf.compat.v1.Session(graph=graph)
    source = graph.get_tensor_by_name(f"{folder.name}/Placeholder:0")
    output = graph.get_tensor_by_name(f"{folder.name}/loss:0")
    labels = _labels(folder)
    return lambda tensor: _by_label(labels, session.run(output, {source: [tensor]})[0])


def open_litert(folders: Sequence[Path]) -> Predict:
    """Use LiteRT with all cores (its default is one); the picture is made ready once per size."""
    from preprocessing import decoded

    interpreters = {folder.name: _open_interpreter(folder) for folder in folders}
    sides = {side for side, _ in interpreters.values()}

    def predict(picture: Path | Pixels) -> Mapping[str, Mapping[str, float]]:
        pixels = decoded(picture)
        tensors = {side: _for_tflite(pixels, side) for side in sides}
        return {name: run(tensors[side]) for name, (side, run) in interpreters.items()}

    return predict


def _open_interpreter(folder: Path) -> tuple[int, Callable[[NDArray[Any]], dict[str, float]]]:
    from ai_edge_litert.interpreter import Interpreter

    from trunkline.engine.cores import available_cores

    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=available_cores())
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    output = interpreter.get_output_details()[0]["index"]
    labels = _labels(folder)

    def run(tensor: NDArray[Any]) -> dict[str, float]:
        interpreter.set_tensor(source["index"], tensor)
        interpreter.invoke()
        return _by_label(labels, interpreter.get_tensor(output)[0])

    return int(source["shape"][1]), run


def _for_tflite(pixels: Pixels, side: int) -> NDArray[np.float32]:
    import numpy as np

    from preprocessing import container_2018, container_2024

    if side != 227:
        return container_2024(pixels, side)[None].astype(np.float32)
    tensor = container_2018(pixels)[None].astype(np.float32)
    # This export is of the form that leaves the mean to the application.
    tensor -= np.array(MEAN_BGR, np.float32)
    return tensor


def open_onnxruntime(folders: Sequence[Path]) -> Predict:
    """Use ONNX Runtime as it comes; the picture is made ready once."""
    import numpy as np
    import onnxruntime

    from preprocessing import container_2018, decoded

    sessions = {f.name: onnxruntime.InferenceSession(str(f / "model.onnx")) for f in folders}

    def predict(picture: Path | Pixels) -> Mapping[str, Mapping[str, float]]:
        tensor = container_2018(decoded(picture))[None].transpose(0, 3, 1, 2).astype(np.float32)
        # The tail of these graphs makes the answer a map from labels to probabilities.
        return {
            name: session.run(["loss"], {session.get_inputs()[0].name: tensor})[0][0]
            for name, session in sessions.items()
        }

    return predict


def _labels(folder: Path) -> list[str]:
    return (folder / "labels.txt").read_text("utf-8-sig").splitlines()


def _by_label(labels: Sequence[str], probabilities: NDArray[np.float32]) -> dict[str, float]:
    return dict(zip(labels, probabilities.tolist(), strict=True))


CONTENDERS: Mapping[str, Contender] = {
    "trunkline-pb": Contender("Trunkline", PB, open_trunkline),
    "recipe": Contender("usual recipe (TensorFlow)", PB, open_recipe),
    "recipe-once": Contender("recipe, picture made ready once", PB, open_recipe_once),
    "trunkline-tflite": Contender("Trunkline", TFLITE, open_trunkline),
    "litert": Contender("LiteRT", TFLITE, open_litert),
    "trunkline-onnx": Contender("Trunkline", ONNX, open_trunkline),
    "onnxruntime": Contender("ONNX Runtime", ONNX, open_onnxruntime),
}
