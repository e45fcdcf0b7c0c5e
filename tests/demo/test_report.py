# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trunkline.demo.report import introduction, summary
from trunkline.demo.tally import Tally

if TYPE_CHECKING:
    import trunkline
    from trunkline.training.trained import TrainedModel


def tally(models: trunkline.ModelSet) -> Tally:
    return Tally([0.01, 0.01, 0.03, 0.01], dict.fromkeys(models, 3), 0.5)


def test_the_introduction_says_where_the_models_come_from(trained: list[TrainedModel]) -> None:
    text = introduction(trained, 2.25, 0.5)
    assert "60 pictures" in text
    assert "in 2.2 s: 3 models" in text
    assert "efficientnet-lite0" in text
    assert "trunkline train pictures/ -o models/mine" in text
    for model in trained:
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {model.name}")]
        assert ", ".join(model.labels) in line
        assert f"{100 * model.evaluation.recall.value:.1f} %" in line


def test_the_summary_holds_the_numbers(models: trunkline.ModelSet) -> None:
    text = summary(models, tally(models), 3.21)
    assert "4 frames in 0.5 s: 8.0 frames per second" in text
    assert "one after another: 3.2 frames per second" in text
    assert "median 10.0 ms, 95th percentile 27.0 ms" in text
    assert "colour 75.0 %, ground 75.0 %, shape 75.0 %" in text


def test_the_summary_counts_what_was_done(models: trunkline.ModelSet) -> None:
    text = summary(models, tally(models), 1)
    assert "for 3 models: 1 picture decoded, 1 input tensor, " in text
    runs = re.search(r"(\d+) compiled graphs? run", text)
    assert runs
    assert int(runs[1]) == len(models.plan.parts) == 1
    assert "3 heads in 1 product" in text
