# SPDX-License-Identifier: Apache-2.0
"""Pictures that the smallest trunk can tell apart: noise of one colour."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHANNELS = {"red": 0, "green": 1, "blue": 2}


def pixels(colours: str | Sequence[str], seed: int) -> np.ndarray:
    """Return dark noise, bright in the channels of some colours: uint8 (40, 48, 3)."""
    noise = np.random.default_rng(seed).integers(0, 60, (40, 48, 3), np.uint8)
    for colour in [colours] if isinstance(colours, str) else colours:
        noise[:, :, CHANNELS[colour]] += 180
    return noise


def encoded(colours: str | Sequence[str], seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels(colours, seed)).save(file, "PNG")
    return file.getvalue()


def folder(root: Path, each: int = 6, colours: Sequence[str] = tuple(CHANNELS)) -> Path:
    """Write a folder per colour."""
    for colour in colours:
        (root / colour).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            data = encoded(colour, 100 * CHANNELS[colour] + number)
            (root / colour / f"{number}.png").write_bytes(data)
    return root
