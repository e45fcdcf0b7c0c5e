# SPDX-License-Identifier: Apache-2.0
"""Requests and responses of inference over HTTP: JSON, with binary tensors behind it.

Where the header ``Inference-Header-Content-Length`` is sent, the body is that many bytes of JSON
and then the tensors that state a ``binary_data_size``, in their order.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.server.faults import BadRequestError, TooLargeError
from trunkline.server.oip_tensors import (
    Tensor,
    check_shape,
    from_json,
    from_raw,
    to_json,
    to_raw,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["InferRequest", "Wanted", "inflate", "read_request", "write_response"]

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that a request asks for.

    Attributes:
        name: Which one.
        classes: How many of the most probable labels to answer with, instead of the tensor; 0 for
            the tensor.
        binary: Whether its data are to come behind the JSON.
    """

    name: str
    classes: int = 0
    binary: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """What a request says, over HTTP or gRPC.

    Attributes:
        inputs: The tensors.
        wanted: The outputs asked for; where empty, all.
        id: Its id, to be sent back; empty for none.
        binary: Whether outputs come behind the JSON where ``wanted`` is empty.
    """

    inputs: tuple[Tensor, ...]
    wanted: tuple[Wanted, ...] = ()
    id: str = ""
    binary: bool = False


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a body as it was before compression.

    Args:
        body: As it was sent.
        encoding: The Content-Encoding.
        limit: The most bytes to make.

    Raises:
        BadRequestError: It cannot be.
        TooLargeError: There are more bytes.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise BadRequestError(f"Content-Encoding {encoding!r:.40} is neither gzip nor deflate.")
    machine = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = machine.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadRequestError(f"The body is not {encoding}.") from error
    if len(plain) > limit:
        raise TooLargeError(f"The body has more than the {limit:,} bytes that are allowed.")
    if not machine.eof or machine.unused_data:
        raise BadRequestError(f"The body is not one whole stream of {encoding}.")
    return plain


def read_request(body: bytes, header_length: str | None) -> InferRequest:
    """Read the body of a request for inference.

    Args:
        body: Not compressed.
        header_length: The header ``Inference-Header-Content-Length``; None where it is not sent.

    Raises:
        BadRequestError: It is not such a request.
    """
    text, binary = _halves(body, header_length)
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The request is not JSON.") from error
    request = _table(sent, "The request")
    if not isinstance(request.get("id", ""), str):
        raise BadRequestError("The id of a request must be a string.")
    return InferRequest(
        _inputs(request, memoryview(binary)),
        tuple(_wanted(each) for each in _list(request.get("outputs") or [], "outputs")),
        request.get("id", ""),
        _parameters(request).get("binary_data_output") is True,
    )


def write_response(
    model: str, version: str, request: InferRequest, outputs: Sequence[Tensor]
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a response.

    Args:
        model: Who answered.
        version: Which of its versions.
        request: What was asked.
        outputs: The answer; as many as were wanted, in their order.
    """
    as_bytes = [each.binary for each in request.wanted] or [request.binary] * len(outputs)
    tensors, raws = list[dict[str, Any]](), list[bytes]()
    for output, binary in zip(outputs, as_bytes, strict=True):
        entry: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": list(output.shape),
        }
        if binary:
            raws.append(to_raw(output))
            entry["parameters"] = {"binary_data_size": len(raws[-1])}
        else:
            entry["data"] = to_json(output)
        tensors.append(entry)
    said = {"id": request.id} if request.id else {}
    answer = {"model_name": model, "model_version": version, **said, "outputs": tensors}
    text = json.dumps(answer).encode()
    if not raws:
        return text, {"Content-Type": "application/json"}
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(text)),
    }
    return b"".join([text, *raws]), headers


def _halves(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    if header_length is None:
        return body, b""
    if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 20):
        raise BadRequestError("Inference-Header-Content-Length must be a whole number.")
    length = int(header_length)
    if length > len(body):
        raise BadRequestError(
            f"Inference-Header-Content-Length is {length}, but the body has {len(body)} bytes."
        )
    return body[:length], body[length:]


def _inputs(request: dict[str, Any], binary: memoryview) -> tuple[Tensor, ...]:
    place, tensors = 0, []
    for sent in _list(request.get("inputs"), "inputs"):
        entry = _table(sent, "An input")
        name = _name(entry, "An input")
        shape = check_shape(name, entry.get("shape"))
        size = _binary_size(name, entry)
        if size is None:
            tensors.append(from_json(name, entry.get("datatype"), shape, entry.get("data")))
            continue
        if size > len(binary) - place:
            raise BadRequestError(
                f"Input {name!r} has {size} bytes of binary data; only {len(binary) - place} came."
            )
        raw = bytes(binary[place : place + size])
        tensors.append(from_raw(name, entry.get("datatype"), shape, raw))
        place += size
    if place != len(binary):
        raise BadRequestError(
            f"{len(binary) - place} bytes are left over behind the inputs' binary data."
        )
    return tuple(tensors)


def _binary_size(name: str, entry: dict[str, Any]) -> int | None:
    parameters = _parameters(entry)
    if "shared_memory_region" in parameters:
        raise BadRequestError(f"Input {name!r} is in shared memory, which is not served here.")
    size = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise BadRequestError(f"binary_data_size of input {name!r} must be a whole number.")
    if size is not None and "data" in entry:
        raise BadRequestError(f"Input {name!r} has both data and binary_data_size.")
    return size


def _wanted(sent: object) -> Wanted:
    entry = _table(sent, "An output")
    name = _name(entry, "An output")
    parameters = _parameters(entry)
    if "shared_memory_region" in parameters:
        raise BadRequestError(f"Output {name!r} is wanted in shared memory; send it back instead.")
    classes = parameters.get("classification", 0)
    if type(classes) is not int or classes < 0:
        raise BadRequestError(f"classification of output {name!r} must be a whole number.")
    return Wanted(name, classes, parameters.get("binary_data") is True)


def _parameters(entry: dict[str, Any]) -> dict[str, Any]:
    return _table(entry.get("parameters") or {}, "parameters")


def _name(entry: dict[str, Any], what: str) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise BadRequestError(f"{what} has no name.")
    return name


def _table(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequestError(f"{what} must be a JSON object.")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise BadRequestError(f"The request needs {what}: a list of JSON objects.")
    return value
