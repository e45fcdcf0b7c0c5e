# SPDX-License-Identifier: Apache-2.0
"""What all detectors' decoders share: which boxes may be answered with, and how."""

from __future__ import annotations

import numpy as np
import pytest

from trunkline.decoding.candidates import Candidates, corners, one_frame
from trunkline.errors import ExportError
from trunkline.predictions import Box

LABELS = ("car", "sign")


def candidates(*rows: tuple[tuple[float, float, float, float], float, float]) -> Candidates:
    return Candidates(
        np.array([row[0] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[1] for row in rows], np.float64),
        np.array([row[2] for row in rows], np.float64),
    )


FRAME = (0.0, 0.0, 1.0, 1.0)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "row",
    [
        (FRAME, 0.5, 0),
        (FRAME, 0.1, 1),
        ((-5.0, -5.0, 5.0, 5.0), 7.0, 1),
        ((0.5, 0.5, 0.500001, 9.0), 0.5, 0),
    ],
    ids=["plain", "at the threshold", "sticks out", "thin"],
)
def test_kept(row) -> None:
    assert len(candidates(row).usable(LABELS, 0.1).scores) == 1


@pytest.mark.parametrize(
    "row",
    [
        (FRAME, 0.0999, 0),
        (FRAME, NAN, 0),
        (FRAME, INF, 0),
        (FRAME, 0.5, 2),
        (FRAME, 0.5, -1),
        (FRAME, 0.5, NAN),
        ((NAN, 0.0, 1.0, 1.0), 0.5, 0),
        ((0.0, 0.0, INF, 1.0), 0.5, 0),
        ((0.5, 0.0, 0.5, 1.0), 0.5, 0),
        ((0.5, 0.0, 0.4, 1.0), 0.5, 0),
        ((1.0, 0.0, 2.0, 1.0), 0.5, 0),
        ((0.0, -2.0, 1.0, -1.0), 0.5, 0),
    ],
)
def test_dropped(row) -> None:
    left = candidates((FRAME, 0.9, 1), row).usable(LABELS, 0.1)
    assert left.scores.tolist() == [0.9]
    assert left.classes.tolist() == [1]
    assert np.issubdtype(left.classes.dtype, np.integer)


def test_a_detection_is_clipped_to_the_frame() -> None:
    found = candidates(((-0.25, 0.25, 0.5, 1.5), 1.25, 1)).usable(LABELS, 0.1).detection(LABELS)
    assert found.labels == LABELS
    assert found.boxes == (Box("sign", 1.0, 0.0, 0.25, 0.5, 0.75),)


def test_a_detections_numbers_are_plain() -> None:
    (box,) = candidates((FRAME, 0.5, 0)).usable(LABELS, 0.1).detection(LABELS).boxes
    numbers = (box.probability, box.left, box.top, box.width, box.height)
    assert all(type(number) is float for number in numbers)


def test_nothing_found() -> None:
    assert candidates().usable(LABELS, 0.1).detection(LABELS).boxes == ()


def test_corners() -> None:
    answer = corners(np.array([[0.5, 0.25]]), np.array([[0.25, 0.5]]))
    assert answer.tolist() == [[0.375, 0.0, 0.625, 0.5]]
    assert np.isnan(corners(np.array([[INF, 0.0]]), np.array([[INF, 0.0]]))[0, 0])


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (1, 1, 1, 2, 3)])
def test_one_frame(shape) -> None:
    assert one_frame(np.zeros(shape), 2).shape == (2, 3)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 3), (1, 4, 2, 3)])
def test_another_shape_is_refused(shape) -> None:
    with pytest.raises(ExportError, match=r"shape .* not 2 axes"):
        one_frame(np.zeros(shape), 2)
