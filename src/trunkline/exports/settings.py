# SPDX-License-Identifier: Apache-2.0
"""``model.toml``: what a person says about a model where its files do not, or say it wrong.

.. code-block:: toml

    task = "detection"              # multiclass, multilabel or detection
    labels = ["person", "bus"]      # or the name of a label file beside model.toml
    name = "people"
    [input]
    width = 300
    height = 300
    order = "RGB"                   # RGB or BGR
    maximum = 255                   # what a full channel becomes: 255 or 1
    mean = [0, 0, 0]                # in the tensor's channel order and range
    std = [1, 1, 1]
    resize = "sample-stretch"       # a Preset
    layout = "NHWC"                 # NHWC or NCHW
    [output]
    decode = "boxes"                # probabilities, logits, yolo-grid, yolo-rows or boxes
    tensors = ["boxes:0", "scores:0", "classes:0"]
    corners = "yxyx"                # boxes: yxyx or xyxy
    first_class = 1                 # boxes: the number of the first label
    threshold = 0.25                # detection, as are iou = 0.45 and limit = 100

With ``yolo-grid`` go ``anchors = [[0.57, 0.67], ...]``, width and height in cells; with
``yolo-rows`` go ``objectness`` and ``transposed``, each true or false. Every key may be left out.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from trunkline.contracts import ChannelOrder, Layout, Preset
from trunkline.errors import ExportError
from trunkline.exports import values
from trunkline.exports.labels import MAX_LABELS, decode
from trunkline.predictions import Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MAX_BYTES", "Decode", "InputSettings", "ModelSettings", "OutputSettings", "parse"]

MAX_BYTES = 1 << 20
"""The largest ``model.toml`` that is read, in bytes."""

Decode = Literal["probabilities", "logits", "yolo-grid", "yolo-rows", "boxes"]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class InputSettings:
    """The ``[input]`` table; None where it says nothing. See ``InputContract`` for the meanings.

    Attributes:
        width: 1 to 8192.
        height: 1 to 8192.
        order: The channel order.
        maximum: 255.0 or 1.0.
        mean: Each -1000 to 1000.
        std: Each 0.000001 to 1000.
        resize: The resize and crop rule.
        layout: The order of the tensor's axes.
    """

    width: int | None = None
    height: int | None = None
    order: ChannelOrder | None = None
    maximum: float | None = None
    mean: Triple | None = None
    std: Triple | None = None
    resize: Preset | None = None
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """The ``[output]`` table; None where it says nothing.

    Attributes:
        decode: How raw outputs become predictions.
        tensors: The names of the outputs, in the order that the decoder takes them.
        corners: The order of a box's four numbers; for ``"boxes"``.
        first_class: The class number of the first label, 0 to 1000; for ``"boxes"``.
        anchors: Width and height of each anchor in cells; for ``"yolo-grid"``.
        objectness: Whether a row holds an objectness before the classes; for ``"yolo-rows"``.
        transposed: Whether boxes are the last axis; for ``"yolo-rows"``.
        threshold: The least probability of a box that is kept, 0 to 1.
        iou: The overlap from which the less probable of two boxes is dropped, 0 to 1.
        limit: The most boxes per frame, 1 to 10 000.
    """

    decode: Decode | None = None
    tensors: tuple[str, ...] | None = None
    corners: Literal["xyxy", "yxyx"] | None = None
    first_class: int | None = None
    anchors: tuple[tuple[float, float], ...] | None = None
    objectness: bool | None = None
    transposed: bool | None = None
    threshold: float | None = None
    iou: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A ``model.toml``; None where it says nothing.

    Attributes:
        task: What the model does.
        labels: Its labels, in the order of its output. Where the file names a label file instead,
            None from ``parse``, and what that file holds in a ``Package``.
        name: What to call the model.
        input: The ``[input]`` table.
        output: The ``[output]`` table.
        label_file: The name of the label file, without any folder.
    """

    task: Task | None = None
    labels: tuple[str, ...] | None = None
    name: str | None = None
    input: InputSettings = field(default_factory=InputSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    label_file: str | None = None


_SIDE = values.integer(1, 8192)
_SHARE = values.number(0, 1)
_MODEL: Mapping[str, values.Check] = {
    "task": values.choice(*get_args(Task)),
    "labels": values.either(
        values.array(values.label, 1, MAX_LABELS),
        values.file_name,
        "an array of labels, or the name of a file in the same folder",
    ),
    "name": values.label,
}
_INPUT: Mapping[str, values.Check] = {
    "width": _SIDE,
    "height": _SIDE,
    "order": values.choice(*get_args(ChannelOrder)),
    "maximum": values.one_of(255.0, 1.0),
    "mean": values.array(values.number(-1000, 1000), 3, 3),
    "std": values.array(values.number(1e-6, 1000), 3, 3),
    "resize": values.choice(*Preset),
    "layout": values.choice(*get_args(Layout)),
}
_OUTPUT: Mapping[str, values.Check] = {
    "decode": values.choice(*get_args(Decode)),
    "tensors": values.array(values.label, 1, 100),
    "corners": values.choice("xyxy", "yxyx"),
    "first_class": values.integer(0, 1000),
    "anchors": values.array(values.array(values.number(1e-6, 10_000), 2, 2), 1, 100),
    "objectness": values.boolean,
    "transposed": values.boolean,
    "threshold": _SHARE,
    "iou": _SHARE,
    "limit": values.integer(1, 10_000),
}
_TABLES = {"": _MODEL, "input": _INPUT, "output": _OUTPUT}

_FIT_FOR = {
    "corners": "boxes",
    "first_class": "boxes",
    "anchors": "yolo-grid",
    "objectness": "yolo-rows",
    "transposed": "yolo-rows",
}
_FOR_CLASSIFIERS = ("probabilities", "logits")
_FOR_DETECTORS = ("threshold", "iou", "limit")


def parse(data: bytes, source: str | Path) -> ModelSettings:
    """Read a ``model.toml``.

    Args:
        data: The whole file.
        source: The file's name, for messages.

    Returns:
        What it says. Whether its label file exists is for the caller to see.

    Raises:
        ExportError: It is not TOML, a key is unknown, a value is of the wrong kind or out of
            range, or two keys contradict each other. The first mistake is reported.
    """
    tables = _tables(_toml(data, source), source)
    top = tables[""]
    named = top.pop("labels", None)
    told = {"label_file": named} if isinstance(named, str) else {"labels": named}
    settings = ModelSettings(
        **top,
        **told,
        input=InputSettings(**tables["input"]),
        output=OutputSettings(**tables["output"]),
    )
    _refuse_contradictions(settings, source)
    return settings


def _toml(data: bytes, source: str | Path) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise ExportError(source, f"is larger than {MAX_BYTES >> 20} MiB, too large for settings.")
    try:
        return tomllib.loads(decode(data, source))
    except (ValueError, RecursionError) as error:
        raise ExportError(source, f"is not valid TOML ({error}).") from error


def _tables(document: dict[str, Any], source: str | Path) -> dict[str, dict[str, Any]]:
    """Check every key and value; return them by table, those outside any under ``""``."""
    found: dict[str, dict[str, Any]] = {table: {} for table in _TABLES}
    for key, value in document.items():
        if key not in _TABLES or not key:
            found[""][key] = _checked("", key, value, source)
        elif not isinstance(value, dict):
            raise ExportError(
                source, f"{key} is {values.shown(value)}; it should be a table, [{key}]."
            )
        else:
            found[key] = {k: _checked(key, k, v, source) for k, v in value.items()}
    return found


def _checked(table: str, key: str, value: object, source: str | Path) -> object:
    path = f"{table}.{key}".lstrip(".")
    if key not in _TABLES[table]:
        raise ExportError(source, f"the key {path!r} is unknown. {_advice(table, key)}")
    try:
        return _TABLES[table][key](value)
    except values.UnfitError as unfit:
        raise ExportError(
            source, f"{path} is {values.shown(value)}; it should be {unfit}."
        ) from unfit


def _advice(table: str, key: str) -> str:
    """Say which key was probably meant."""
    for other, checks in _TABLES.items():
        if key in checks:
            return f"It belongs {f'under [{other}]' if other else 'above all tables'}."
    known = [*_TABLES[table], *(name for name in _TABLES if name and not table)]
    if close := difflib.get_close_matches(key.lower(), known, n=1):
        return f"Did you mean {close[0]!r}?"
    return f"Known here: {', '.join(known)}."


def _refuse_contradictions(settings: ModelSettings, source: str | Path) -> None:
    task, output = settings.task, settings.output
    detects = output.decode is not None and output.decode not in _FOR_CLASSIFIERS
    if task and output.decode and detects != (task == "detection"):
        raise ExportError(
            source, f'output.decode = "{output.decode}" does not go with task = "{task}".'
        )
    if (task and task != "detection") or output.decode in _FOR_CLASSIFIERS:
        for key in _FOR_DETECTORS:
            if getattr(output, key) is not None:
                raise ExportError(source, f"output.{key} is only for detection; leave it out.")
    if output.iou is not None and output.decode == "boxes":
        raise ExportError(
            source,
            'output.iou does not go with output.decode = "boxes": the graph has chosen already.',
        )
    for key, fit in _FIT_FOR.items():
        if getattr(output, key) is not None and output.decode != fit:
            raise ExportError(source, f'output.{key} goes only with output.decode = "{fit}".')
