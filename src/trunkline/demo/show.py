# SPDX-License-Identifier: Apache-2.0
"""Runs models on a moving picture and prints what they say."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, cast

from rich.live import Live
from rich.table import Table
from rich.text import Text

from trunkline.demo.pictures import to_jpeg
from trunkline.demo.tally import Shot, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from trunkline.demo.pictures import Scene
    from trunkline.engine.modelset import ModelSet
    from trunkline.predictions import Classification

__all__ = ["show"]

# Seconds between two lines where they stay, and between two states of a table that is redrawn.
_LINES_EVERY, _TABLE_EVERY = 1.0, 0.1


def show(
    models: ModelSet,
    scenes: Sequence[Scene],
    seconds: float,
    console: Console,
    clock: Callable[[], float] = time.perf_counter,
) -> Tally:
    """Show a film to models, over and over, and print their answers beside the truth.

    On a terminal a table is kept up to date; elsewhere a line is printed now and then.

    Args:
        models: Classifiers named after the aspects of the scenes.
        scenes: The film.
        seconds: How long to go on; at least one frame is answered.
        console: Where to print.
        clock: Tells the time in seconds.
    """
    tally = Tally()
    shots = _shots(models, scenes, seconds, clock)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for shot in _counted(shots, tally, _TABLE_EVERY):
                live.update(_table(shot, tally), refresh=True)
    else:
        for shot in _counted(shots, tally, _LINES_EVERY):
            console.print(_line(shot), soft_wrap=True)
    return tally


def _shots(
    models: ModelSet, scenes: Sequence[Scene], seconds: float, clock: Callable[[], float]
) -> Iterator[Shot]:
    # Drawn and encoded before the clock starts: a camera would have done it.
    film = [(to_jpeg(scene), scene.truth) for scene in scenes]
    start = clock()
    for jpeg, truth in itertools.cycle(film):
        begun = clock()
        answers = cast("dict[str, Classification]", models.predict(jpeg))
        ended = clock()
        yield Shot(at=ended - start, latency=ended - begun, truth=truth, answers=answers)
        if ended - start >= seconds:
            return


def _counted(shots: Iterator[Shot], tally: Tally, every: float) -> Iterator[Shot]:
    """Count all shots, and let one through every so many seconds."""
    due = 0.0
    for shot in shots:
        tally.add(shot)
        if shot.at >= due:
            due = shot.at + every
            yield shot


def _line(shot: Shot) -> Text:
    said = [
        f"{name} {answer.label} {answer.probability:.2f} "
        + ("right" if shot.is_right(name) else f"WRONG, is {shot.truth[name]}")
        for name, answer in shot.answers.items()
    ]
    return Text(f"{shot.at:5.1f} s   " + "   ".join(said))


def _table(shot: Shot, tally: Tally) -> Table:
    table = Table(title=f"{shot.at:.1f} s, frame {tally.frames}", title_justify="left")
    for heading in ("model", "says", "probability", "truth", "right so far"):
        table.add_column(heading)
    for name, answer in shot.answers.items():
        colour = "green" if shot.is_right(name) else "red"
        table.add_row(
            name,
            Text(answer.label, style=colour),
            f"{answer.probability:.3f}",
            shot.truth[name],
            f"{tally.accuracy(name):.1%}",
        )
    return table
