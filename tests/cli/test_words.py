# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.words import amount, answer_words, counted, one_line, percent
from trunkline.predictions import Box, Classification, Detection


def classified(task: str, **probabilities: float) -> Classification:
    values = np.array(list(probabilities.values()), np.float32)
    return Classification(task, tuple(probabilities), values)  # type: ignore[arg-type]


def test_multiclass_answers_with_its_winner() -> None:
    answer = classified("multiclass", apple=0.25, banana=0.75)
    assert answer_words(answer) == "banana 75.0 %"


def test_multilabel_answers_with_every_certain_label_the_surest_first() -> None:
    answer = classified("multilabel", round=0.5, green=0.25, sweet=0.875)
    assert answer_words(answer) == "sweet 87.5 %, round 50.0 %"


def test_multilabel_without_a_certain_label_says_so() -> None:
    answer = classified("multilabel", apple=0.125, banana=0.25)
    assert answer_words(answer) == "no label (best: banana 25.0 %)"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "no boxes"),
        (1, "1 box: fork 90.0 %"),
        (2, "2 boxes: fork 90.0 %, fork 80.0 %"),
        (6, "6 boxes: fork 90.0 %, fork 80.0 %, fork 70.0 %, fork 60.0 %, fork 50.0 %, ..."),
    ],
)
def test_detector_answers_with_its_boxes(count: int, words: str) -> None:
    boxes = tuple(Box("fork", 0.9 - i / 10, 0, 0, 1, 1) for i in range(count))
    assert answer_words(Detection(("fork",), boxes)) == words


def test_percent_of_the_ends() -> None:
    assert (percent(0.0), percent(1.0), percent(0.98765)) == ("0.0 %", "100.0 %", "98.8 %")


@pytest.mark.parametrize("text", ["plain", "Ünïcode 猫 🍎", "[red]markup[/red]", "a, b; c"])
def test_what_can_be_printed_is_left_alone(text: str) -> None:
    assert one_line(text) == text


def test_what_steers_a_terminal_becomes_an_escape() -> None:
    assert one_line("a\x1b[31mb") == r"a\x1b[31mb"
    assert one_line("two\nlines\r\nthree") == "two lines three"
    assert one_line("odd byte \udcff") == r"odd byte \udcff"


@given(st.text(st.characters(codec=None)))
def test_the_result_can_be_printed_and_encoded(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    line.encode("utf-8")
    assert one_line(line) == line


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (7, "7"),
        (999.4, "999"),
        (999.5, "1 k"),
        (1536, "1.54 k"),
        (287_395_520, "287 M"),
        (2_890_072, "2.89 M"),
        (5e15, "5 P"),
    ],
)
def test_amounts_have_three_digits_and_a_prefix(number: float, words: str) -> None:
    assert amount(number) == words


def test_amounts_may_have_a_unit() -> None:
    assert amount(512, "B") == "512 B"
    assert amount(2_890_072, "B") == "2.89 MB"


def test_numbers_of_things() -> None:
    assert [counted(number, "model") for number in (0, 1, 2)] == ["0 models", "1 model", "2 models"]
