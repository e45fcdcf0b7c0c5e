# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from trunkline.cli.faults import PoliteGroup
from trunkline.cli.keys import keys_group
from trunkline.server.faults import ForbiddenError, UnauthorizedError
from trunkline.server.keys import KeyRing

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str, **environment: str) -> Result:
    group = PoliteGroup()
    group.add_command(keys_group)
    return CliRunner(env=environment).invoke(group, ["keys", *arguments])


def added(path: Path, scope: str, *more: str) -> str:
    done = run("add", "--scope", scope, "--keys-file", str(path), *more)
    assert done.exit_code == 0
    return done.stdout.strip()


def test_a_key_is_printed_once_and_opens_its_scope(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = added(path, "predict")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in path.read_text()
    ring = KeyRing(path)
    ring.check({"prediction-key": key}, "predict")
    with pytest.raises(ForbiddenError):
        ring.check({"prediction-key": key}, "manage")
    assert added(path, "manage") != key


def test_keys_are_listed_without_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = added(path, "predict"), added(path, "predict"), added(path, "manage", "--name", "My key")
    done = run("list", "--keys-file", str(path))
    heading, *rows = done.stdout.splitlines()
    assert heading.split() == ["key", "scope", "made"]
    assert [row.split("20")[0].split("  ")[0] for row in rows] == [
        "predict-1", "predict-2", "My key",
    ]  # fmt: skip
    assert not any(key in done.stdout for key in keys)


def test_no_keys_are_said_to_be_none(tmp_path: Path) -> None:
    done = run("list", "--keys-file", str(tmp_path / "keys.json"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "has no keys" in done.stderr


def test_a_removed_key_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    gone, kept = added(path, "predict"), added(path, "predict", "--name", "kept")
    assert run("remove", "predict-1", "--keys-file", str(path)).exit_code == 0
    ring = KeyRing(path)
    ring.check({"prediction-key": kept}, "predict")
    with pytest.raises(UnauthorizedError):
        ring.check({"prediction-key": gone}, "predict")


def test_an_unknown_name_and_a_taken_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    added(path, "predict", "--name", "mine")
    done = run("remove", "yours", "--keys-file", str(path))
    assert done.exit_code == 2
    assert "There are: mine." in done.stderr
    done = run("add", "--scope", "manage", "--name", "mine", "--keys-file", str(path))
    assert done.exit_code == 2
    assert "choose another name" in done.stderr
    assert not done.stdout


def test_keys_are_where_the_server_looks(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    assert run("add", "--scope", "predict", **home).exit_code == 0
    assert (tmp_path / ".config" / "trunkline" / "keys.json").is_file()
    elsewhere = {**home, "TRUNKLINE_KEYS_FILE": str(tmp_path / "own.json")}
    assert run("add", "--scope", "predict", **elsewhere).exit_code == 0
    assert (tmp_path / "own.json").is_file()
    (tmp_path / "own.toml").write_text(f'keys_file = "{tmp_path}/third.json"')
    config = "--config", str(tmp_path / "own.toml")
    assert run("add", "--scope", "predict", *config, **home).exit_code == 0
    assert (tmp_path / "third.json").is_file()
