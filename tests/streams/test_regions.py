# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.predictions import Box, Detection
from trunkline.streams.regions import Region
from watchfakes import classified


@given(
    st.integers(1, 50), st.integers(1, 50), st.floats(0, 0.99), st.floats(0, 0.99),
    st.floats(0.01, 1), st.floats(0.01, 1),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_a_box_around_the_cut_part_is_where_it_was_cut(
    height: int, width: int, left: float, top: float, w: float, h: float
) -> None:
    region = Region(left, top, w * (1 - left), h * (1 - top))
    ys, xs = np.indices((height, width))
    pixels = np.stack([ys, xs, xs], axis=2).astype(np.uint8)
    part = region.cut(pixels)
    assert part.size
    assert np.shares_memory(part, pixels)
    answer = region.bring_back(Detection(("a",), (Box("a", 0.5, 0, 0, 1, 1),)), height, width)
    (box,) = answer.boxes
    assert round(box.top * height) == part[0, 0, 0]
    assert round(box.left * width) == part[0, 0, 1]
    assert round((box.top + box.height) * height) == part[-1, -1, 0] + 1
    assert round((box.left + box.width) * width) == part[-1, -1, 1] + 1


def test_a_classification_is_left_alone() -> None:
    answer = classified("cat")
    assert Region(0, 0, 0.5, 0.5).bring_back(answer, 10, 10) is answer


def test_four_values_are_a_region() -> None:
    assert Region.of([0, 0.5, 1, 0.5]) == Region(0, 0.5, 1, 0.5)
    with pytest.raises(ValueError, match="four fractions"):
        Region.of([0, 1])


@pytest.mark.parametrize(
    "values", [(0, 0, 0, 1), (0, 0, 1.1, 1), (-0.1, 0, 1, 1), (0.5, 0, 0.6, 1), (0, 1, 1, 1)]
)
def test_a_region_is_in_the_frame(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="not inside the frame"):
        Region.of(values)
