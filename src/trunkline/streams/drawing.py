# SPDX-License-Identifier: Apache-2.0
"""Answers drawn over a picture: boxes for detectors, a bar with the label for classifiers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from trunkline.predictions import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from trunkline.predictions import Box, Prediction

__all__ = ["drawn"]

# Okabe and Ito's colours, which people with any colour vision can tell apart (without black).
_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_DARK, _BRIGHT = (20, 20, 20), (255, 255, 255)
_LEAST_LETTER = 9


def drawn(pixels: NDArray[np.uint8], answers: Mapping[str, Prediction]) -> NDArray[np.uint8]:
    """Return a picture with what models say about it.

    Every model has a colour of its own, by its name. Classifiers have a row each, from the upper
    left corner down: a bar as long as the most probable label's probability, and its text.

    Args:
        pixels: uint8 array of shape (height, width, 3), RGB; not changed.
        answers: By model name.

    Returns:
        A new array of the same shape.
    """
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    size = max(_LEAST_LETTER, picture.height // 28)
    top = 0.0
    for model, answer in answers.items():
        colour = _COLOURS[crc32(model.encode("utf-8", "replace")) % len(_COLOURS)]
        if isinstance(answer, Detection):
            for box in answer.boxes:
                _draw_box(draw, box, colour, size)
        else:
            probability = float(np.nan_to_num(answer.probability))
            text = f"{_one_line(model)}: {_text(answer.label, probability)}"
            _draw_bar(draw, text, probability, colour, (top, size))
            top += size * 1.6
    return np.asarray(picture)


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, colour: tuple[int, int, int], size: int) -> None:
    width, height = draw.im.size
    left, top = box.left * width, box.top * height
    right, bottom = left + box.width * width, top + box.height * height
    draw.rectangle((left, top, max(left, right), max(top, bottom)), None, colour, max(2, size // 8))
    above = max(0.0, top - size * 1.4)
    text = _text(box.label, box.probability)
    length = draw.textlength(text, _font(size))
    draw.rectangle((left, above, left + length + size * 0.6, above + size * 1.4), colour)
    draw.text((left + size * 0.3, above), text, _DARK, _font(size))


def _draw_bar(
    draw: ImageDraw.ImageDraw,
    text: str,
    probability: float,
    colour: tuple[int, int, int],
    spot: tuple[float, int],
) -> None:
    top, size = spot
    full = draw.im.size[0] * 0.5
    draw.rectangle((0, top, full, top + size * 1.5), _DARK)
    draw.rectangle((0, top + size * 1.25, full * probability, top + size * 1.5), colour)
    draw.text((size * 0.3, top), text, _BRIGHT, _font(size))


def _text(label: str, probability: float) -> str:
    return f"{_one_line(label)} {probability:.0%}"


def _one_line(name: str) -> str:
    """Return a name as it can be drawn: one line, in UTF-8, not endless."""
    return " ".join(name.encode("utf-8", "replace").decode().split())[:60]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
