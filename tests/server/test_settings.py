# SPDX-License-Identifier: Apache-2.0
"""Settings as a value."""

from __future__ import annotations

import pytest

from trunkline.server.settings import ProjectSettings, Settings


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_what_nobody_set_is_safe() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert not settings.fetch.allowed
    assert settings.cors_origins == ()
    assert settings.watch_seconds is None


def test_a_model_without_a_project_has_an_empty_one() -> None:
    own = ProjectSettings(published_name="x")
    settings = Settings(projects={"cats": own})
    assert settings.project("cats") == own
    assert settings.project("dogs") == ProjectSettings()
