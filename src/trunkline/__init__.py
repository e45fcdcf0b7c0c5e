# SPDX-License-Identifier: Apache-2.0
"""Run every image model you have, at once, in real time, on the machine you have.

    import trunkline

    models = trunkline.load("first/", "second.zip", third="third.tflite")
    answers = models.predict("photo.jpg")
    answers["first"].label, answers["first"].probability

    model = trunkline.Trainer().fit("pictures/")
    model.save("models/third")

Names are imported when they are first used: ``import trunkline`` itself costs almost nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from trunkline.errors import (
    ExportError,
    MissingExtraError,
    ModelNameError,
    PictureError,
    TrainingError,
    TrunklineError,
    UnsupportedExportError,
)

if TYPE_CHECKING:
    from trunkline import trunks
    from trunkline.contracts import Decision, InputContract, Preset
    from trunkline.engine.loading import load
    from trunkline.engine.modelset import ModelSet
    from trunkline.models import Model
    from trunkline.predictions import Box, Classification, Detection
    from trunkline.streams.python import watch
    from trunkline.training.trained import TrainedModel
    from trunkline.training.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Classification",
    "Decision",
    "Detection",
    "ExportError",
    "InputContract",
    "MissingExtraError",
    "Model",
    "ModelNameError",
    "ModelSet",
    "PictureError",
    "Preset",
    "TrainedModel",
    "Trainer",
    "TrainingError",
    "TrunklineError",
    "UnsupportedExportError",
    "load",
    "trunks",
    "watch",
]

_HOMES = {
    "Box": "trunkline.predictions",
    "Classification": "trunkline.predictions",
    "Decision": "trunkline.contracts",
    "Detection": "trunkline.predictions",
    "InputContract": "trunkline.contracts",
    "Model": "trunkline.models",
    "ModelSet": "trunkline.engine.modelset",
    "Preset": "trunkline.contracts",
    "TrainedModel": "trunkline.training.trained",
    "Trainer": "trunkline.training.trainer",
    "load": "trunkline.engine.loading",
    "watch": "trunkline.streams.python",
}


def __getattr__(name: str) -> object:
    if name == "trunks":
        return importlib.import_module("trunkline.trunks")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
