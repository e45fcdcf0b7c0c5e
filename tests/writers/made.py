# SPDX-License-Identifier: Apache-2.0
"""Models to write, and whether what was written is the same network."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops

import frameworks
import trunkline
from trunkline.contracts import InputContract, Preset
from trunkline.exports.reading import read_one
from trunkline.graphs.comparing import first_difference
from trunkline.graphs.merging import outline
from trunkline.images import read_picture, to_tensor
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("fork", "knife", "spoon")


def model_at(path: Path, name: str = "original") -> Model:
    model = read_one(path, name)
    assert isinstance(model, Model), model
    return model


def model_of(build, size=(6, 5), **contract) -> Model:
    """Return a model of one output that ``build`` makes of a picture, channels on axis 1."""
    taken = ops.parameter([1, *size, 3], openvino.Type.f32, name="Placeholder")
    made = build(ops.transpose(taken, np.array([0, 3, 1, 2])))
    return Model(
        name="made",
        labels=(),
        task="detection",
        contract=InputContract(*size, Preset.SAMPLE_STRETCH, **contract),
        graph=openvino.Model([made], [taken]),
        decoder=None,
        format="made",
        source="made",
    )


def mobile(folder: Path) -> Model:
    """Write a network of MobileNet's kind as OpenVINO's representation, and read it."""
    folder.mkdir()
    openvino.save_model(_mobile(), folder / "model.xml", compress_to_fp16=False)
    (folder / "labels.txt").write_text("\n".join(LABELS), "utf-8")
    settings = 'task = "multiclass"\n[input]\norder = "BGR"\nmaximum = 255\n'
    (folder / "model.toml").write_text(settings, "utf-8")
    return model_at(folder)


def _mobile() -> openvino.Model:
    random = np.random.default_rng(6)
    taken = ops.parameter([1, 64, 64, 3], openvino.Type.f32, name="Placeholder")
    x = ops.transpose(taken, np.array([0, 3, 1, 2]))
    x = ops.multiply(ops.subtract(x, np.float32(127)), np.float32(1 / 128))

    def convolved(x, shape, stride, begin, end):
        grouped = len(shape) == 5
        fan_in = np.prod(shape[2:]) if grouped else np.prod(shape[1:])
        weights = random.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        bias = random.normal(0, 0.1, (1, shape[0] * (shape[1] if grouped else 1), 1, 1))
        kind = ops.group_convolution if grouped else ops.convolution
        x = kind(x, weights, [stride] * 2, [begin] * 2, [end] * 2, [1, 1])
        return ops.add(x, bias.astype(np.float32))

    x = ops.clamp(convolved(x, (8, 3, 3, 3), 2, 0, 1), 0, 6)  # 32
    x = ops.clamp(convolved(x, (8, 2, 1, 3, 3), 1, 1, 1), 0, 6)
    x = convolved(x, (8, 16, 1, 1), 1, 0, 0)
    y = ops.clamp(convolved(x, (24, 8, 1, 1), 1, 0, 0), 0, 6)
    y = ops.clamp(convolved(y, (24, 1, 1, 5, 5), 1, 2, 2), 0, 6)
    x = ops.add(x, convolved(y, (8, 24, 1, 1), 1, 0, 0))
    x = ops.clamp(convolved(x, (8, 1, 1, 5, 5), 2, 2, 2), 0, 6)  # 16; not as TensorFlow pads
    x = ops.relu(convolved(x, (32, 8, 1, 1), 1, 0, 0))
    mean = ops.reduce_mean(x, np.array([2, 3]), keep_dims=True)
    flat = ops.reshape(mean, np.array([1, 32]), special_zero=False)
    scores = ops.matmul(flat, random.normal(0, 1, (32, 3)).astype(np.float32), False, False)
    answer = ops.softmax(ops.add(scores, np.array([[0.1, -0.2, 0]], np.float32)), 1)
    answer.output(0).set_names({"loss", "model_outputs"})
    return openvino.Model([answer], [taken])


def compact(shared: Path, folder: Path) -> Model:
    """Write a compact detector of the service's form, and read it."""
    return model_at(frameworks.write(folder, _compact(shared), labels=LABELS))


@functools.cache
def _compact(shared: Path) -> bytes:
    return frameworks.compact_detector(shared).SerializeToString()


def original(name: str, shared: Path, folder: Path) -> Model:
    """Return a real export, ``"mobile"`` or ``"compact"``."""
    if name == "mobile":
        return mobile(folder / name)
    if name == "compact":
        return compact(shared, folder / name)
    return model_at(shared / "models" / name)


def described(folder: Path, model: Model) -> Model:
    """Put the files beside a written model that a package has, and read it."""
    (folder / "labels.txt").write_text("\n".join(model.labels), "utf-8")
    contract = model.contract
    lines = [
        f'task = "{model.task}"',
        "[input]",
        f"width = {contract.width}",
        f"height = {contract.height}",
        f'order = "{contract.order}"',
        f'resize = "{contract.preset}"',
    ]
    (folder / "model.toml").write_text("\n".join(lines), "utf-8")
    return model_at(folder, "written")


def same_network(model: Model, written: Model) -> bool:
    """Whether both are the same operations on the same constants, to the last bit."""
    difference = first_difference(
        outline(model.graph, model.contract), outline(written.graph, written.contract)
    )
    assert difference is None, str(difference)
    return True


def share_everything(model: Model, written: Model) -> bool:
    """Whether a model set runs what both have in common once."""
    models = trunkline.load(model, written)
    first, second = models.plan.entries.values()
    return len(models.plan.parts) == 1 and first.needs == second.needs


def fed(model: Model, picture: np.ndarray) -> np.ndarray:
    """Return what a written model is fed: float32 (1, height, width, 3), 0 to 255."""
    plain = {"maximum": 255.0, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    contract = dataclasses.replace(model.contract, layout="NHWC", dtype="float32", **plain)
    return to_tensor(picture, contract)


def raw(model: Model, tensor: np.ndarray) -> np.ndarray:
    """Return what the model's own graph gives for what a written one is fed."""
    assert (model.contract.layout, model.contract.mean) == ("NHWC", (0.0, 0.0, 0.0))
    graph = model.graph.clone()
    graph.reshape(list(tensor.shape))
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(graph, "CPU", precise)(tensor)[0]


def pictures(shared: Path) -> list[np.ndarray]:
    """Return real pictures as they are decoded."""
    paths = (shared / "pictures" / "fruit" / name for name in ("apple1.jpg", "banana1.jpg"))
    return [read_picture(path) for path in paths]


def with_open_sizes(model: Model) -> Model:
    """Return a model that takes pictures of any size, as compact detectors do."""
    contract = dataclasses.replace(model.contract, preset=Preset.DETECTOR_COMPACT)
    return dataclasses.replace(model, contract=contract)
