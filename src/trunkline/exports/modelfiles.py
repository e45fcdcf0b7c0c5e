# SPDX-License-Identifier: Apache-2.0
"""Which files are models, by their names and a glance at their first bytes."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

from trunkline.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "EXPECTED",
    "ModelFormat",
    "candidates",
    "foreign",
    "is_generic",
    "recognise",
    "refuse_unfit",
    "unreadable",
]


class ModelFormat(StrEnum):
    """The formats that are read, each by a module of its own."""

    TENSORFLOW = "tensorflow"
    """A frozen graph, ``.pb``."""
    SAVEDMODEL = "savedmodel"
    """A folder with ``saved_model.pb`` and mostly ``variables/``."""
    TFLITE = "tflite"
    ONNX = "onnx"
    OPENVINO = "openvino"
    """``.xml`` with its weights in ``.bin`` beside it."""
    TENSORFLOWJS = "tensorflowjs"
    """``model.json`` with its weights in files beside it."""
    COREML = "coreml"
    """``.mlmodel``."""


EXPECTED = (
    ".pb, saved_model.pb in its folder, .tflite, .onnx, .xml with .bin, .mlmodel or the model.json "
    "of TensorFlow.js"
)
"""What may be given, for messages."""

_BY_SUFFIX = {
    ".pb": ModelFormat.TENSORFLOW,
    ".tflite": ModelFormat.TFLITE,
    ".onnx": ModelFormat.ONNX,
    ".xml": ModelFormat.OPENVINO,
    ".json": ModelFormat.TENSORFLOWJS,
    ".mlmodel": ModelFormat.COREML,
}
# Much else is kept in these; they count where weights lie beside them or their name says so.
_DOUBTFUL = {".xml", ".json"}
# Keras writes these beside saved_model.pb.
_NO_GRAPHS = {"keras_metadata.pb", "fingerprint.pb"}
# What a file of the doubtful kinds holds near its beginning when it is a model.
_SIGNS = {
    ModelFormat.OPENVINO: (b"<net", "it has no <net> element, so it is no OpenVINO model"),
    ModelFormat.TENSORFLOWJS: (
        b'"modelTopology"',
        'it has no "modelTopology", so it is no TensorFlow.js model',
    ),
}
_GLANCE = 1 << 16

_GENERIC = re.compile(
    r"app|best|last|detect|export|graph|net|network|weights"
    r"|((best|exported|frozen|saved|tf|tfjs)_?)?model(_(float|fp)(16|32)|_quantized)?"
    r"|((frozen|optimized|output|retrained)_)?(inference_)?graph",
    re.IGNORECASE,
)

_ONNX_INSTEAD = "export the model to ONNX and give the .onnx file"
_FOREIGN = {
    (".h5", ".hdf5", ".keras"): (
        "a Keras model; save it with model.export(folder) and give that folder"
    ),
    (".pt", ".pth", ".ckpt", ".safetensors", ".torchscript"): (
        "a PyTorch checkpoint; export it with torch.onnx.export and give the .onnx file"
    ),
    (".mlpackage", ".mlmodelc"): (
        "a Core ML program, of which only Apple's own software runs; give the .mlmodel that Custom "
        f"Vision exported, or {_ONNX_INSTEAD}"
    ),
    (".engine", ".plan", ".trt"): (
        "a TensorRT engine, made for one kind of GPU; give the .onnx file that it was built from"
    ),
    (".dlc",): "a model for the Vision AI DevKit; export the iteration again as TensorFlow or ONNX",
    (".caffemodel", ".pdmodel", ".pdiparams", ".ort", ".rknn", ".hef", ".ncnn"): (
        f"a model of another runtime; {_ONNX_INSTEAD}"
    ),
}
# These mean something only where a person gives them by name; a folder may hold any of them.
_MISTAKEN = {
    (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".heic", ".avif"): (
        "a picture, not a model; give the model first and pictures to predict"
    ),
    (".mp4", ".avi", ".mov", ".mkv", ".webm"): "a video, not a model",
    (".bin", ".weights"): (
        "only the weights of a model; give the .xml or model.json that lies beside them"
    ),
    (".meta", ".index", ".pbtxt"): (
        "a part of a TensorFlow checkpoint; save a SavedModel or a frozen .pb and give that"
    ),
    (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"): (
        "packed in a way that is not read; unpack it and give the folder"
    ),
    (".manifest", ".txt", ".toml"): "a file that lies beside a model; give the model or its folder",
}


def candidates(names: Iterable[str]) -> list[str]:
    """Return those of a folder's or a zip's file names that may be models.

    Args:
        names: File names, with or without folders before them.
    """
    names = list(names)
    has_weights = any(_suffix(name) == ".bin" for name in names)
    return [name for name in names if _may_be_model(name, has_weights=has_weights)]


def recognise(path: Path) -> ModelFormat | None:
    """Tell the format of a model file; None where it is none.

    Args:
        path: A file that exists.
    """
    if path.name.lower() == "saved_model.pb":
        return ModelFormat.SAVEDMODEL
    if path.name.lower() in _NO_GRAPHS:
        return None
    form = _BY_SUFFIX.get(_suffix(path.name))
    return form if form not in _SIGNS or _shows(_SIGNS[form][0], path) else None


def foreign(name: str) -> str | None:
    """Say what a model of a known other kind is and what to give instead; None for all else."""
    return _advice(_FOREIGN, name)


def unreadable(name: str) -> str:
    """Say why a file that a person gave as a model is none, as a clause after its name."""
    form = _BY_SUFFIX.get(_suffix(name))
    if form in _SIGNS:
        return f"{_SIGNS[form][1]}. Expected one of {EXPECTED}"
    if advice := _advice(_MISTAKEN, name):
        return f"it is {advice}"
    return f"it is no model that Trunkline can read. Expected one of {EXPECTED}"


def is_generic(name: str) -> bool:
    """Tell whether a file's or folder's name says nothing about which model is in it."""
    return _GENERIC.fullmatch(name.replace("-", "_")) is not None


def refuse_unfit(model: Path, form: ModelFormat, source: str, largest: int) -> None:
    """Refuse what no reader should be given.

    Args:
        model: The model file; a SavedModel's folder.
        form: Its format.
        source: What to call it in messages.
        largest: The most bytes of the model and its weights.

    Raises:
        ExportError: It is empty, too large, a placeholder of Git LFS, or without its weights.
        OSError: It cannot be read.
    """
    files = _files(model, form)
    if form is ModelFormat.OPENVINO and not files[1].is_file():
        raise ExportError(source, f"its weights, {files[1].name}, are not beside it.")
    if sum(file.stat().st_size for file in files) > largest:
        raise ExportError(
            source, f"it is larger than {largest / (1 << 30):.3g} GiB, the most that is read."
        )
    if not files[0].stat().st_size:
        raise ExportError(source, "the model file is empty; copy or download it again.")
    if _beginning(files[0]).startswith(b"version https://git-lfs"):
        raise ExportError(source, "it is a placeholder of Git LFS; fetch it with git lfs pull.")


def _files(model: Path, form: ModelFormat) -> list[Path]:
    """Return the file that holds the graph, then those with its weights as far as known."""
    if form is ModelFormat.SAVEDMODEL:
        variables = model / "variables"
        weights = variables.iterdir() if variables.is_dir() else ()
        return [model / "saved_model.pb", *(file for file in weights if file.is_file())]
    return [model, model.with_suffix(".bin")] if form is ModelFormat.OPENVINO else [model]


def _may_be_model(name: str, *, has_weights: bool) -> bool:
    path = PurePath(name)
    suffix = _suffix(path.name)
    if suffix in _DOUBTFUL:
        return has_weights or path.stem.lower() == "model"
    return suffix in _BY_SUFFIX


def _shows(sign: bytes, path: Path) -> bool:
    try:
        return sign in _beginning(path)
    except OSError:
        return True  # it may be a model; whoever reads it will say why that cannot be


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_GLANCE)


def _advice(table: dict[tuple[str, ...], str], name: str) -> str | None:
    suffix = _suffix(name)
    return next((advice for suffixes, advice in table.items() if suffix in suffixes), None)


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()
