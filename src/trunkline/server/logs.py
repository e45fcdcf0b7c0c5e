# SPDX-License-Identifier: Apache-2.0
"""The server's log: one line per event, for people or for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

__all__ = ["JsonLines", "TextLines", "start_logging"]


_LEVELS = {
    "trunkline": logging.INFO,
    "uvicorn": logging.WARNING,
    "opentelemetry": logging.WARNING,
}


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, message, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line."""
        event: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=True, default=str)


class TextLines(logging.Formatter):
    """Time, level, message, and the event's own fields as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, and a traceback below it where there is one."""
        fields = " ".join(f"{name}={_word(value)}" for name, value in _fields(record).items())
        level = f"{record.levelname.lower():<7}"
        line = f"{_time(record)} {level} {_printable(record.getMessage())} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def start_logging(form: Literal["text", "json"], stream: TextIO | None = None) -> None:
    """Send what the server, uvicorn and OpenTelemetry log to one stream.

    Args:
        form: ``"text"`` or ``"json"``.
        stream: By default standard error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    for name, level in _LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _word(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and not any(c in text for c in ' "=\\')
    return text if plain and text else json.dumps(text)


def _printable(text: str) -> str:
    """Return a text on one line, in which nothing steers a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
