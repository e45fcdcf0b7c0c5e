# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from trunkline import Classification
from trunkline.demo.tally import Shot, Tally


def shot(at: float, latency: float, said: str, truth: str) -> Shot:
    labels = ("red", "green")
    answer = Classification(
        "multiclass", labels, np.array([label == said for label in labels], np.float32)
    )
    return Shot(at=at, latency=latency, truth={"colour": truth}, answers={"colour": answer})


def test_it_counts() -> None:
    tally = Tally()
    tally.add(shot(0.5, 0.1, "red", "red"))
    tally.add(shot(1.0, 0.2, "red", "green"))
    tally.add(shot(1.5, 0.3, "green", "green"))
    assert tally.frames == 3
    assert tally.rate == pytest.approx(2)
    assert tally.accuracy("colour") == pytest.approx(2 / 3)
    assert tally.latency(50) == pytest.approx(0.2)
    assert tally.latency(100) == pytest.approx(0.3)
