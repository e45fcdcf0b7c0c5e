# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from trunkline.streams.stillness import difference, thumbnail


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (32, 33), (300, 256), (719, 1281)])
def test_a_thumbnail_is_the_mean_of_its_places(shape: tuple[int, int]) -> None:
    height, width = shape
    columns = np.broadcast_to(np.linspace(0, 255, width)[None, :, None], (height, width, 3))
    found = thumbnail(columns.astype(np.uint8))
    assert found.shape == (min(height, 32), min(width, 32), 3)
    expected = [part.mean() for part in np.array_split(np.linspace(0, 255, width), found.shape[1])]
    assert np.abs(found[0, :, 0] - expected).max() < 6


def test_all_of_a_frame_of_256_is_read() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    blocks = pixels.reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    assert np.allclose(thumbnail(pixels), blocks, atol=1e-3)


def test_the_difference_is_the_mean_absolute_one() -> None:
    dark, light = (np.full((40, 40, 3), level, np.uint8) for level in (10, 13))
    assert difference(thumbnail(dark), thumbnail(light)) == pytest.approx(3)
    assert difference(thumbnail(dark), thumbnail(dark)) == 0
    assert difference(thumbnail(dark), thumbnail(dark[:10])) == float("inf")
