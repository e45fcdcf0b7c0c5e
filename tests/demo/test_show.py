# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import itertools
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

import trunkline
from trunkline.demo.pictures import ASPECTS, moving_scenes
from trunkline.demo.show import show

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trunkline.demo.tally import Tally

FILM = moving_scenes(6, 3)


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by a step whenever it is read."""
    return itertools.count(0, step).__next__


def shown(models: trunkline.ModelSet, seconds: float, *, terminal: bool) -> tuple[str, Tally]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, color_system=None)
    # Read before and after each frame, so that a frame takes half a second.
    tally = show(models, FILM, seconds, console, ticking(0.25))
    return out.getvalue(), tally


def test_lines_come_once_a_second_and_tell_the_truth(models: trunkline.ModelSet) -> None:
    text, tally = shown(models, 10, terminal=False)
    assert tally.frames == 20
    assert tally.elapsed == pytest.approx(10)
    assert tally.latency(50) == pytest.approx(0.25)
    lines = text.splitlines()
    assert len(lines) == 10
    for line, scene in zip(lines, itertools.islice(itertools.cycle(FILM), 0, 20, 2), strict=True):
        said = re.findall(r"(\w+) (\w+) ([01]\.\d\d) (right|WRONG, is \w+)", line)
        assert {name for name, *_ in said} == set(ASPECTS)
        for name, label, _, verdict in said:
            truth = scene.truth[name]
            assert verdict == ("right" if label == truth else f"WRONG, is {truth}")


def test_a_wrong_answer_is_called_wrong(models: trunkline.ModelSet, folder: Path) -> None:
    exports = folder / "models"
    # One that will never say clouds, stripes or tiles.
    swapped = trunkline.load(colour=exports / "colour", ground=exports / "shape")
    out = io.StringIO()
    show(swapped, FILM, 0, Console(file=out, width=100), ticking(1))
    first, _, second = out.getvalue().partition("ground")
    assert first.rstrip().endswith("right")
    assert "WRONG, is " in second


def test_one_frame_is_shown_at_least(models: trunkline.ModelSet) -> None:
    text, tally = shown(models, 0, terminal=False)
    assert tally.frames == 1
    assert len(text.splitlines()) == 1


def test_a_terminal_gets_a_table(models: trunkline.ModelSet) -> None:
    text, tally = shown(models, 3, terminal=True)
    assert tally.frames == 6
    last = text[text.rindex("model") :]
    for name in models:
        (row,) = [line for line in last.splitlines() if line.strip("│┃ ").startswith(name)]
        assert f"{tally.accuracy(name):.1%}" in row
