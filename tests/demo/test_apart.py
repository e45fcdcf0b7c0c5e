# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from trunkline.demo.apart import rate_apart
from trunkline.demo.pictures import ASPECTS, moving_scenes

if TYPE_CHECKING:
    from pathlib import Path

    import trunkline


def test_it_counts_frames_until_the_time_is_up(models: trunkline.ModelSet, folder: Path) -> None:
    exports = [folder / "models" / aspect for aspect in ASPECTS]
    film = moving_scenes(2, 3)
    # Read before the first frame and after each one, half a second later every time.
    clock = itertools.count(0, 0.5).__next__
    assert rate_apart(exports, film, 2.0, clock) == pytest.approx(2.0)
    assert rate_apart(exports, film, 0.0, clock) == pytest.approx(2.0)  # one frame


def test_a_film_without_scenes_is_refused() -> None:
    with pytest.raises(ValueError, match="no scenes"):
        rate_apart([], [], 1.0)
