# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from trunkline.cli.drawing import draw_plot
from trunkline.engine.overview import Overview
from trunkline.engine.trunks import Cost, Head, Trunk

if TYPE_CHECKING:
    from pathlib import Path


def overview_of(*trunks: Trunk) -> Overview:
    models = sum(len(trunk.heads) for trunk in trunks)
    whole = Cost(10, 20, 30)
    return Overview(models, trunks, whole, whole, (), ())


def heads(*names: str) -> tuple[Head, ...]:
    return tuple(Head(name, 2, "packed", Cost(40, 100, 100)) for name in names)


def test_an_svg_holds_its_words_as_text(tmp_path: Path) -> None:
    trunks = (
        Trunk("aaaaaaaa", (), 9, Cost(280_000_000, 3000, 4000), heads("bears", "$a_1$ & <b>")),
        Trunk("bbbbbbbb", ("aaaaaaaa",), 9, Cost(90_000_000, 3000, 4000), heads("deeper")),
        Trunk("cccccccc", (), 9, Cost(1, 3000, 4000), heads("tiny")),
    )
    draw_plot(overview_of(*trunks), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert "4 models, 3 trunks: " in text
    for words in (
        "bears",
        "$a_1$ &amp; &lt;b&gt;",
        "deeper",
        "tiny",
        "2 labels",
        "once for 3 models",
    ):
        assert words in text
    assert "280 M MACs, 3 kB of weights" in text
    assert "cccccccc" not in text  # there is no room for it in so narrow a block


@pytest.mark.parametrize("models", [1, 3, 40])
def test_a_picture_has_a_coloured_block_and_grows_with_its_models(
    tmp_path: Path, models: int
) -> None:
    names = [f"model {number} 猫" for number in range(models)]
    draw_plot(
        overview_of(Trunk("aaaaaaaa", (), 9, Cost(287_000_000, 3000, 4000), heads(*names))),
        tmp_path / "a.png",
    )
    picture = Image.open(tmp_path / "a.png").convert("RGB")
    assert 1300 < picture.width < 2600
    assert picture.height == pytest.approx(150 * (0.23 * models + 1.2), abs=40)
    trunk = (np.asarray(picture) == (0xB3, 0xD3, 0xEA)).all(axis=2)
    # The block covers its rows, less a little at the ends, and most of the width.
    assert trunk.any(axis=1).sum() == pytest.approx(150 * 0.23 * models, abs=8)
    assert trunk.any(axis=0).sum() > 1200
