# SPDX-License-Identifier: Apache-2.0
"""Paths in any case, with slashes doubled or at the end."""

from __future__ import annotations

import pytest

from server.living import raw


@pytest.mark.parametrize(
    "path",
    ["/Echo/A b/End", "/echo/A b/end", "/ECHO/A%20b/END/", "//echo///A b//end", "//echo/A b/end//"],
)
def test_paths_match_in_any_case_and_names_keep_theirs(path: str, serving: str) -> None:
    first = f"GET {path.replace(' ', '%20')} HTTP/1.1"
    lines = first, "Host: localhost", "Connection: close", "", ""
    answer = raw(serving, "\r\n".join(lines).encode())
    assert b'"name":"A b"' in answer
