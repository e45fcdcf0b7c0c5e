# SPDX-License-Identifier: Apache-2.0
"""Bodies of inference: JSON with binary data behind it, and nothing that a client sends fails."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.server.faults import BadRequestError, TooLargeError
from trunkline.server.oip_requests import (
    InferRequest,
    Wanted,
    inflate,
    read_request,
    write_response,
)
from trunkline.server.oip_tensors import Tensor

INPUT = {"name": "image", "datatype": "UINT8", "shape": [2]}
BINARY = {**INPUT, "parameters": {"binary_data_size": 2}}


def body_of(request: object, binary: bytes = b"") -> tuple[bytes, str]:
    text = json.dumps(request).encode()
    return text + binary, str(len(text))


def test_json_and_binary_inputs_mix():
    raw = {**INPUT, "name": "b", "parameters": {"binary_data_size": 2}}
    sent = {
        "id": "7",
        "inputs": [BINARY, {**INPUT, "name": "a", "data": [1, 2]}, raw],
        "outputs": [
            {"name": "p", "parameters": {"binary_data": True, "classification": 2}},
            {"name": "q"},
        ],
        "parameters": {"anything": [1]},
    }
    read = read_request(*body_of(sent, b"\x03\x04\x05\x06"))
    assert [(each.name, each.data.tolist()) for each in read.inputs] == [
        ("image", [3, 4]),
        ("a", [1, 2]),
        ("b", [5, 6]),
    ]
    assert read.wanted == (Wanted("p", 2, binary=True), Wanted("q"))
    assert (read.id, read.binary) == ("7", False)


def test_all_outputs_may_be_asked_for_in_binary():
    sent = {"inputs": [{**INPUT, "data": [1, 2]}], "parameters": {"binary_data_output": True}}
    read = read_request(json.dumps(sent).encode(), None)
    assert (read.binary, read.wanted, read.id) == (True, (), "")


@pytest.mark.parametrize(
    ("sent", "binary", "said"),
    [
        ([], b"", "The request must be a JSON object"),
        ({}, b"", "needs inputs"),
        ({"inputs": {}}, b"", "needs inputs"),
        ({"inputs": [1]}, b"", "An input must be a JSON object"),
        ({"inputs": [{}]}, b"", "An input has no name"),
        ({"inputs": [{**INPUT, "name": 1}]}, b"", "An input has no name"),
        ({"inputs": [INPUT]}, b"", "has no data"),
        ({"inputs": [{**INPUT, "parameters": []}], "id": 1}, b"", "id of a request"),
        ({"inputs": [{**INPUT, "parameters": [1]}]}, b"", "parameters must be"),
        ({"inputs": [{**BINARY, "data": [1, 2]}]}, b"12", "both data and"),
        ({"inputs": [BINARY]}, b"1", "only 1 came"),
        ({"inputs": [BINARY]}, b"123", "1 bytes are left over"),
        ({"inputs": [{**INPUT, "data": [1, 2]}]}, b"123", "3 bytes are left over"),
        ({"inputs": [{**INPUT, "parameters": {"binary_data_size": -1}}]}, b"", "whole number"),
        ({"inputs": [{**INPUT, "parameters": {"binary_data_size": True}}]}, b"1", "whole number"),
        (
            {"inputs": [{**INPUT, "parameters": {"shared_memory_region": "r"}}]},
            b"",
            "shared memory",
        ),
        ({"inputs": [], "outputs": 3}, b"", "needs outputs"),
        ({"inputs": [], "outputs": [{"parameters": {}}]}, b"", "An output has no name"),
        (
            {"inputs": [], "outputs": [{"name": "p", "parameters": {"classification": -1}}]},
            b"",
            "classification of output",
        ),
        (
            {"inputs": [], "outputs": [{"name": "p", "parameters": {"shared_memory_region": ""}}]},
            b"",
            "shared memory",
        ),
    ],
)
def test_what_is_wrong_is_said(sent, binary, said):
    with pytest.raises(BadRequestError, match=said):
        read_request(*body_of(sent, binary))


@pytest.mark.parametrize("length", ["", "-1", "1.0", "x", "²", "9" * 30, "3"])
def test_a_header_length_that_is_none_is_refused(length):
    with pytest.raises(BadRequestError, match="Inference-Header-Content-Length"):
        read_request(b"{}", length)


def test_json_too_deep_for_the_reader_is_refused():
    with pytest.raises(BadRequestError, match="not JSON"):
        read_request(b"[" * 200_000, None)


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(),
    sent=st.fixed_dictionaries(
        {},
        optional={
            "id": st.text(max_size=2) | st.integers(),
            "parameters": st.none() | st.dictionaries(st.just("binary_data_output"), st.booleans()),
            "outputs": st.none()
            | st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from(["p", "", 1])},
                    optional={
                        "parameters": st.dictionaries(
                            st.sampled_from(["binary_data", "classification"]),
                            st.booleans() | st.integers(-2, 2),
                        )
                    },
                ),
                max_size=2,
            ),
            "inputs": st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from(["image", "tensor", ""])},
                    optional={
                        "datatype": st.sampled_from(["BYTES", "FP32", "UINT8", "x", 1]),
                        "shape": st.lists(st.integers(-1, 3) | st.just(1 << 62), max_size=9),
                        "data": st.none() | st.lists(st.integers() | st.text(), max_size=3),
                        "parameters": st.fixed_dictionaries(
                            {}, optional={"binary_data_size": st.integers(-1, 12)}
                        ),
                    },
                ),
                max_size=3,
            ),
        },
    ),
)
def test_any_body_is_a_request_or_refused(data, sent):
    text = json.dumps(sent).encode()
    body = text + data.draw(st.binary(max_size=16))
    length = data.draw(st.sampled_from([None, str(len(text)), "0", str(len(body)), "99", "-"]))
    with suppress(BadRequestError):
        assert isinstance(read_request(body, length), InferRequest)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60), length=st.none() | st.text(max_size=3))
def test_any_bytes_are_refused(body, length):
    with pytest.raises(BadRequestError):
        read_request(body, length)


def test_a_response_keeps_its_order():
    outputs = [
        Tensor.of_array("a", "FP32", np.array([[0.5]], np.float32)),
        Tensor.of_texts("b", (2,), ["x", "yy"]),
    ]
    request = InferRequest((), (Wanted("a", binary=True), Wanted("b")), "9")
    content, headers = write_response("m", "1", request, outputs)
    size = int(headers["Inference-Header-Content-Length"])
    assert json.loads(content[:size]) == {
        "model_name": "m",
        "model_version": "1",
        "id": "9",
        "outputs": [
            {
                "name": "a",
                "datatype": "FP32",
                "shape": [1, 1],
                "parameters": {"binary_data_size": 4},
            },
            {"name": "b", "datatype": "BYTES", "shape": [2], "data": ["x", "yy"]},
        ],
    }
    assert content[size:] == np.float32(0.5).tobytes()
    content, headers = write_response("m", "1", InferRequest(()), outputs)
    assert headers == {"Content-Type": "application/json"}
    assert "id" not in json.loads(content)
    content, headers = write_response("m", "1", InferRequest((), binary=True), outputs)
    size = int(headers["Inference-Header-Content-Length"])
    assert content[size + 4 :] == b"\x01\0\0\0x\x02\0\0\0yy"


def test_compressed_bodies_are_inflated():
    assert inflate(b"plain", "", 3) == b"plain"  # what has been read keeps to the limit already
    assert inflate(b"plain", "identity", 9) == b"plain"
    assert inflate(gzip.compress(b"plain"), "gzip", 5) == b"plain"
    assert inflate(zlib.compress(b"plain"), "deflate", 5) == b"plain"


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b"plain", "br", "neither gzip nor deflate"),
        (b"plain", "gzip", "is not gzip"),
        (gzip.compress(b"plain")[:-4], "gzip", "one whole stream"),
        (gzip.compress(b"plain") + b"more", "gzip", "one whole stream"),
        (b"", "deflate", "one whole stream"),
    ],
)
def test_what_is_not_compressed_so_is_refused(body, encoding, said):
    with pytest.raises(BadRequestError, match=said):
        inflate(body, encoding, 100)


def test_a_bomb_is_left_alone():
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(TooLargeError, match="1,000"):
        inflate(bomb, "gzip", 1000)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60), encoding=st.sampled_from(["gzip", "deflate", "x"]))
def test_any_bytes_are_inflated_or_refused(body, encoding):
    with suppress(BadRequestError):
        assert len(inflate(body, encoding, 1000)) <= 1000
