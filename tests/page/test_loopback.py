# SPDX-License-Identifier: Apache-2.0
"""Names and addresses that are this machine's own, and those that only look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.page.loopback import host_in, is_loopback


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback(host: str, own: bool) -> None:
    assert is_loopback(host) is own


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost:8000", "localhost"),
        ("LOCALHOST.", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:8000", "::1"),
        ("", ""),
        (":8000", ""),
        ("[::1", ""),
        ("evil.example:80@127.0.0.1", "127.0.0.1"),
    ],
)
def test_hosts(header: str, host: str) -> None:
    assert host_in(header) == host


@given(st.text())
def test_a_header_of_any_kind_is_no_fault(header: str) -> None:
    assert isinstance(host_in(header), str)
