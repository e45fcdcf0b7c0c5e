# SPDX-License-Identifier: Apache-2.0
"""The soak's books: whether all that went in has come out, or is counted as dropped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from report import Table
from soak_trial import ALWAYS

if TYPE_CHECKING:
    from soak_trial import Trial

__all__ = ["Books", "cameras", "models", "sinks"]

# Reasons for which whole frames are dropped once a source has given them.
_DROPPED = ("late", "deadline", "stopped")
_MISSED = (*_DROPPED, "error", "unloaded")
_SEEN = {
    "lines in a file": "lines",
    "lines in a pipe": "piped",
    "web hook": "posted",
    "MQTT": "published",
    "command": "ran",
    "video": "filmed",
}
# Where the other end has seen exactly what was delivered, for nothing is lost on the way, ...
_EXACT = ("lines in a file", "video")
# ... and where it may have seen what counts as lost, because its answer was.
_AT_LEAST = ("web hook", "command")


@dataclass
class Books:
    """A table, and what in it does not add up.

    Attributes:
        header: The table's.
        rows: Its rows.
        missing: One sentence for each sum that is not right.
    """

    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def table(self) -> Table:
        """As it is printed."""
        return Table(self.header, self.rows)

    def enter(self, name: str, *figures: int) -> None:
        """Add a row."""
        self.rows.append((name, *(f"{figure:,}" for figure in figures)))

    def expect(self, name: str, what: str, found: int, wanted: int) -> None:
        """Note it where a figure is not what it must be."""
        if found != wanted:
            self.missing.append(f"{name}: {what} {found}, not {wanted}")


def cameras(trial: Trial) -> Books:
    """Hold what sources received against what was dropped, and what was looked at."""
    books = Books(
        ("camera", "received", "dropped by the source", *_DROPPED, "looked at", "damaged", "anew")
    )
    for camera in trial.figures.cameras:
        source = trial.sources[camera.name]
        status, dropped = source.status, camera.dropped
        told = [dropped.get(reason, 0) for reason in _DROPPED]
        books.enter(
            camera.name,
            status.received,
            status.dropped,
            *told,
            camera.frames,
            status.broken,
            status.reconnects,
        )
        given = status.dropped + status.skipped + source.given
        books.expect(camera.name, "received", status.received, given)
        books.expect(camera.name, "given", source.given, camera.frames + sum(told))
        books.expect(camera.name, "dropped", dropped.get("source", 0), status.dropped)
        books.expect(camera.name, "reasons", len(set(dropped) - {"source", *_DROPPED}), 0)
        books.expect(camera.name, "come out", trial.tally.frames[camera.name], camera.frames)
    return books


def models(trial: Trial) -> Books:
    """Hold models' turns against what they answered and missed, and that against what came out."""
    books = Books(("model", "answers", *_MISSED))
    answers, missed = Counter[str](), dict[str, Counter[str]]()
    for camera in trial.figures.cameras:
        given = trial.sources[camera.name].given
        for model in camera.models:
            name = f"{model.model} on {camera.name}"
            answers[model.model] += model.answers
            missed.setdefault(model.model, Counter()).update(model.dropped)
            out = trial.tally.answers[camera.name, model.model]
            books.expect(name, "answers", model.answers, out)
            if model.model in ALWAYS:
                turns = model.answers + sum(model.dropped.values())
                books.expect(name, "turns", turns, given)
    told = {(camera.name, m.model) for camera in trial.figures.cameras for m in camera.models}
    books.missing += [
        f"{model} on {name}: unknown" for name, model in {*trial.tally.answers} - told
    ]
    for name, reasons in missed.items():
        books.enter(name, answers[name], *(reasons[reason] for reason in _MISSED))
        books.expect(name, "reasons", len(set(reasons) - set(_MISSED)), 0)
    return books


def sinks(trial: Trial) -> Books:
    """Hold what was put into sinks against what they delivered and dropped."""
    books = Books(("sink", "put", "delivered", "dropped", "seen at the other end"))
    for (name, sink), figures in zip(trial.sinks.items(), trial.figures.sinks[1:], strict=True):
        delivered, seen = sink.sink.delivered, trial.seen[_SEEN[name]]
        books.enter(name, sink.count, delivered, sink.dropped, seen)
        books.expect(name, "put", sink.count, delivered + sink.dropped)
        books.expect(name, "dropped", figures.dropped, sink.dropped)
        books.expect(name, "by camera", sum(figures.dropped_by_camera.values()), sink.dropped)
        if name in _EXACT:
            books.expect(name, "seen", seen, delivered)
        if name in _AT_LEAST and not delivered <= seen <= sink.count:
            books.missing.append(f"{name}: {seen} seen, {delivered} delivered, {sink.count} put")
    return books
