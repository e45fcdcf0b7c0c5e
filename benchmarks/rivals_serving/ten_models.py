# SPDX-License-Identifier: Apache-2.0
"""Exports behind OpenVINO, as the servers of other projects hold them: each compiled by itself.

The picture is decoded and made ready once for all models. Each server runs in an environment of
its own, without Trunkline; what they share is here.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from PIL import Image

from preprocessing import container_2018

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from serving_setup import Setup

__all__ = ["TenModels"]

_CORES = len(os.sched_getaffinity(0))


class TenModels:
    """Exports of one kind, each answering every picture.

    Args:
        folders: Of ``model.pb`` and ``labels.txt`` each.
        threads: How many cores a model may use.
    """

    def __init__(self, folders: tuple[Path, ...], threads: int) -> None:
        core = openvino.Core()
        self._requests = {folder.name: _opened(core, folder, threads) for folder in folders}
        self.labels = {
            folder.name: (folder / "labels.txt").read_text("utf-8").splitlines()
            for folder in folders
        }

    @classmethod
    def of(cls, setup: Setup) -> TenModels:
        """Open the exports for one of the workers."""
        return cls(setup.folders, max(1, _CORES // setup.workers))

    def predict(self, picture: bytes) -> Mapping[str, Mapping[str, float]]:
        """Return all models' probabilities by label for an encoded picture."""
        with Image.open(io.BytesIO(picture)) as image:
            return self.predict_image(image)

    def predict_image(self, image: Image.Image) -> Mapping[str, Mapping[str, float]]:
        """Do the same for a picture that the framework has opened."""
        return {
            name: {
                label.strip(): float(value)
                for label, value in zip(self.labels[name], values, strict=False)
            }
            for name, values in self.rows(image).items()
        }

    def rows(self, image: Image.Image) -> Mapping[str, Any]:
        """Return all models' probabilities, float32 arrays of shape (labels,)."""
        pixels = container_2018(np.asarray(image.convert("RGB")))
        tensor = pixels.astype(np.float32)[None]
        answers = {}
        for name, request in self._requests.items():
            request.infer([tensor], share_inputs=True)
            answers[name] = request.output_tensors[0].data[0].copy()
        return answers


def _opened(core: openvino.Core, folder: Path, threads: int) -> openvino.InferRequest:
    graph = core.read_model(folder / "model.pb")
    graph.reshape([1, 227, 227, 3])
    properties = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        # As exact as Trunkline's.
        "INFERENCE_PRECISION_HINT": "f32",
        # Workers with one core each would all be put on the same one.
        "ENABLE_CPU_PINNING": False,
    }
    return core.compile_model(graph, "CPU", properties).create_infer_request()
