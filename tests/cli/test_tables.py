# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from trunkline.cli.answers import Answer
from trunkline.cli.tables import Table
from trunkline.errors import PictureError
from trunkline.predictions import Classification


def says(label: str, probability: float = 0.75) -> Classification:
    values = np.array([probability, 1 - probability], np.float32)
    return Classification("multiclass", (label, "other"), values)


def test_rows_are_aligned_under_one_heading(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["a.jpg", "longer.jpg"], ["m", "second"])
    table.write(Answer("a.jpg", {"m": says("apple"), "second": says("banana")}))
    table.write(Answer("longer.jpg", {"m": says("apple")}))
    assert capsys.readouterr().out.splitlines() == [
        "picture     model   answer",
        "a.jpg       m       apple 75.0 %",
        "a.jpg       second  banana 75.0 %",
        "longer.jpg  m       apple 75.0 %",
    ]


def test_wide_characters_take_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["猫.jpg", "aa.jpg"], ["m"])
    table.write(Answer("猫.jpg", {"m": says("猫 🐈")}))
    table.write(Answer("aa.jpg", {"m": says("x")}))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "猫.jpg   m      猫 🐈 75.0 %",
        "aa.jpg   m      x 75.0 %",
    ]


def test_nothing_is_cut_or_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path, label = "folder/" * 60 + "a.jpg", "label " * 40 + "end"
    table = Table([path, "b.jpg"], ["m"])
    table.write(Answer(path, {"m": says(label)}))
    table.write(Answer("b.jpg", {"m": says("x")}))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"{path}  m      {label} 75.0 %"
    assert len(lines[2]) < 100  # one long name does not push all others out of sight
    assert len(lines) == 3


@pytest.mark.parametrize(
    "label", ["[red]", "[/]", "[bold]x[/bold]", ":smile:", r"\[x]", "#fff 1.5"]
)
def test_labels_are_shown_as_they_are(label: str, capsys: pytest.CaptureFixture[str]) -> None:
    Table(["a[b].jpg"], ["[m]"]).write(Answer("a[b].jpg", {"[m]": says(label)}))
    assert f"a[b].jpg  [m]    {label} 75.0 %" in capsys.readouterr().out


def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for want, forced, no_color in [(True, "1", ""), (False, "1", "1"), (False, "", "")]:
        monkeypatch.setenv("FORCE_COLOR", forced)
        monkeypatch.setenv("NO_COLOR", no_color)
        Table(["a.jpg"], ["m"]).write(Answer("a.jpg", {"m": says("apple")}))
        assert ("\x1b[36m" in capsys.readouterr().out) is want


def test_a_picture_without_answers_is_told_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Table(["x.jpg"], ["m"]).write(Answer("x.jpg", error=PictureError("x.jpg", "it is damaged.")))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "trunkline: x.jpg: it is damaged.\n"
