# SPDX-License-Identifier: Apache-2.0
"""Which versions are served, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.server.versions import named, numbered, served

if TYPE_CHECKING:
    from pathlib import Path


def test_sub_folders_that_are_numbers_are_versions(tmp_path: Path) -> None:
    for name in ("1", "10", "02", "0", "two", "3.1", "-4"):
        (tmp_path / name).mkdir()
    (tmp_path / "5").write_text("a file")
    assert numbered(tmp_path) == {1: tmp_path / "1", 10: tmp_path / "10"}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("latest", (10,)), ("all", (10, 2, 1)), ((1, 2, 7), (2, 1)), ((7,), ())],
)
def test_the_policy_chooses(
    tmp_path: Path, policy: str | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    versions = {number: tmp_path / str(number) for number in (2, 10, 1)}
    assert served(versions, policy) == expected  # type: ignore[arg-type]


def test_the_latest_has_the_name(tmp_path: Path) -> None:
    versions = {number: tmp_path / str(number) for number in (1, 3)}
    assert named("cats", versions, "all") == {"cats": tmp_path / "3", "cats.v1": tmp_path / "1"}
