# SPDX-License-Identifier: Apache-2.0
"""Pictures made on the spot, and small trunks to run on them."""

from __future__ import annotations

import io

import numpy as np
import openvino
from openvino import opset13 as ops
from PIL import Image

from trunkline.contracts import InputContract, Preset
from trunkline.trunks.trunk import Trunk

CONTRACT = InputContract(32, 32, Preset.CONTAINER_2024)


def pixels(seed, height=40, width=48):
    """A picture with coarse structure, so that crops and mirror images differ."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(seed, kind="PNG", height=40, width=48, mode="RGB", **options):
    image = Image.fromarray(pixels(seed, height, width)).convert(mode)
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def put(path, seed, **options):
    """Write a picture whose format follows its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".png": "PNG"}[path.suffix.lower()]
    path.write_bytes(encoded(seed, kind, **options))
    return path


def folder_of(root, **counts):
    """A folder per tag with so many pictures, all different."""
    seed = 0
    for tag, count in counts.items():
        for number in range(count):
            put(root / tag / f"{number}.png", seed)
            seed += 1
    return root


def trunk(contract=CONTRACT, features=8, seed=0, identity=None):
    """A trunk with one convolution, a rectifier and a mean: enough to tell pictures apart."""
    rng = np.random.default_rng(seed)
    shape = [1, contract.height, contract.width, 3]
    if contract.layout == "NCHW":
        shape = [1, 3, contract.height, contract.width]
    given = ops.parameter(shape, openvino.Type.f32, name="Placeholder")
    order = [0, 3, 1, 2] if contract.layout == "NHWC" else [0, 1, 2, 3]
    planes = ops.transpose(given, np.array(order))
    kernel = rng.normal(0, 0.01, (features, 3, 5, 5)).astype(np.float32)
    map_ = ops.relu(ops.convolution(planes, kernel, [2, 2], [0, 0], [0, 0], [1, 1]))
    mean = ops.reduce_mean(map_, np.array([2, 3]), keep_dims=False)
    graph = openvino.Model([mean], [given], "trunk")
    return Trunk("tiny", graph, contract, features, identity or f"{seed}-{features}")
