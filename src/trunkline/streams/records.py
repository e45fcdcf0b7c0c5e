# SPDX-License-Identifier: Apache-2.0
"""Sights and events as plain values, ready for JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trunkline.predictions import frame_values

if TYPE_CHECKING:
    from trunkline.streams.frames import Event, Sight

__all__ = ["event_values", "iso_time", "sight_values"]


def iso_time(at: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, to the millisecond: 2026-11-23T01:12:48.250Z.

    A moment that no calendar has becomes an empty text.
    """
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_values(event: Event) -> dict[str, Any]:
    """Return an event: source, time, number, model, label, state and probability."""
    return {
        "source": event.stream,
        "time": iso_time(event.at),
        "number": event.number,
        "model": event.model,
        "label": event.label,
        "state": event.state,
        "probability": event.probability,
    }


def sight_values(sight: Sight) -> dict[str, Any]:
    """Return what ``predict --json`` prints for a picture, and what only streams have.

    Returns:
        ``frame`` (the source's name, ``#`` and the frame's number) and ``predictions`` by model
        name, then ``source``, ``time``, ``number``, ``latency_ms`` and ``events``.
    """
    frame = sight.frame
    return {
        **frame_values(f"{frame.stream}#{frame.number}", sight.answers),
        "source": frame.stream,
        "time": iso_time(frame.at),
        "number": frame.number,
        "latency_ms": round(sight.latency * 1000, 3),
        "events": [event_values(event) for event in sight.events],
    }
