# SPDX-License-Identifier: Apache-2.0
"""What is told about units."""

from __future__ import annotations

from pathlib import Path

from trunkline.server.held import Changes, Held, Listed
from trunkline.server.layout import Unit

CATS = Unit(Path("cats"), "cats", True, {"cats": Path("cats/3"), "cats.v1": Path("cats/1")})


def test_models_are_listed_with_their_versions() -> None:
    held = Held(CATS, frozenset({"cats"}), frozenset({"cats.v1"}))
    assert list(held.listed()) == [
        Listed("cats", "3", "READY", "", "cats"),
        Listed("cats.v1", "1", "UNAVAILABLE", "unloaded", "cats"),
    ]


def test_a_unit_without_models_is_listed_with_its_problem() -> None:
    assert list(Held(CATS, problem="It is broken.").listed()) == [
        Listed("cats", "1", "UNAVAILABLE", "It is broken.", "cats")
    ]
    assert list(Held(None).listed()) == []


def test_an_upload_in_memory_has_no_files() -> None:
    held = Held(None, frozenset({"new"}), upload=True)
    assert list(held.listed()) == [Listed("new", "1", "READY", "", "uploaded")]


def test_no_changes_are_false() -> None:
    assert not Changes()
    assert Changes(problems=("It is broken.",))
