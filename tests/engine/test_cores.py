# SPDX-License-Identifier: Apache-2.0
"""The number of cores: the affinity mask, cut by a container's quota."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.engine.cores import available_cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def version_2(folder: Path, text: str) -> Path:
    (folder / "cpu.max").write_text(text, "ascii")
    return folder


def version_1(folder: Path, quota: str, period: str = "100000\n") -> Path:
    (folder / "cpu").mkdir()
    (folder / "cpu" / "cpu.cfs_quota_us").write_text(quota, "ascii")
    (folder / "cpu" / "cpu.cfs_period_us").write_text(period, "ascii")
    return folder


def test_without_a_control_group_it_is_the_affinity_mask(tmp_path: Path) -> None:
    assert available_cores(tmp_path) == 8


def test_this_machine_has_a_core_at_least() -> None:
    assert 1 <= available_cores() <= 8


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000", 1),
        ("1600000 100000", 8),
        ("max 100000\n", 8),
        ("", 8),
        ("200000", 8),
        ("1 2 3", 8),
        ("many 100000", 8),
        ("200000 0", 8),
        ("-1 100000", 8),
        ("0 100000", 8),
    ],
)
def test_version_2(tmp_path: Path, text: str, cores: int) -> None:
    assert available_cores(version_2(tmp_path, text)) == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [
        ("300000\n", "100000\n", 3),
        ("50000\n", "100000\n", 1),
        ("250001\n", "100000\n", 3),
        ("-1\n", "100000\n", 8),
        ("\n", "100000\n", 8),
        ("300000\n", "0\n", 8),
        ("300000\n", "soon\n", 8),
    ],
)
def test_version_1(tmp_path: Path, quota: str, period: str, cores: int) -> None:
    assert available_cores(version_1(tmp_path, quota, period)) == cores


def test_nonsense_in_version_2_is_not_the_last_word(tmp_path: Path) -> None:
    assert available_cores(version_1(version_2(tmp_path, "?"), "200000\n")) == 2


def test_half_of_version_1_says_nothing(tmp_path: Path) -> None:
    version_1(tmp_path, "200000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").unlink()
    assert available_cores(tmp_path) == 8


def test_bytes_that_are_no_text_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_bytes(b"\xff\xfe 1")
    assert available_cores(tmp_path) == 8


def test_the_mask_is_the_most_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert available_cores(version_2(tmp_path, "400000 100000")) == 1


@pytest.mark.parametrize(("counted", "cores"), [(6, 6), (None, 1)])
def test_without_a_mask_the_cores_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert available_cores(tmp_path) == cores


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10**7), st.integers(1, 10**6))
def test_a_quota_is_never_exceeded_by_a_whole_core(
    tmp_path_factory: pytest.TempPathFactory, limit: int, period: int
) -> None:
    cores = available_cores(version_2(tmp_path_factory.mktemp("group"), f"{limit} {period}"))
    assert 1 <= cores <= 8
    assert cores - 1 < limit / period
    assert cores == 8 or cores >= limit / period
