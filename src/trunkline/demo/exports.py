# SPDX-License-Identifier: Apache-2.0
"""Fits the demonstration's models and writes them as anybody's exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import openvino

from trunkline.demo.fitting import fit
from trunkline.demo.pictures import ASPECTS, Scene, draw, random_scenes
from trunkline.demo.trunk import CONTRACT, build_trunk, with_head
from trunkline.engine.compiled import CompiledGraph
from trunkline.engine.cores import available_cores
from trunkline.images import to_tensor

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FITTED_ON", "HELD_OUT", "MadeExport", "make_exports"]

FITTED_ON = 500
"""How many drawn pictures the models are fitted on."""
HELD_OUT = 200
"""How many others they are tried on."""

_FITTING_SEED, _HELD_OUT_SEED = 1, 2

_MODEL_TOML = f"""\
# What Trunkline cannot know about a network that it did not make.
task = "multiclass"

[input]
order = "{CONTRACT.order}"
maximum = {CONTRACT.maximum:g}
resize = "{CONTRACT.preset}"
"""


@dataclass(frozen=True, slots=True)
class MadeExport:
    """An export that the demonstration wrote.

    Attributes:
        folder: Where it lies.
        labels: What it answers.
        accuracy: The share of the held-out pictures that it was right on, 0 to 1.
    """

    folder: Path
    labels: tuple[str, ...]
    accuracy: float


def make_exports(folder: Path) -> list[MadeExport]:
    """Fit one classifier per aspect of the pictures, and write each into a folder of its own.

    The same on every call, but for the last bits of the arithmetic.

    Args:
        folder: Where the exports' folders are made; it must exist.
    """
    trunk = build_trunk()
    fitting = random_scenes(FITTED_ON, _FITTING_SEED)
    held_out = random_scenes(HELD_OUT, _HELD_OUT_SEED)
    features = _features(trunk, fitting + held_out)
    return [
        _make(folder / aspect, trunk, features, _classes(fitting + held_out, aspect), labels)
        for aspect, labels in ASPECTS.items()
    ]


def _make(
    folder: Path,
    trunk: openvino.Model,
    features: NDArray[np.float32],
    classes: NDArray[np.intp],
    labels: tuple[str, ...],
) -> MadeExport:
    head = fit(features[:FITTED_ON], classes[:FITTED_ON], len(labels))
    answers = head(features[FITTED_ON:]).argmax(axis=1)
    folder.mkdir()
    openvino.save_model(with_head(trunk, head), folder / "model.xml", compress_to_fp16=False)
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels), "utf-8")
    (folder / "model.toml").write_text(_MODEL_TOML, "utf-8")
    return MadeExport(folder, labels, float((answers == classes[FITTED_ON:]).mean()))


def _features(trunk: openvino.Model, scenes: list[Scene]) -> NDArray[np.float32]:
    """Return what the trunk says about each scene: float32 (scenes, features)."""
    run = CompiledGraph(trunk, available_cores())
    rows = [run(to_tensor(draw(scene), CONTRACT))[0] for scene in scenes]
    return np.concatenate(rows)


def _classes(scenes: list[Scene], aspect: str) -> NDArray[np.intp]:
    return np.array([ASPECTS[aspect].index(scene.truth[aspect]) for scene in scenes], np.intp)
