# SPDX-License-Identifier: Apache-2.0
"""The file of keys: no key is in it, and only its owner can read it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from trunkline.errors import TrunklineError
from trunkline.server.keyfile import default_keys_file, make_key, read_keys, write_keys


def test_a_key_is_kept_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    key, stored = make_key("mine", "predict")
    write_keys(path, (stored,))
    assert key not in path.read_text()
    assert key.removeprefix("tl_") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]
    (found,) = read_keys(path)
    assert found == stored
    assert found.fits(key)
    assert not found.fits(key[:-1])
    assert not found.fits("")
    assert not found.fits("\udc80")


def test_equal_keys_are_kept_differently() -> None:
    (one, stored), (other, again) = make_key("a", "manage"), make_key("a", "manage")
    assert one != other
    assert len(one) >= 43  # 256 bits in base 64
    assert stored.salt != again.salt


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_keys(path, ())
    write_keys(path, (make_key("a", "manage")[1],))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(read_keys(path)) == 1


def test_no_file_is_no_keys(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "none.json") == ()


_WHOLE = {"name": "a", "scope": "predict", "salt": "00", "digest": "11", "created": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": 1}',
        '{"keys": [1]}',
        json.dumps({"keys": [{"name": "a"}]}),
        json.dumps({"keys": [{**_WHOLE, "scope": "all"}]}),
        json.dumps({"keys": [{**_WHOLE, "salt": 1}]}),
        json.dumps({"keys": [{**_WHOLE, "scope": []}]}),
        "[" * 100_000,
    ],
)
def test_what_is_no_file_of_keys_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(TrunklineError, match="not a file of keys"):
        read_keys(path)


def test_what_cannot_be_read_or_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrunklineError, match="cannot be read"):
        read_keys(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(TrunklineError, match="cannot be written"):
        write_keys(tmp_path / "file" / "keys.json", ())


def test_where_keys_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert default_keys_file() == Path("/somewhere/trunkline/keys.json")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_keys_file() == Path("/home/someone/.config/trunkline/keys.json")


def test_a_user_without_a_home_has_keys_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert default_keys_file() == Path.cwd() / "trunkline-keys.json"
