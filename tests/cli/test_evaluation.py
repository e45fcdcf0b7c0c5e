# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from trunkline.cli.evaluation import evaluation_lines
from trunkline.training.curves import LearningCurve, LearningPoint
from trunkline.training.evaluation import evaluate
from trunkline.training.figures import Said, Suggestion

_LABELS = ("ash", "be\x1bech", "cedar")


def _lines(task: str = "multiclass", n: int = 60, folds: int = 0, **more: object) -> list[str]:
    random = np.random.default_rng(5)
    truth = np.eye(3, dtype=bool)[np.arange(n) % 3]
    scores = np.exp(random.normal(size=(n, 3)) + 1.2 * truth)
    probabilities = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
    evaluation = evaluate(
        probabilities,
        truth,
        _LABELS,
        task=task,
        sources=[f"a\n{row}.jpg" for row in range(n)],
        folds=np.arange(n) % folds if folds else None,
    )
    return [line.plain for line in evaluation_lines(evaluation, **more)]


def test_everything_is_said_on_lines_of_its_own() -> None:
    learning = LearningCurve("balanced accuracy", (LearningPoint(40, 0.5, None),), None, "Too few.")
    lines = _lines(
        folds=5,
        learning=learning,
        suggestions=(Suggestion("new.jpg", (Said("ash", 0.4), Said("cedar", 0.35))),),
    )
    assert lines[0].startswith("41 of 60 pictures got the right tag. On other pictures like these")
    head = next(number for number, line in enumerate(lines) if line.startswith("tag "))
    assert lines[head].split() == ["tag", "pictures", "precision", "recall", "average", "precision"]
    assert lines[head + 1].startswith("all ")
    assert lines[head + 1].count("±") == 3
    assert lines[head + 3].startswith("  be\\x1bech")
    assert "A tag is predicted from a probability of 50 % on. ± is the standard" in "".join(lines)
    assert "With 40 pictures: 50.0 % balanced accuracy. Too few." in lines
    titles = {line.split(",")[0] for line in lines}
    assert {"taken for something else", "most wrong", "tags to check", "tag these next"} <= titles
    assert "most wrong, 5 of 19" in lines
    assert "  new.jpg  ash 40.0 %, cedar 35.0 %" in lines
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_multilabel_without_folds() -> None:
    lines = _lines("multilabel")
    assert "exactly the right tags" in lines[0]
    assert not any("±" in line for line in lines)
    assert any("missed ash" in line for line in lines)
    assert any("%, said" in line or "  said" in line for line in lines)
    assert any("may be missing" in line or "perhaps wrongly" in line for line in lines)


def test_what_is_undefined_is_a_dash() -> None:
    lines = _lines(n=1)
    assert "That is few" in lines[0]
    row = next(line for line in lines if line.startswith("  cedar"))
    assert row.split() == ["cedar", "0", "-", "-", "-"]


def test_no_pictures() -> None:
    assert _lines(n=0)[0] == "There were no pictures to evaluate with."
