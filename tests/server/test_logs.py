# SPDX-License-Identifier: Apache-2.0
"""Log lines: one per event, for people or for machines, whatever is in them."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.server.logs import JsonLines, TextLines, start_logging

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    loggers = [logging.getLogger(name) for name in ("trunkline", "uvicorn")]
    before = [(each.handlers, each.level, each.propagate) for each in loggers]
    yield io.StringIO()
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers, each.level, each.propagate = handlers, level, propagate


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("trunkline.server", logging.INFO, "", 0, message, (), None)
    made.fields = fields
    return made


def test_json_lines(stream: io.StringIO) -> None:
    start_logging("json", stream)
    logging.getLogger("trunkline.server").info("a %s", "b", extra={"fields": {"code": 200}})
    logging.getLogger("uvicorn.error").info("of no interest")
    logging.getLogger("uvicorn.error").warning("of interest")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first.items() >= {"level": "info", "message": "a b", "code": 200}.items()
    assert first["time"].endswith("+00:00")
    assert second["message"] == "of interest"


def test_text_lines(stream: io.StringIO) -> None:
    start_logging("text", stream)
    extra = {"fields": {"path": "/a b", "code": 200, "client": ""}}
    logging.getLogger("trunkline.server").warning("request", extra=extra)
    line = stream.getvalue()
    assert line.endswith(' warning request path="/a b" code=200 client=""\n')


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_is_shown(form: str, stream: io.StringIO) -> None:
    start_logging(form, stream)  # type: ignore[arg-type]
    error = ValueError("what happened")
    logging.getLogger("trunkline").error("failed", exc_info=error)
    assert "ValueError: what happened" in stream.getvalue()


def test_logging_goes_to_standard_error_by_default(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging("text")
    logging.getLogger("trunkline").info("here")
    assert "here" in capsys.readouterr().err


@given(st.text(), st.text())
def test_nothing_breaks_a_line(message: str, value: str) -> None:
    made = record(message.replace("%", ""), value=value)
    text = TextLines().format(made)
    assert all(c.isprintable() for c in text)
    (line,) = JsonLines().format(made).splitlines()
    assert json.loads(line)["value"] == value
