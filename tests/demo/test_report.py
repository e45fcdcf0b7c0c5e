# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trunkline.demo.report import introduction, summary
from trunkline.demo.tally import Tally

if TYPE_CHECKING:
    import trunkline
    from trunkline.demo.exports import MadeExport


def tally(models: trunkline.ModelSet) -> Tally:
    return Tally([0.01, 0.01, 0.03, 0.01], dict.fromkeys(models, 3), 0.5)


def test_the_introduction_says_where_the_models_come_from(made: list[MadeExport]) -> None:
    text = introduction(made, 2.25, 0.5)
    assert "made a moment ago" in text
    assert "500 drawn pictures" in text
    assert "trunkline predict -m your-export/ photo.jpg" in text
    for export in made:
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {export.folder.name}")]
        assert f"{100 * export.accuracy:.1f} %" in line
        assert ", ".join(export.labels) in line


def test_the_summary_holds_the_numbers(models: trunkline.ModelSet) -> None:
    text = summary(models, tally(models))
    assert "4 frames in 0.5 s: 8.0 frames per second" in text
    assert "median 10.0 ms, 95th percentile 27.0 ms" in text
    assert "colour 75.0 %, shape 75.0 %, side 75.0 %" in text


def test_the_summary_counts_what_was_done(
    models: trunkline.ModelSet, mixed: trunkline.ModelSet
) -> None:
    assert "for 3 models: 1 picture decoded, 1 input tensor, " in summary(models, tally(models))
    assert "for 2 models: 1 picture decoded, 2 input tensors, " in summary(mixed, tally(mixed))
    for loaded in (models, mixed):
        runs = re.search(r"(\d+) compiled graphs? run", summary(loaded, tally(loaded)))
        assert runs
        assert int(runs[1]) == len(loaded.plan.parts)
