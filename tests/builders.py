# SPDX-License-Identifier: Apache-2.0
"""Small exports and pictures for tests: what a person has, made in a moment.

The classifiers tell the colour of a picture from its mean, so that a test knows the right answer:
for a red picture it is "red". The detector finds one box per label, as sure as the picture is of
that label's colour.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper
from openvino import opset13 as ops
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Task = Literal["multiclass", "multilabel"]

COLOURS = ("red", "green", "blue")
PLACES = ((0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0))
"""Where the detector's two boxes are: left, top, right, bottom."""

_SIDE = 16
# Brings a full channel to 12 and the others to -12: probabilities beyond 0.9999.
_GAIN, _SHIFT = 24 / 255, -12.0


def openvino_classifier(
    folder: Path, *, task: Task = "multiclass", labels: Sequence[str] = COLOURS, side: int = _SIDE
) -> Path:
    """Write an OpenVINO classifier of colours with its ``model.toml``; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = ops.parameter([1, side, side, 3], openvino.Type.f32, name="picture")
    mean = ops.reduce_mean(taken, ops.constant(np.array([1, 2])), keep_dims=False)
    scores = ops.add(ops.multiply(mean, np.float32(_GAIN)), np.float32(_SHIFT))
    answer = ops.softmax(scores, 1) if task == "multiclass" else ops.sigmoid(scores)
    graph = openvino.Model([answer.output(0)], [taken], "colours")
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    _settings(folder, task, labels, side)
    return folder


def onnx_classifier(
    folder: Path, *, task: Task = "multilabel", labels: Sequence[str] = COLOURS
) -> Path:
    """Write an ONNX classifier of colours with its ``model.toml``; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = (np.eye(3) * _GAIN).astype(np.float32)
    shift = np.full(3, _SHIFT, np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "shift"], ["scores"]),
        helper.make_node("Softmax" if task == "multiclass" else "Sigmoid", ["scores"], ["answer"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, _SIDE, _SIDE])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [1, 3])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(shift, "shift"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    _settings(folder, task, labels, _SIDE)
    return folder


def boxes_detector(
    folder: Path, *, labels: Sequence[str] = ("fork", "spoon"), threshold: float = 0.1
) -> Path:
    """Write an OpenVINO detector; return its folder.

    Its first box is as probable as the picture is red, its second as it is green, 0 to 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = ops.parameter([1, _SIDE, _SIDE, 3], openvino.Type.f32, name="picture")
    mean = ops.reduce_mean(taken, ops.constant(np.array([0, 1, 2])), keep_dims=False)
    share = ops.multiply(mean, np.float32(1 / 255))
    scores = ops.gather(share, ops.constant(np.array([0, 1])), ops.constant(0))
    # Added to the scores' zeroes: outputs of constants alone would be folded away.
    nothing = ops.multiply(scores, np.float32(0))
    classes = ops.add(nothing, ops.constant(np.array([0, 1], np.float32)))
    column = ops.reshape(nothing, ops.constant(np.array([2, 1])), special_zero=False)
    boxes = ops.add(column, ops.constant(np.array(PLACES, np.float32)))
    outputs = {"boxes": boxes, "scores": scores, "classes": classes}
    for name, node in outputs.items():
        node.output(0).set_names({name})
    graph = openvino.Model([node.output(0) for node in outputs.values()], [taken], "places")
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    tensors = f"tensors = {json.dumps(list(outputs))}\nthreshold = {threshold}\n"
    _settings(folder, "detection", labels, _SIDE, f'[output]\ndecode = "boxes"\n{tensors}')
    return folder


def _settings(folder: Path, task: str, labels: Sequence[str], side: int, more: str = "") -> None:
    """Write a ``model.toml``; JSON's strings and arrays are TOML's as well."""
    text = (
        f'task = "{task}"\nlabels = {json.dumps(list(labels), ensure_ascii=False)}\n'
        f'[input]\nwidth = {side}\nheight = {side}\norder = "RGB"\nmaximum = 255\n{more}'
    )
    (folder / "model.toml").write_text(text, "utf-8")


def picture(
    path: Path, colour: str | tuple[int, int, int], size: tuple[int, int] = (24, 20)
) -> Path:
    """Write a picture of one colour, in the format of its suffix; return its path.

    Note that Pillow's "green" is only half green; "lime" is (0, 255, 0).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def png_bytes(colour: str, size: tuple[int, int] = (24, 20)) -> bytes:
    """Return a PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def png_header(path: Path, width: int, height: int) -> Path:
    """Write a PNG that says how large it is, and holds next to nothing; return its path."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(64)))
        + chunk(b"IEND", b"")
    )
    return path


def zip_of(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip with these files, by name; return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def zipped(folder: Path) -> bytes:
    """Return a zip of a folder's files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return file.getvalue()


def zip_bomb(path: Path, size: int) -> Path:
    """Write a zip of about a kilobyte whose list says that its model is ``size`` bytes long."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", b"a\nb\n")
        archive.writestr("model.pb", bytes(4096))
        archive.getinfo("model.pb").file_size = size  # the list is written at the end
    return path
