# SPDX-License-Identifier: Apache-2.0
"""Requests and responses of inference over gRPC: protobuf messages, tensors raw or typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.server.faults import BadRequestError
from trunkline.server.oip_messages import message
from trunkline.server.oip_requests import InferRequest, Wanted
from trunkline.server.oip_tensors import Tensor, check_shape, from_json, from_raw, to_raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.exports.messages import Message

__all__ = ["read_message", "write_message"]

_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_message(sent: Message) -> InferRequest:
    """Read a ``ModelInferRequest``.

    Raises:
        BadRequestError: Its tensors are none.
    """
    raws = sent.raw_input_contents
    if raws and len(raws) != len(sent.inputs):
        raise BadRequestError(
            f"There are {len(sent.inputs)} inputs and {len(raws)} raw contents; give one for each."
        )
    inputs = [_input(each, raws[index] if raws else None) for index, each in enumerate(sent.inputs)]
    return InferRequest(tuple(inputs), tuple(map(_wanted, sent.outputs)), sent.id)


def write_message(
    model: str, version: str, request: InferRequest, outputs: Sequence[Tensor]
) -> Message:
    """Return a ``ModelInferResponse``, its tensors raw.

    Args:
        model: Who answered.
        version: Which of its versions.
        request: What was asked.
        outputs: The answer.
    """
    response = message("ModelInferResponse")(model_name=model, model_version=version, id=request.id)
    for output in outputs:
        response.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        response.raw_output_contents.append(to_raw(output))
    return response


def _input(sent: Message, raw: bytes | None) -> Tensor:
    name = sent.name
    if "shared_memory_region" in sent.parameters:
        raise BadRequestError(f"Input {name!r} is in shared memory, which is not served here.")
    shape = check_shape(name, list(sent.shape))
    if raw is None:
        return from_json(name, sent.datatype, shape, _typed(sent))
    if sent.HasField("contents"):
        raise BadRequestError(f"Input {name!r} has both typed and raw contents; give one of them.")
    return from_raw(name, sent.datatype, shape, raw)


def _typed(sent: Message) -> list[object]:
    field = _CONTENTS.get(sent.datatype)
    if field is None:
        raise BadRequestError(
            f"Input {sent.name!r} of datatype {sent.datatype!r:.40} needs raw contents; typed ones "
            f"are for {', '.join(_CONTENTS)}."
        )
    return list(getattr(sent.contents, field))


def _wanted(sent: Message) -> Wanted:
    if "shared_memory_region" in sent.parameters:
        raise BadRequestError(
            f"Output {sent.name!r} is wanted in shared memory; have it sent back instead."
        )
    classes = 0
    if "classification" in sent.parameters:
        classes = sent.parameters["classification"].int64_param
        if classes < 0:
            raise BadRequestError(f"classification of output {sent.name!r} must not be negative.")
    return Wanted(sent.name, classes)
