# SPDX-License-Identifier: Apache-2.0
"""What the measures of ``many_models`` work with, and what they hand back."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from contenders import CONTENDERS
from crowd import write_crowd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from figures import Finding
    from report import Table
    from trunkline.predictions import Prediction
    from workers import Answers

    Pixels = NDArray[np.uint8]

__all__ = ["SAME_TRUNK", "Lab", "Measured", "by_label", "frame_of", "read_all", "same_trunk"]

SAME_TRUNK = (
    *CONTENDERS["recipe"].exports,
    "sign-14",
    "lane-explicit-pad",
    "desk-earlier-coreml",
    "cat-dog-onnx-opset1",
    "desk-earlier-onnx-opset1",
    "plankton-4-onnx-opset1",
    "plankton-5-onnx-opset1",
)
"""Real exports on one trunk: TensorFlow of two forms, Core ML and ONNX opset 1."""

_WIDTH, _HEIGHT = 640, 480
_CROWD, _QUICK_CROWD = 1000, 30


@dataclass(frozen=True)
class Lab:
    """What is measured on.

    Attributes:
        models: The folder of real exports.
        picture: A photograph beside it.
        scratch: An empty folder for exports that are made up.
        rounds: How many figures are taken of everything.
        quick: Do the least of everything: a smoke test.
    """

    models: Path
    picture: Path
    scratch: Path
    rounds: int
    quick: bool

    @property
    def seconds(self) -> float:
        """How long a round of alternating sides takes at least."""
        return 0.0 if self.quick else 2.0

    @functools.cached_property
    def frame(self) -> Pixels:
        """A camera's frame: uint8 of shape (480, 640, 3), RGB."""
        return frame_of(self.picture)

    @property
    def crowd_size(self) -> int:
        """How many exports the crowd has."""
        return _QUICK_CROWD if self.quick else _CROWD

    @functools.cached_property
    def crowd(self) -> Path:
        """A folder of made-up exports on a real trunk; written when first asked for."""
        write_crowd(self.models / SAME_TRUNK[0], self.scratch, self.crowd_size)
        return self.scratch


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measure found.

    Attributes:
        findings: Figures and what they are to reach.
        details: Paragraphs and tables behind them.
    """

    findings: Sequence[Finding]
    details: Sequence[str | Table] = field(default=())


def frame_of(picture: Path) -> Pixels:
    """Return a photograph in the size of a camera's frame: uint8 of shape (480, 640, 3), RGB."""
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB").resize((_WIDTH, _HEIGHT)))


def same_trunk(models: Path, count: int) -> dict[str, Path]:
    """Return real exports on one trunk, by name; where they run out, again under second names."""
    named: dict[str, Path] = {}
    for name in itertools.islice(itertools.cycle(SAME_TRUNK), count):
        named[f"{name}-again" if name in named else name] = models / name
    return named


def read_all(answers: Mapping[str, Prediction]) -> list[tuple[str, str, float]]:
    """Read every answer as a program would: the model, its label and its probability."""
    return [(name, answer.label, answer.probability) for name, answer in answers.items()]


def by_label(answers: Mapping[str, Prediction]) -> Answers:
    """Return classifiers' probabilities by label, by model."""
    return {
        name: dict(zip(answer.labels, answer.probabilities.tolist(), strict=True))
        for name, answer in answers.items()
    }
