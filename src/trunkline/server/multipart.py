# SPDX-License-Identifier: Apache-2.0
"""The picture in a request's body, however the client wrapped it.

The service's Python and JavaScript clients send a part without a filename, other clients choose
field names of their own, and many send the file as it is. Web frameworks take a part without a
filename for text and cut it off at a megabyte, so the body is taken apart here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from trunkline.server.faults import BadRequestError

__all__ = ["Part", "PartReader", "parts_of", "picture_in"]

_FIELD = "imagedata"  # what the service's own clients call it

_MOST_PARTS = 64  # as many files as the service takes at once; a million would take seconds

# Whoever sends rubbish is told so; the log is not theirs to fill.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(slots=True)
class Part:
    """One part of a multipart body.

    Attributes:
        name: The field's name; empty where it has none.
        filename: The file's name; None where it has none.
        data: What it holds.
    """

    name: str = ""
    filename: str | None = None
    data: bytes = b""


def picture_in(content_type: str | None, body: bytes) -> bytes:
    """Return the picture that a body holds.

    A multipart body's picture is its part called ``imageData``, in any case; else its first part
    with a filename; else its first part. Any other body is the picture, whatever its type says:
    curl, for one, calls a file a form.

    Args:
        content_type: The request's ``Content-Type``.
        body: The request's body.

    Raises:
        BadRequestError: There is no picture, or the multipart body is not in form.
    """
    if not (content_type or "").strip().lower().startswith("multipart/"):
        return _not_empty(body)
    parts = parts_of(content_type or "", body)
    named = (part for part in parts if part.name.lower() == _FIELD)
    files = (part for part in parts if part.filename is not None)
    chosen = next(named, None) or next(files, None) or next(iter(parts), Part())
    return _not_empty(chosen.data)


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a multipart body, in their order.

    Args:
        content_type: The request's ``Content-Type``, with the boundary.
        body: The whole body.

    Raises:
        BadRequestError: The boundary is missing, or the body is not in form, ends early or has too
            many parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _malformed("its Content-Type names no boundary; let your client set that header")
    reader = PartReader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        parser.write(body)
    except FormParserError as error:
        raise _malformed(str(error)) from error
    if not reader.ended:
        raise _malformed("it ends before its closing boundary")
    return reader.parts


def _not_empty(picture: bytes) -> bytes:
    if not picture:
        raise BadRequestError(
            "The request holds no picture; send the file's bytes as the body, or as a part of a "
            "multipart form.",
            code="BadRequestImageStream",
        )
    return picture


def _malformed(why: str) -> BadRequestError:
    return BadRequestError(
        f"The multipart body cannot be read: {why}.", code="BadRequestImageStream"
    )


@dataclass(slots=True)
class PartReader:
    """Gathers what the parser finds; it hands over slices, as often as it likes."""

    parts: list[Part] = field(default_factory=list)
    ended: bool = False
    _chunks: list[bytes] = field(default_factory=list)
    _key: bytes = b""
    _value: bytes = b""

    def callbacks(self) -> dict[str, object]:
        """Return what the parser calls, under its names for it."""
        """Return what a parser is to call, and for what."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= _MOST_PARTS:
            raise _malformed(f"it has more than {_MOST_PARTS} parts")
        self.parts.append(Part())

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._key += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._key.lower() == b"content-disposition":
            options = parse_options_header(self._value)[1]
            part = self.parts[-1]
            part.name = options.get(b"name", b"").decode("utf-8", "replace")
            filename = options.get(b"filename")
            part.filename = None if filename is None else filename.decode("utf-8", "replace")
        self._key = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._chunks.append(data[start:end])

    def _part_end(self) -> None:
        self.parts[-1].data = b"".join(self._chunks)
        self._chunks.clear()

    def _end(self) -> None:
        self.ended = True
