# SPDX-License-Identifier: Apache-2.0
"""Recognising a file whose network is known already, without reading it as a graph.

Two exports of one network by one exporter are the same but for the constants of the dense head, the
labels and the shapes that follow from their number. A template is where one of them keeps those,
and a digest of all the rest. A file that has the same digest around constants of its own is the
same network with another head; it need not be converted, hashed in normal form or compiled.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trunkline.exports.package import ModelFormat
from trunkline.exports.template_parts import HeadConstants, Places, Taken

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["HeadConstants", "ModelFile", "Taken", "Template", "make_template", "open_file"]

# One module per format, imported when the first such file is met.
_TAKERS = {
    ModelFormat.TENSORFLOW: "trunkline.exports.templates_tensorflow",
    ModelFormat.ONNX: "trunkline.exports.templates_onnx",
    ModelFormat.COREML: "trunkline.exports.templates_coreml",
    ModelFormat.TFLITE: "trunkline.exports.templates_tflite",
    ModelFormat.OPENVINO: "trunkline.exports.templates_openvino",
}


class _Taker(Protocol):
    """The module of a format."""

    def find_head(self, parts: tuple[bytes, ...], head: HeadConstants) -> Places | None:
        """Find a head in a file; None where it is not there as a head and nothing else."""

    def take_apart(self, parts: tuple[bytes, ...], places: Places) -> Taken | None:
        """Take the head out of a file; None where there is none in these places."""


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model file in memory.

    Attributes:
        format: Its format.
        parts: Its bytes; for OpenVINO those of the ``.xml`` and of the ``.bin``.
    """

    format: ModelFormat
    parts: tuple[bytes, ...]
    _apart: dict[Places, Taken | None] = field(default_factory=dict, repr=False)

    def take_apart(self, places: Places) -> Taken | None:
        """Take out the head that is in these places, once for all who ask.

        Returns:
            None where there is none; also where the file is damaged, which the full reading says.
        """
        if places not in self._apart:
            try:
                self._apart[places] = _taker(self.format).take_apart(self.parts, places)
            except Exception:
                self._apart[places] = None
        return self._apart[places]


@dataclass(frozen=True, slots=True)
class Template:
    """A file of a known network, without its head.

    Attributes:
        format: The file's format.
        places: Where it keeps its head.
        rest: A digest of everything else.
    """

    format: ModelFormat
    places: Places
    rest: bytes

    def match(self, file: ModelFile) -> Taken | None:
        """Return the head and the labels of a file; None where it is not this network."""
        taken = file.take_apart(self.places) if file.format is self.format else None
        # The beginning of the digest is at hand before the large pieces are hashed.
        if taken is None or not self.rest.startswith(taken.frame):
            return None
        return taken if taken.rest == self.rest else None


def open_file(model_format: ModelFormat, path: Path) -> ModelFile | None:
    """Read a model file whole; None where files of its format are not recognised."""
    if model_format not in _TAKERS:
        return None
    paths = [path]
    if model_format is ModelFormat.OPENVINO:
        paths.append(path.with_suffix(".bin"))
    try:
        return ModelFile(model_format, tuple(part.read_bytes() for part in paths))
    except OSError:
        return None  # the full reading says what is wrong


def make_template(
    file: ModelFile, weights: NDArray[np.float32], bias: NDArray[np.float32]
) -> Template | None:
    """Make a template of a file that was read in full.

    Args:
        file: The file.
        weights: The weights of its dense head, float32 of shape (features, labels).
        bias: Its bias, float32 of shape (labels,).

    Returns:
        None where the two are not found in the file, each exactly once and of no other use.
    """
    try:
        places = _taker(file.format).find_head(file.parts, HeadConstants(weights, bias))
    except Exception:
        return None  # a network that OpenVINO reads may be written in ways that are not known here
    taken = file.take_apart(places) if places else None
    return Template(file.format, places, taken.rest) if places and taken else None


def _taker(model_format: ModelFormat) -> _Taker:
    taker: _Taker = importlib.import_module(_TAKERS[model_format])
    return taker
