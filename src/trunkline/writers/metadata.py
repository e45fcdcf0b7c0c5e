# SPDX-License-Identifier: Apache-2.0
"""The files beside a model that say what it is: labels, manifest, metadata and ``model.toml``.

The first three are the service's, with its keys; unlike the service's, what they say is so.
``model.toml`` says it again in Trunkline's own terms, so that an export is read back with the very
contract that it was written with.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from trunkline.contracts import Preset
from trunkline.decoding import (
    BoxesDecoder,
    ClassificationDecoder,
    YoloGridDecoder,
    YoloRowsDecoder,
)
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import labels as label_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from trunkline.contracts import InputContract
    from trunkline.models import Model
    from trunkline.writers.targets import Target

__all__ = ["label_text", "manifest", "metadata_properties", "settings"]

EXPORTER_VERSION = "2.2"
"""The newest ``ExporterVersion`` seen (2025), whose layout is followed."""

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562: NameSpace_URL


def label_text(labels: Sequence[str], source: str | Path) -> bytes:
    """Return ``labels.txt``: UTF-8, one label per line, in the order of the output.

    Args:
        labels: The labels.
        source: What is being written, for the message.

    Raises:
        ExportError: A label would not be read back as it is: it holds a line break or another
            control character, is blank, or begins or ends with white space.
    """
    for number, label in enumerate(labels, start=1):
        wrong = label_files.fault(label)
        if wrong is None and label != label.strip():
            wrong = "begins or ends with white space"
        if wrong is None and not _is_text(label):
            wrong = "holds half of a surrogate pair"
        if wrong:
            problem = f"label {number}, {ascii(label)[:80]}, {wrong}; rename it before exporting."
            raise ExportError(source, problem)
    data = "".join(f"{label}\n" for label in labels).encode()
    if label_files.parse(data, source) != tuple(labels):
        raise ExportError(source, "the first label begins with a byte order mark; rename it.")
    return data


def _is_text(label: str) -> bool:
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True


def manifest(model: Model, target: Target, file: Path, date: datetime) -> dict[str, str | None]:
    """Return what ``cvexport.manifest`` holds, with the keys that the service wrote.

    Args:
        model: What was written.
        target: As what.
        file: The model's file; of several, the one that holds the graph.
        date: When, with a time zone of UTC.

    Returns:
        Values by key. ``IterationId`` is derived from the file and the labels, so that the same
        model has the same one.
    """
    # The hash is the service's choice; it finds mix-ups, it protects nothing.
    digest = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
    identity = json.dumps([digest, *model.labels])
    return {
        "DomainType": "ObjectDetection" if model.task == "detection" else "Classification",
        "Platform": target.platform,
        "Flavor": target.flavor,
        "ExporterVersion": EXPORTER_VERSION,
        "ExportedDate": date.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
        "IterationId": str(uuid.uuid5(_NAMESPACE, identity)),
        "ModelFileName": file.name,
        "LabelFileName": "labels.txt",
        "MetadataPropsFileName": "metadata_properties.json",
        "ModelFileSHA1": digest,
        "SchemaVersion": "1.0",
    }


def metadata_properties(model: Model, contract: InputContract) -> dict[str, str]:
    """Return what ``metadata_properties.json`` holds: texts, by the service's keys.

    Args:
        model: What was written.
        contract: What the written graph is fed.
    """
    return {
        "CustomVision.Metadata.AdditionalModelInfo": "",
        "CustomVision.Metadata.Version": "1.2",
        **_postprocess(model),
        **_preprocess(contract),
        "Image.BitmapPixelFormat": "Bgr8" if contract.order == "BGR" else "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": (
            "NominalRange_0_255" if contract.maximum == 255 else "Normalized_0_1"
        ),
    }


def _postprocess(model: Model) -> dict[str, str]:
    decoder = model.decoder
    method = {"multiclass": "ClassificationMultiClass", "multilabel": "ClassificationMultiLabel"}
    anchors: list[float] = []
    overlap = 0.0
    if isinstance(decoder, YoloGridDecoder):
        anchors, overlap = [side for pair in decoder.anchors for side in pair], decoder.iou
    told = "Yolo" if anchors else method.get(model.task, "SSD")
    return {
        "CustomVision.Postprocess.Method": told,
        "CustomVision.Postprocess.Yolo.Biases": json.dumps(anchors),
        "CustomVision.Postprocess.Yolo.NmsThreshold": str(overlap),
    }


# By resize rule: the service's name of it, the side that it aims at before the crop (None: the
# input's own), and the longest side that it allows (0: any).
_RESIZES: Mapping[Preset, tuple[str, int | None, int]] = {
    Preset.CONTAINER_2018: ("ByShorterSide", 256, 1600),
    Preset.CONTAINER_2024: ("ByShorterSide", None, 0),
    Preset.TENSORFLOWJS: ("ByShorterSide", None, 0),
    Preset.DETECTOR_COMPACT: ("ByPixelCountAlign32", None, 0),
}
_STRETCH = ("Stretch", None, 0)


def _preprocess(contract: InputContract) -> dict[str, str]:
    method, side, longest = _RESIZES.get(contract.preset, _STRETCH)
    crops = method == "ByShorterSide"
    told = {
        "CropHeight": contract.height if crops else 0,
        "CropMethod": "OneCropCenter" if crops else "NoCrop",
        "CropWidth": contract.width if crops else 0,
        "MaxDimension": longest,
        "MaxScale": 0.0,
        "MinDimension": 0,
        "MinScale": 0.0,
        "NormalizeMean": list(contract.mean),
        "NormalizeStd": list(contract.std),
        "ResizeMethod": method,
        "TargetHeight": side or contract.height,
        "TargetWidth": side or contract.width,
    }
    return {f"CustomVision.Preprocess.{key}": str(value) for key, value in told.items()}


def settings(model: Model, contract: InputContract, name: str | None = None) -> str:
    """Return a ``model.toml`` with which the written graph is read back as the same model.

    Args:
        model: What was written.
        contract: What the written graph is fed.
        name: What to call the model; None to leave that to the name of its folder.
    """
    top: dict[str, Any] = {"task": model.task} | ({"name": name} if name else {})
    taken = {
        "width": contract.width,
        "height": contract.height,
        "order": contract.order,
        "maximum": contract.maximum,
        "mean": list(contract.mean),
        "std": list(contract.std),
        "resize": str(contract.preset),
        "layout": contract.layout,
    }
    tables: dict[str, dict[str, Any]] = {
        "": top,
        "input": taken,
        "output": _decode(model, contract),
    }
    return "\n".join(_table(title, values) for title, values in tables.items())


def _decode(model: Model, contract: InputContract) -> dict[str, Any]:
    """Return the ``[output]`` table, which says the decoder of a model."""
    match model.decoder:
        case ClassificationDecoder(activation="none"):
            return {"decode": "probabilities"}
        case ClassificationDecoder():
            return {"decode": "logits"}
        case BoxesDecoder(scale=None) as boxes:
            return _limits({"decode": "boxes", "corners": boxes.corners}, boxes) | {
                "first_class": boxes.first_class
            }
        case YoloGridDecoder() as grid if grid.layout == contract.layout:
            anchors = [list(pair) for pair in grid.anchors]
            return _limits({"decode": "yolo-grid", "anchors": anchors, "iou": grid.iou}, grid)
        case YoloRowsDecoder() as rows:
            told = {"objectness": rows.objectness, "transposed": rows.transposed, "iou": rows.iou}
            return _limits({"decode": "yolo-rows", **told}, rows)
        case decoder:
            problem = (
                f"its answers are decoded in a way ({type(decoder).__name__}) that model.toml "
                "cannot say for this format. Export it to another."
            )
            raise UnsupportedExportError(model.source, problem)


def _limits(
    told: dict[str, Any], decoder: BoxesDecoder | YoloGridDecoder | YoloRowsDecoder
) -> dict[str, Any]:
    return told | {"threshold": decoder.threshold, "limit": decoder.limit}


def _table(title: str, values: Mapping[str, Any]) -> str:
    # What JSON writes of texts on one line, numbers, booleans and arrays is TOML as well.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "".join(f"{line}\n" for line in ([f"[{title}]"] if title else []) + lines)
