# SPDX-License-Identifier: Apache-2.0
"""One export as its container serves it: Flask's own server, ``POST /image``, no other model.

Two things are done better than in the containers: the session stays open, and numpy makes the
picture ready, not a loop over its pixels.
"""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Flask, jsonify, request
from PIL import Image
from serving_setup import Setup

from preprocessing import container_2018

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Response

    Run = Callable[[Any], Any]


def tensorflow_session(folder: Path) -> Run:
    """Open a TensorFlow export, as the containers up to 2020 do."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString((folder / "model.pb").read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    session = tf.compat.v1.Session(graph=graph)
    return lambda tensor: session.run("loss:0", {"Placeholder:0": tensor})[0]


def litert_interpreter(folder: Path) -> Run:
    """Open a TFLite export, as the containers of 2024 do."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"))
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]
    alone = threading.Lock()

    def run(tensor: Any) -> Any:  # noqa: ANN401 - numpy's arrays
        with alone:
            interpreter.set_tensor(source, tensor)
            interpreter.invoke()
            return interpreter.get_tensor(output)[0]

    return run


def application(folder: Path) -> Flask:
    """Return the container's application."""
    opened = tensorflow_session if (folder / "model.pb").is_file() else litert_interpreter
    run = opened(folder)
    labels = [line.strip() for line in (folder / "labels.txt").read_text("utf-8").splitlines()]
    app = Flask(__name__)

    @app.post("/image")
    def image() -> Response:
        with Image.open(io.BytesIO(request.get_data())) as picture:
            pixels = container_2018(np.asarray(picture.convert("RGB")))
        values = run(pixels.astype(np.float32)[None])
        predictions = [
            {"tagName": label, "probability": round(float(value), 8), "tagId": ""}
            for label, value in zip(labels, values, strict=False)
        ]
        created = datetime.now(UTC).isoformat()
        return jsonify({"id": "", "project": "", "created": created, "predictions": predictions})

    return app


def main() -> None:
    setup = Setup.given()
    application(setup.folders[0]).run(host="127.0.0.1", port=setup.ports[0])


if __name__ == "__main__":
    main()
