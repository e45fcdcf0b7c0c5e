# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from trunkline.cli.faults import PoliteGroup
from trunkline.cli.serve import serve_command
from trunkline.engine import heap
from trunkline.server import serving
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that a server was started with; it ends at once, with status 0."""
    found: list[Settings] = []

    def serve(settings: Settings, say: Callable[[str], None], _cameras: object) -> int:
        found.append(settings)
        say("It is ready.")
        return 2 if settings.models == ("broken",) else 0

    monkeypatch.setattr(serving, "serve", serve)
    return found


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note that memory shall be kept, and leave that of the tests' process alone."""
    asked: list[bool] = []
    monkeypatch.setattr(heap, "keep_large_blocks", lambda: asked.append(True))
    return asked


def test_the_memory_of_pictures_is_kept(served: list[Settings], kept: list[bool]) -> None:
    assert run("--print-config").exit_code == 0
    assert kept == []
    assert run("somewhere").exit_code == 0
    assert kept == [True]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def run(*arguments: str, **environment: str) -> Result:
    group = PoliteGroup()
    group.add_command(serve_command)
    return CliRunner(env=environment).invoke(group, ["serve", *arguments])


def test_flags_become_settings(served: list[Settings]) -> None:
    done = run(
        "--host", "::1", "--port", "1", "--grpc-port", "off", "--watch", "0.5",
        "--cores", "3", "--keys-file", "keys", "--log-format", "json", "a", "b=c",
    )  # fmt: skip
    assert done.exit_code == 0
    assert done.stdout == "It is ready.\n"
    (settings,) = served
    assert (settings.host, settings.port, settings.grpc_port) == ("::1", 1, None)
    assert (settings.watch_seconds, settings.cores) == (0.5, 3)
    assert (str(settings.keys_file), settings.log_format) == ("keys", "json")
    assert settings.models == ("a", "b=c")


def test_what_is_not_given_is_left_to_other_sources(served: list[Settings], tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('models = ["m"]\nport = 5\n')
    config = str(tmp_path / "other.toml")
    assert run("--config", config, TRUNKLINE_PORT="6").exit_code == 0
    assert served == [Settings(models=("m",), port=6)]


def test_the_servers_status_is_the_commands(served: list[Settings], tmp_path: Path) -> None:
    assert run("broken").exit_code == 2


def test_all_settings_are_printed_and_nothing_served(
    served: list[Settings], tmp_path: Path
) -> None:
    done = run("--print-config", "--port", "7", "models", TRUNKLINE_WAITING="9")
    assert done.exit_code == 0
    assert not served
    assert "port = 7  # --port" in done.stdout
    assert "waiting = 9  # TRUNKLINE_WAITING" in done.stdout
    assert 'models = ["models"]  # MODEL' in done.stdout
    (tmp_path / "trunkline.toml").write_text(done.stdout)
    again = run("--print-config", "--config", str(tmp_path / "trunkline.toml"))
    assert tomllib.loads(again.stdout) == tomllib.loads(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--watch", "x"), "--watch: watch_seconds is 'x'"),
        (("--grpc-port", "99999"), "--grpc-port: grpc_port is '99999'"),
        (("--port", "-1"), "--port: port is -1"),
        (("--config", "none.toml"), "none.toml"),
    ],
)
def test_wrong_values_are_named(
    arguments: tuple[str, ...], said: str, served: list[Settings], tmp_path: Path
) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not served
