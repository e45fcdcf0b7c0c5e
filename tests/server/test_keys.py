# SPDX-License-Identifier: Apache-2.0
"""Who may ask: every header, both scopes, keys that come and go, web pages of others."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import TrunklineError
from trunkline.server import keyfile
from trunkline.server import keys as module
from trunkline.server.faults import ForbiddenError, UnauthorizedError
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.keys import KeyRing

if TYPE_CHECKING:
    from pathlib import Path

PREDICT, STORED_PREDICT = make_key("p", "predict")
MANAGE, STORED_MANAGE = make_key("m", "manage")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write_keys(path, (STORED_PREDICT, STORED_MANAGE))
    return path


def headers_with(key: str) -> list[dict[str, str]]:
    return [
        {"prediction-key": key},
        {"training-key": key},
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key} "},
        {"prediction-key": "wrong", "training-key": key},
    ]


@pytest.mark.parametrize("way", range(5))
def test_every_header_will_do(way: int, path: Path) -> None:
    ring = KeyRing(path)
    ring.check(headers_with(PREDICT)[way], "predict")
    ring.check(headers_with(MANAGE)[way], "predict")
    ring.check(headers_with(MANAGE)[way], "manage")
    with pytest.raises(ForbiddenError, match="manage"):
        ring.check(headers_with(PREDICT)[way], "manage")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"prediction-key": ""},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {PREDICT}"},
        {"x-key": PREDICT},
        {"prediction-key": PREDICT[:-1]},
        {"prediction-key": f"{PREDICT}x"},
        {"prediction-key": STORED_PREDICT.digest},
    ],
)
def test_no_key_and_wrong_keys_are_refused(headers: dict[str, str], path: Path) -> None:
    with pytest.raises(UnauthorizedError) as caught:
        KeyRing(path).check(headers, "predict")
    assert PREDICT[3:10] not in str(caught.value)


def test_every_key_is_compared_in_constant_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared, really = [], hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr(keyfile.hmac, "compare_digest", compare)
    KeyRing(path).check({"prediction-key": PREDICT}, "predict")
    assert len(compared) == 2  # the second is compared although the first fits


def test_without_keys_any_will_do(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "none.json")
    assert not ring.required
    ring.check({}, "manage")
    ring.check({"prediction-key": "anything"}, "predict")


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]", True),
        ("https://pages.example", True),  # it is listed
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_without_keys_a_foreign_web_page_is_refused(
    origin: str, passes: bool, tmp_path: Path
) -> None:
    ring = KeyRing(tmp_path / "none.json", origins=["https://pages.example"])
    if passes:
        ring.check({"origin": origin}, "manage")
    else:
        with pytest.raises(ForbiddenError, match="cors_origins"):
            ring.check({"origin": origin}, "predict")
    KeyRing(tmp_path / "none.json", origins=["*"]).check({"origin": origin}, "predict")


def test_with_keys_a_web_page_needs_one_as_well(path: Path) -> None:
    KeyRing(path).check({"origin": "https://x.example", "prediction-key": PREDICT}, "predict")


def test_a_change_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0)
    ring = KeyRing(path)
    write_keys(path, (STORED_MANAGE,))
    with pytest.raises(UnauthorizedError):
        ring.check({"prediction-key": PREDICT}, "predict")
    ring.check({"prediction-key": MANAGE}, "predict")


def test_the_file_is_not_read_for_every_request(path: Path) -> None:
    ring = KeyRing(path)
    write_keys(path, ())
    ring.check({"prediction-key": PREDICT}, "predict")


def test_a_server_that_needed_a_key_goes_on_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0)
    ring = KeyRing(path)
    path.unlink()
    assert ring.required
    with pytest.raises(UnauthorizedError):
        ring.check({}, "predict")


def test_a_first_key_closes_an_open_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0)
    ring = KeyRing(tmp_path / "keys.json")
    ring.check({}, "predict")
    write_keys(tmp_path / "keys.json", (STORED_PREDICT,))
    with pytest.raises(UnauthorizedError):
        ring.check({}, "predict")


def test_a_broken_file_is_refused_at_the_start_and_later_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0)
    ring = KeyRing(path)
    path.write_text("{")
    ring.check({"prediction-key": PREDICT}, "predict")
    with pytest.raises(UnauthorizedError):
        ring.check({}, "predict")
    with pytest.raises(TrunklineError, match="not a file of keys"):
        KeyRing(path)
