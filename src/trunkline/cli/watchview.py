# SPDX-License-Identifier: Apache-2.0
"""What ``trunkline watch`` shows: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trunkline.cli.words import answer_words, counted, one_line, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.streams.figures import CameraFigures, Figures, ModelFigures, SinkFigures
    from trunkline.streams.frames import Sight

__all__ = ["live_table", "problem_lines", "sight_lines", "summary_lines"]

_HEADS = "camera", "fps", "latency", "dropped", "model", "per s", "answer"
_NUMBERS = {"fps", "latency", "dropped", "per s"}
_FRAME_LINES = 4  # the table's own, and one that says what is left out


def live_table(figures: Figures, lines: int) -> Table:
    """Return all cameras and their models as a table that fits on a terminal.

    Args:
        figures: What is known now.
        lines: The terminal's height.
    """
    table = Table(box=None, pad_edge=False, expand=False)
    for head in _HEADS:
        right = head in _NUMBERS
        table.add_column(head, justify="right" if right else "left", no_wrap=True)
    rows = [row for camera in figures.cameras for row in _rows(camera)]
    room = max(1, lines - _FRAME_LINES - len(figures.sinks))
    for row in rows[:room]:
        table.add_row(*row)
    if len(rows) > room:
        table.add_row(Text(f"and {counted(len(rows) - room, 'row')} more", "dim"))
    for sink in figures.sinks:
        if sink.dropped or sink.problem:
            table.add_row(Text("sink"), "", "", Text(str(sink.dropped)), _warning(sink.problem))
    return table


def _rows(camera: CameraFigures) -> Iterator[tuple[Text, ...]]:
    first = (
        Text(one_line(camera.name), "bold"),
        Text(f"{camera.fps:.1f}"),
        Text(_ms(camera.latency.p50) if camera.frames else ""),
        Text(str(sum(camera.dropped.values()))),
    )
    empty = (Text(),) * 4
    if camera.problem or camera.state not in ("running", "ended"):
        yield *first, Text(), Text(), _warning(camera.problem or camera.state)
        first = empty
    for model in camera.models:
        yield *first, Text(one_line(model.model), "cyan"), Text(f"{model.rate:.1f}"), _answer(model)
        first = empty
    if not camera.models and first is not empty:
        yield *first, Text(), Text(), Text(camera.state, "dim")


def _answer(model: ModelFigures) -> Text:
    if model.problem:
        return _warning(model.problem)
    return Text(answer_words(model.answer) if model.answer else "")


def _warning(sentence: str) -> Text:
    return Text(one_line(sentence), "yellow")


def sight_lines(sight: Sight) -> Iterator[str]:
    """Yield what came of a frame in plain lines: the answers in one, and one for each event."""
    where = f"{one_line(sight.frame.stream)} #{sight.frame.number}"
    if sight.answers:
        answers = (f"{one_line(n)}: {answer_words(a)}" for n, a in sight.answers.items())
        yield f"{where}  {'; '.join(answers)}"
    for event in sight.events:
        label = f"{one_line(event.model)}: {one_line(event.label)}"
        sure = f" {percent(event.probability)}" if event.state == "begin" else ""
        yield f"{where}  {event.state} {label}{sure}"


def summary_lines(figures: Figures) -> Iterator[str]:
    """Yield what has been done, a line for each camera."""
    for camera in figures.cameras:
        line = f"{one_line(camera.name)}: {counted(camera.frames, 'frame')}"
        if camera.frames:
            line += f", latency {_ms(camera.latency.p50)} (p99 {_ms(camera.latency.p99)})"
        yield f"{line}, dropped {_reasons(camera.dropped)}"
        for model in camera.models:
            if model.dropped:
                yield f"  {one_line(model.model)}: dropped {_reasons(model.dropped)}"


def problem_lines(figures: Figures) -> Iterator[str]:
    """Yield what went wrong for good: sources that failed, models that did, sinks that lost."""
    for camera in figures.cameras:
        if camera.state == "failed":
            yield f"{camera.name}: {camera.problem}"
        for model in camera.models:
            if model.dropped.get("error"):
                yield f"{camera.name}: {model.model} failed. {model.problem}".rstrip()
    for sink in figures.sinks:
        if sink.problem or sink.dropped:
            yield _sink_line(sink)


def _sink_line(sink: SinkFigures) -> str:
    lost = f"A sink lost {counted(sink.dropped, 'item')}." if sink.dropped else "A sink failed."
    return f"{lost} {sink.problem}".rstrip()


def _reasons(dropped: Mapping[str, int]) -> str:
    if not dropped:
        return "none"
    return ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
