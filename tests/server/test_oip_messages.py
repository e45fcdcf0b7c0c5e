# SPDX-License-Identifier: Apache-2.0
"""The declared messages are those that Triton's own client carries."""

from __future__ import annotations

import pytest
from tritonclient.grpc import service_pb2

from trunkline.server.oip_grpc_methods import METHODS
from trunkline.server.oip_messages import SERVICE, STREAM, message

THEIRS = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
ROOTS = sorted(
    {f"{name}{end}" for name in METHODS for end in ("Request", "Response")}
    | {"ModelStreamInferResponse"}
)


def disagreements(ours, theirs, seen: set[str]) -> list[str]:
    """Compare two messages, and all that they lead to, field by field."""
    if ours.full_name in seen:
        return []
    seen.add(ours.full_name)
    found = []
    for field in ours.fields:
        other = theirs.fields_by_name.get(field.name)
        if other is None:
            found.append(f"{theirs.full_name} has no {field.name}")
            continue
        for what in ("number", "type", "is_repeated"):
            mine, other_one = getattr(field, what), getattr(other, what)
            if mine != other_one:
                found.append(f"{field.full_name}: {what} {mine}, not {other_one}")
        oneofs = [f.containing_oneof.name if f.containing_oneof else "" for f in (field, other)]
        if oneofs[0] != oneofs[1]:
            found.append(f"{field.full_name}: oneofs {oneofs}")
        if field.enum_type is not None:
            pairs = [{v.name: v.number for v in f.enum_type.values} for f in (field, other)]
            if pairs[0] != pairs[1]:
                found.append(f"{field.full_name}: values {pairs}")
        if field.message_type is not None and other.message_type is not None:
            found += disagreements(field.message_type, other.message_type, seen)
    return found


@pytest.mark.parametrize("name", ROOTS)
def test_every_field_is_as_published(name):
    assert not disagreements(
        message(name).DESCRIPTOR, service_pb2.DESCRIPTOR.message_types_by_name[name], set()
    )


@pytest.mark.parametrize("name", [n for n in ROOTS if not n.startswith(("ModelConfig", "ModelSt"))])
def test_no_field_is_left_out(name):
    def numbers(descriptor) -> dict[str, int]:
        return {field.name: field.number for field in descriptor.fields}

    theirs = service_pb2.DESCRIPTOR.message_types_by_name[name]
    assert numbers(message(name).DESCRIPTOR) == numbers(theirs)


def test_a_field_that_differs_is_seen():
    ours = message("ModelReadyRequest").DESCRIPTOR
    assert disagreements(ours, service_pb2.ModelInferRequest.DESCRIPTOR, set())


def test_the_methods_are_the_service_s():
    assert THEIRS.full_name == SERVICE
    for name in METHODS:
        method = THEIRS.methods_by_name[name]
        types = method.input_type.name, method.output_type.name
        assert types == (f"{name}Request", f"{name}Response")
        assert not method.client_streaming
    stream = THEIRS.methods_by_name[STREAM]
    assert stream.client_streaming
    assert stream.server_streaming
    assert stream.input_type.name == "ModelInferRequest"
