# SPDX-License-Identifier: Apache-2.0
"""Settings: which source wins, and what is refused."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import TrunklineError
from trunkline.server.settings import FetchSettings, ProjectSettings, Settings
from trunkline.server.settingsources import Sourced, read_settings

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, toml: str = "", flags: object = None, **environment: str) -> Sourced:
    path = folder / "settings.toml"
    path.write_text(toml, "utf-8")
    return read_settings(flags or {}, environment, path)  # type: ignore[arg-type]


def test_flags_win_over_the_environment_over_the_file_over_defaults(tmp_path: Path) -> None:
    toml = 'host = "a"\nport = 1\nwaiting = 2\n'
    found = read(
        tmp_path, toml, {"host": "c", "port": None}, TRUNKLINE_HOST="b", TRUNKLINE_PORT="3"
    )
    settings = found.settings
    assert (settings.host, settings.port, settings.waiting) == ("c", 3, 2)
    assert settings.deadline == Settings().deadline
    assert found.origin(("host",)) == "--host"
    assert found.origin(("port",)) == "TRUNKLINE_PORT"
    assert found.origin(("waiting",)) == str(tmp_path / "settings.toml")
    assert found.origin(("deadline",)) == "default"


def test_tables_are_joined_value_by_value(tmp_path: Path) -> None:
    toml = '[fetch]\nallowed = true\nhosts = ["a"]\n[projects.Cats]\npublished_name = "c"\n'
    settings = read(
        tmp_path,
        toml,
        TRUNKLINE_FETCH__HOSTS="b, c",
        TRUNKLINE_PROJECTS__Cats__PROJECT_ID=str(uuid.UUID(int=7)),
        TRUNKLINE_PROJECTS__dogs__PUBLISHED_NAME="d",
    ).settings
    assert settings.fetch.allowed
    assert settings.fetch.hosts == ("b", "c")
    assert settings.project("Cats") == ProjectSettings(
        project_id=uuid.UUID(int=7), published_name="c"
    )
    assert settings.project("dogs").published_name == "d"
    assert settings.project("other") == ProjectSettings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a,b", ("a", "b")), ('["a,b", "c"]', ("a,b", "c")), ("", ()), ("a", ("a",))],
)
def test_the_environment_gives_lists(text: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    assert read(tmp_path, TRUNKLINE_MODELS=text).settings.models == expected


@pytest.mark.parametrize("off", ["off", "OFF", "false"])
def test_what_can_be_off_can_be_off_from_everywhere(off: str, tmp_path: Path) -> None:
    assert read(tmp_path, TRUNKLINE_GRPC_PORT=off).settings.grpc_port is None
    assert read(tmp_path, 'grpc_port = "off"').settings.grpc_port is None
    assert read(tmp_path, "grpc_port = false").settings.grpc_port is None
    assert read(tmp_path, flags={"watch_seconds": off}).settings.watch_seconds is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("latest", "latest"), ("all", "all"), ("1,3", (1, 3)), ("[2]", (2,)), ("4", (4,))],
)
def test_versions(text: str, expected: object, tmp_path: Path) -> None:
    assert read(tmp_path, TRUNKLINE_VERSIONS=text).settings.versions == expected


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("prot = 1", "no setting called prot; did you mean port?"),
        ("nothing_like_it = 1", "no setting called nothing_like_it."),
        ("[fetch]\nhost = 1", "no setting called fetch.host; did you mean fetch.hosts?"),
        ("[projects.cats]\nname = 1", "no setting called projects.cats.name."),
        ("[projects]\ncats = 1", "projects.cats"),
        ("fetch = 1", "fetch is 1"),
        ("[host]\na = 1", "host is"),
        ('port = "x"', "port is 'x'"),
        ("port = 65536", "port is 65536"),
        ("deadline = nan", "deadline is nan"),
        ("deadline = 0", "deadline is 0"),
        ('versions = "first"', "versions is 'first'"),
        ("versions = [0]", "versions is [0]"),
        ("versions = [0]", "greater than 0"),
        ('log_format = "xml"', "log_format is 'xml'"),
        ('[projects.a]\nproject_id = "7"', "projects.a.project_id is '7'"),
        ("port = ", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(toml: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrunklineError) as caught:
        read(tmp_path, toml)
    assert said in str(caught.value)
    assert str(tmp_path / "settings.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TRUNKLINE_PROT", "1", "did you mean TRUNKLINE_PORT?"),
        ("TRUNKLINE_FETCH__HOST", "a", "did you mean TRUNKLINE_FETCH__HOSTS?"),
        ("TRUNKLINE_PORT", "x", "TRUNKLINE_PORT: port is 'x'"),
        ("TRUNKLINE_MODELS", "[", "TRUNKLINE_MODELS: models is '['"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    name: str, value: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(TrunklineError) as caught:
        read(tmp_path, **{name: value})
    assert said in str(caught.value)


def test_a_table_replaces_a_value_of_its_name_that_stands_below(tmp_path: Path) -> None:
    settings = read(tmp_path, "fetch = 1", TRUNKLINE_FETCH__ALLOWED="yes").settings
    assert settings.fetch == FetchSettings(allowed=True)


def test_variables_of_others_are_passed_over(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        TRUNKLINE_CACHE="/tmp/x",
        TRUNKLINE_DEBUG="1",
        TRUNKLINE_CHANGE_SECONDS="60",
        TRUNKLINE_PORT="tcp://10.0.0.1:8000",  # what Kubernetes says about a service
        TRUNKLINE_SERVICE_PORT="8000",
        TRUNKLINE_FETCH__A__B="c",
        HOST="elsewhere",
    )
    assert found.settings == Settings()


def test_the_working_folders_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings({}, {}).settings == Settings()
    (tmp_path / "trunkline.toml").write_text("port = 7")
    assert read_settings({}, {}).settings.port == 7


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(TrunklineError, match=r"none\.toml"):
        read_settings({}, {}, tmp_path / "none.toml")


def test_what_the_file_says_to_watch_is_passed_over(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text('port = 8123\n[watch]\nsinks = ["jsonl"]\n[[cameras]]\nsource = 0\n')
    sourced = read_settings({}, {}, config)
    assert sourced.settings.port == 8123
    assert list(sourced.origins) == [("port",)]
