# SPDX-License-Identifier: Apache-2.0
"""Sinks: where the answers of a stream go."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from trunkline.errors import TrunklineError
from trunkline.streams.ends import SightSink

__all__ = ["KINDS", "Sink", "open_sink"]

# What there is, as the command line and messages show it.
KINDS = (
    "jsonl",
    "jsonl:FILE",
    "mqtt://[user:password@]host[:port]/prefix",
    "http(s)://...",
    "webhook:URL",
    "video:FILE.mp4",
    "command:CMD",
)


class Sink(SightSink, Protocol):
    """Takes sights, in its own time.

    Attributes:
        name: What it is called in messages, without secrets.
    """

    name: str


def open_sink(text: str) -> Sink:
    """Open a sink.

    Args:
        text: ``jsonl`` (lines on standard output), ``jsonl:FILE`` (lines at the end of a file),
            ``mqtt://[user:password@]host[:port]/prefix``, ``http(s)://...`` or ``webhook:URL``
            (events as JSON), ``video:FILE.mp4`` (what was seen, drawn over the pictures), or
            ``command:CMD`` (run for every event).

    Raises:
        TrunklineError: There is no such sink, or it cannot be opened; the message quotes no
            password.
        MissingExtraError: It needs a package that is not installed.
    """
    kind, colon, rest = text.partition(":")
    match kind.lower():
        case "jsonl" if not colon:
            from trunkline.streams.sink_jsonl import JsonLinesOutput

            return JsonLinesOutput()
        case "jsonl" if rest:
            from trunkline.streams.sink_jsonl import JsonLinesFile

            return JsonLinesFile(Path(rest))
        case "mqtt" if rest:
            from trunkline.streams.sink_mqtt import Mqtt

            return Mqtt(text)
        case "http" | "https" | "webhook" if rest:
            from trunkline.streams.sink_webhook import Webhook

            return Webhook(rest if kind.lower() == "webhook" else text)
        case "video" if rest:
            from trunkline.streams.sink_video import Video

            return Video(Path(rest))
        case "command" if rest:
            from trunkline.streams.sink_command import Command

            return Command(rest)
    raise TrunklineError(
        f"There is no sink {kind[:40]!r} like that. Sinks are: {', '.join(KINDS)}."
    )
