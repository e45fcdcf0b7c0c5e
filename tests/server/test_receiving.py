# SPDX-License-Identifier: Apache-2.0
"""Urls in bodies; how whole requests are read is tested with the APIs."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.server.faults import BadRequestError
from trunkline.server.receiving import url_in


@pytest.mark.parametrize("member", ["url", "Url", "URL", "uRL"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_url(member: str, encoding: str) -> None:
    body = json.dumps({"application": None, member: " http://a/ä \n"}, ensure_ascii=False)
    assert url_in(body.encode(encoding)) == "http://a/ä"


@pytest.mark.parametrize("body", [b"", b"http://a/", b"{'url': 'http://a/'}", b"\xff\xff", b"{"])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(BadRequestError, match="is not JSON"):
        url_in(body)


@pytest.mark.parametrize(
    "document", [None, [], "http://a/", {}, {"url": ""}, {"url": ["a"]}, {"uri": "a"}]
)
def test_what_names_no_url(document: object) -> None:
    with pytest.raises(BadRequestError, match="names no url") as caught:
        url_in(json.dumps(document).encode())
    assert caught.value.code == "BadRequestRequiredParamIsNull"


@given(st.binary(max_size=100))
def test_rubbish_is_a_bad_request(body: bytes) -> None:
    with suppress(BadRequestError):
        assert url_in(body)
