# SPDX-License-Identifier: Apache-2.0
"""Giving memory back, where the C library knows how."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import pytest

from trunkline.engine import memory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _looked_up_anew() -> Iterator[None]:
    memory._malloc_trim.cache_clear()
    yield
    memory._malloc_trim.cache_clear()


def test_the_c_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        asked: list[int] = []

        def malloc_trim(self, pad: int) -> int:
            self.asked.append(pad)
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    memory.give_back_memory()
    memory.give_back_memory()
    assert Library.asked == [0, 0]


def test_one_that_does_not_know_how_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    memory.give_back_memory()
    assert memory._malloc_trim() is None


def test_this_machine() -> None:
    memory.give_back_memory()
