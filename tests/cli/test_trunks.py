# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from trunkline import trunks
from trunkline.cli.trunks import trunks_command
from trunkline.trunks import TrunkInfo

LITE0 = TrunkInfo("lite0", "Lite 0", "lite0-model", "Apache-2.0", True, 1280, 224, "train")
ABSENT = TrunkInfo("mobile", "Mobile", "deep-sort", "MIT", False, 640, 96, "mobilenet")
THEIRS = replace(ABSENT, name="theirs", package="their-trunks", extra=None)
BROKEN = TrunkInfo("broken", "broken", "bad", "", True, 0, 0, problem="It is broken: bad failed.")


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch):
    def lists(*infos: TrunkInfo, arguments: tuple[str, ...] = ()) -> Result:
        monkeypatch.setattr(trunks, "available", lambda: infos)
        return CliRunner().invoke(trunks_command, arguments)

    return lists


def test_each_trunk_has_a_row(listed) -> None:
    result = listed(LITE0, ABSENT, THEIRS)
    assert result.exit_code == 0
    heading, *rows = (line.split() for line in result.stdout.splitlines())
    assert heading == ["trunk", "network", "package", "licence", "features", "picture"]
    assert [row[:-4] for row in rows] == [
        ["lite0", "Lite", "0", "lite0-model", "Apache-2.0", "installed"],
        ["mobile", "Mobile", "deep-sort", "MIT", "pip", "install", "'trunkline[mobilenet]'"],
        ["theirs", "Mobile", "their-trunks", "MIT", "pip", "install", "their-trunks"],
    ]
    assert [row[-4:] for row in rows] == [
        ["1280", "224", "x", "224"],
        *[["640", "96", "x", "96"]] * 2,
    ]


def test_json_holds_all_of_it(listed) -> None:
    result = listed(LITE0, BROKEN, arguments=("--json",))
    assert result.exit_code == 2
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == {
        "name": "lite0",
        "title": "Lite 0",
        "package": "lite0-model",
        "licence": "Apache-2.0",
        "installed": True,
        "features": 1280,
        "size": 224,
        "extra": "train",
        "problem": "",
    }
    assert (second["name"], second["problem"]) == ("broken", "It is broken: bad failed.")


def test_a_broken_one_is_told_and_the_others_are_shown(listed) -> None:
    result = listed(LITE0, BROKEN)
    assert result.exit_code == 2
    assert "broken: It is broken: bad failed." in result.stderr
    assert "broken" not in result.stdout
    assert "lite0" in result.stdout


def test_names_cannot_break_the_table(listed) -> None:
    odd = replace(LITE0, title="two\nlines \x1b[31m", licence="[red]MIT")
    (_, row) = listed(odd).stdout.splitlines()
    assert r"two lines \x1b[31m" in row
    assert "[red]MIT" in row


def test_our_own_are_listed_default_first() -> None:
    result = CliRunner().invoke(trunks_command, ["--json"])
    names = [json.loads(line)["name"] for line in result.stdout.splitlines()]
    assert names[:2] == ["efficientnet-lite0", "mobilenet-v2"]
