# SPDX-License-Identifier: Apache-2.0
"""Reading addresses that hold secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import TrunklineError
from trunkline.streams.endpoints import Endpoint, read_endpoint

_PORTS = {"http": 80, "https": 443}


@pytest.mark.parametrize(
    ("text", "endpoint", "name"),
    [
        (
            "http://ada:p%40ss@Host:81/a?b=c",
            Endpoint("http", "host", 81, "ada", "p@ss", "/a?b=c"),
            "http://host:81",
        ),
        ("HTTPS://host", Endpoint("https", "host", 443), "https://host:443"),
        ("http://[::1]/x#y", Endpoint("http", "::1", 80, path="/x"), "http://[::1]:80"),
    ],
)
def test_an_address_is_read_and_its_secrets_are_not_shown(text, endpoint, name):
    read = read_endpoint(text, _PORTS, shape="this.")
    assert read == endpoint
    assert read.name == name
    assert "p@ss" not in repr(read)
    assert "b=c" not in repr(read)


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http://u:secret@host:99999/",
        "http://u:secret@host:port/",
        "http://u:secret@host:0/",
        "ftp://u:secret@host/",
        "http://u:secret@ho st/",
        "http://u:secret@host/\u00e9",
        f"http://u:secret@{'a' * 64}.org/",
        "http://u:secret@[::1/",
        "secret",
    ],
)
def test_what_is_no_address_is_not_quoted(text):
    with pytest.raises(TrunklineError) as caught:
        read_endpoint(text, _PORTS, shape="this.")
    message = "The http or https address cannot be read. It looks like this."
    assert str(caught.value) == message
    assert caught.value.__suppress_context__


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_clear_error(text):
    try:
        endpoint = read_endpoint(f"http://{text}", _PORTS, shape="this.")
    except TrunklineError:
        return
    assert endpoint.host
    assert 0 < endpoint.port < 65536
