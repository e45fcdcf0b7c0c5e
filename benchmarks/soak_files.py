# SPDX-License-Identifier: Apache-2.0
"""What the soak works with: small exports, films whole and damaged, pictures, a command."""

from __future__ import annotations

import io
import json
import random
import stat
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["SIZES", "jpeg", "write_command", "write_exports", "write_films", "write_pictures"]

SIZES = ((64, 48), (96, 64), (48, 80))
"""Width and height, in pixels: small, for what is in question is not how fast a model is."""

_COLOURS = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220)}
_HELD = 60  # frames that show one colour
_SIDE = 16


def write_exports(folder: Path) -> dict[str, Path]:
    """Write classifiers that tell the colour of a picture; return them by name.

    They differ in their labels, so that one in another's place shows.
    """
    names = ("colours", "seldom", "second", "after", "part", "flaky", "guest", "stranger")
    return {name: _export(folder / name, [f"{c}-{name}" for c in _COLOURS]) for name in names}


def _export(folder: Path, labels: Sequence[str]) -> Path:
    import openvino
    from openvino import opset13 as ops

    folder.mkdir(parents=True)
    taken = ops.parameter([1, _SIDE, _SIDE, 3], openvino.Type.f32, name="picture")
    mean = ops.reduce_mean(taken, ops.constant(np.array([1, 2])), keep_dims=False)
    scores = ops.add(ops.multiply(mean, np.float32(24 / 255)), np.float32(-12))
    graph = openvino.Model([ops.softmax(scores, 1).output(0)], [taken], "colours")
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    shape = f'[input]\nwidth = {_SIDE}\nheight = {_SIDE}\norder = "RGB"\nmaximum = 255\n'
    text = f'task = "multiclass"\nlabels = {json.dumps(list(labels))}\n{shape}'
    (folder / "model.toml").write_text(text, "utf-8")
    return folder


def write_films(folder: Path, frames: int) -> list[Path]:
    """Write films of so many frames: three whole ones first, then two that are damaged.

    Beside them, ``live-1.mp4`` and ``live-2.mp4`` are for a camera that shows them.

    Args:
        folder: An empty folder.
        frames: How many each film is made of.
    """
    whole = [folder / "a.mp4", folder / "b.avi", folder / "c.mkv"]
    for path, size in zip(whole, SIZES, strict=True):
        _film(path, frames, size)
    content = bytearray(whole[1].read_bytes())
    for start in range(2000, len(content) - 1000, 5000):
        content[start : start + 50] = bytes(range(50))
    for number, size in enumerate(SIZES[1:], 1):
        _film(folder / f"live-{number}.mp4", 10 * frames, size, 100)
    torn, cut = folder / "torn.avi", folder / "cut.avi"
    torn.write_bytes(content)
    cut.write_bytes(whole[1].read_bytes()[: len(content) // 2])
    return [*whole, torn, cut]


def _film(path: Path, frames: int, size: tuple[int, int], rate: int = 25) -> None:
    import av

    with av.open(str(path), "w") as container:
        codec = "mjpeg" if path.suffix == ".avi" else "libx264"
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            image = av.VideoFrame.from_ndarray(_pixels(number, size), format="rgb24")
            image.pts, image.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))


def write_pictures(folder: Path, count: int) -> None:
    """Write pictures, every tenth of them no picture."""
    folder.mkdir()
    for number in range(count):
        content = b"no picture" if number % 10 == 9 else jpeg(number, SIZES[number % 3])
        (folder / f"{number:03}.jpg").write_bytes(content)


def jpeg(number: int, size: tuple[int, int]) -> bytes:
    """Return a picture of one of three colours by its number, with some noise."""
    file = io.BytesIO()
    # No camera's picture is as small as a plain one; FFmpeg wants 2 KB to know what it reads.
    Image.fromarray(_pixels(number, size)).save(file, "JPEG", comment=bytes(2500))
    return file.getvalue()


def _pixels(number: int, size: tuple[int, int]) -> np.ndarray:
    colour = list(_COLOURS.values())[number // _HELD % 3]
    noise = np.random.default_rng(number).integers(0, 25, (size[1], size[0], 3), np.uint8)
    return noise + np.array(colour, np.uint8)


def write_command(path: Path, seed: int) -> Path:
    """Write a command that ends well, fails, or hangs with a child of its own."""
    places = random.Random(seed).sample(range(10), 2)
    path.write_text(
        f"#!/bin/sh\ncase $TRUNKLINE_NUMBER in\n*{places[0]}) sleep 600 & wait;;\n"
        f'*{places[1]}) exit 3;;\nesac\necho >> "{path}.run"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
