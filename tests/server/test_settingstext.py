# SPDX-License-Identifier: Apache-2.0
"""Settings as text: it says where they come from, and reads as the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trunkline.server.settings import Settings
from trunkline.server.settingsources import Sourced, read_settings
from trunkline.server.settingstext import settings_text

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@given(
    port=st.integers(0, 65535),
    grpc_port=st.none() | st.integers(0, 65535),
    models=st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=3),
    names=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
        max_size=2,
    ),
    watch=st.none() | st.floats(0.001, 1000),
    versions=st.sampled_from(["all", "latest", (1, 2)]),
)
@hypothesis_settings(max_examples=40, deadline=None)
def test_what_is_printed_reads_as_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    port: int,
    grpc_port: int | None,
    models: list[str],
    names: dict[str, str],
    watch: float | None,
    versions: object,
) -> None:
    path = tmp_path_factory.getbasetemp() / "printed.toml"
    settings = Settings.model_validate(
        {
            "port": port,
            "grpc_port": grpc_port,
            "models": models,
            "watch_seconds": watch,
            "versions": versions,
            "projects": {model: {"published_name": name} for model, name in names.items()},
        }
    )
    path.write_text(settings_text(Sourced(settings, {})), "utf-8", newline="")
    assert read_settings({}, {}, path).settings == settings


def test_what_is_printed_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[projects."a b"]\npublished_name = "x"')
    lines = settings_text(read_settings({}, {"TRUNKLINE_PORT": "9"}, path)).splitlines()
    assert "port = 9  # TRUNKLINE_PORT" in lines
    assert 'host = "127.0.0.1"  # default' in lines
    assert "# cores is not set" in lines
    assert '[projects."a b"]' in lines
    assert f'published_name = "x"  # {path}' in lines
