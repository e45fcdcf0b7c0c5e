# SPDX-License-Identifier: Apache-2.0
"""Numbers and names as a person reads them."""

from __future__ import annotations

import time

import pytest

from trunkline.page import words


def test_text_is_one_line_in_utf8_and_not_endless() -> None:
    assert words.shown("a\n b\t c") == "a b c"
    assert words.shown("caf\udce9 \x1b[31m") == "caf? \N{REPLACEMENT CHARACTER}[31m"
    assert words.shown("x" * 500) == "x" * 199 + "…"
    assert words.shown("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.934, "93 %"), (1.7, "100 %"), (-1.0, "0 %"), (float("nan"), "0 %"), (float("inf"), "0 %")],
)
def test_percent(value: float, text: str) -> None:
    assert words.percent(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1 thousand"),
        (387_000_000, "387 million"),
        (1_234_000_000, "1.23 billion"),
        (5e15, "5e+03 trillion"),
    ],
)
def test_amount(number: float, text: str) -> None:
    assert words.amount(number) == text


def test_counts_rates_and_durations() -> None:
    assert words.counted(1, "model") == "1 model"
    assert words.counted(0, "model") == "0 models"
    assert words.duration(0.0312) == "31.2 ms"
    assert words.duration(0.9996) == "1 s"
    assert words.duration(12.34) == "12.3 s"
    assert words.duration(None) == words.duration(float("nan")) == "–"  # noqa: RUF001
    assert words.rate(14.93) == "14.9/s"
    assert words.rate(1234.5) == "1234/s"


def test_the_clock_is_this_machines() -> None:
    at = time.mktime((2026, 11, 23, 14, 5, 6, 0, 0, -1))
    assert words.clock(at) == "14:05:06"


def test_dropped_frames_come_with_reasons() -> None:
    assert words.dropped_words({}) == words.dropped_words({"late": 0}) == ""
    assert words.dropped_words({"late": 1, "other": 0}) == "1 frame dropped: late"
    both = words.dropped_words({"late": 3, "a newer one came": 4})
    assert both == "7 frames dropped: late (3), a newer one came (4)"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tools.zip", "tools"),
        ("a.b.zip", "a.b"),
        ("../x/y.onnx", "y"),
        (".zip", "zip"),
        ("", "model"),
    ],
)
def test_a_model_is_called_after_its_file(file: str, name: str) -> None:
    assert words.model_name(file) == name
