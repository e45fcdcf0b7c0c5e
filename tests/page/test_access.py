# SPDX-License-Identifier: Apache-2.0
"""Who may do what: keys, sessions, and pages of other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.errors import TrunklineError
from trunkline.page.access import COOKIE, Access, Guest, same_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = {"host": "here:8000"}


def allowed(headers: Mapping[str, str], scope: str) -> None:
    key = headers.get("prediction-key", "")
    if key not in ("look", "change"):
        raise TrunklineError("The key is not known here." if key else "A key is needed.")
    if scope == "manage" and key != "change":
        raise TrunklineError("The key is for predictions only.")


def open_here(headers: Mapping[str, str], scope: str) -> None:
    if headers["origin"] != "http://here:8000":
        raise TrunklineError("A web page of another origin may not call.")


def _with(token: str) -> dict[str, str]:
    return {**HERE, "cookie": f"other=1; {COOKIE}={token}"}


def test_without_a_rule_everybody_may_do_everything() -> None:
    access = Access()
    assert access.scope_of({}) == "manage"
    assert not access.signed_in({})
    assert access.sign_in("any", {})


def test_a_key_becomes_a_session_of_its_scope() -> None:
    access = Access(allowed)
    assert access.scope_of(HERE) is None
    for key, scope in (("look", "predict"), (" change ", "manage")):
        token = access.sign_in(key, HERE)
        assert key.strip() not in token
        assert access.scope_of(_with(token)) == scope
        assert access.signed_in(_with(token))
    assert access.scope_of(_with("guessed")) is None


def test_a_wrong_key_gets_the_rules_own_sentence() -> None:
    with pytest.raises(TrunklineError, match="not known here"):
        Access(allowed).sign_in("wrong", HERE)


def test_an_error_without_a_sentence_gets_one() -> None:
    def never(headers: Mapping[str, str], scope: str) -> None:
        raise PermissionError

    with pytest.raises(TrunklineError, match="The key is not known here"):
        Access(never).sign_in("any", HERE)


def test_a_session_ends_with_its_key() -> None:
    keys = {"look": "predict", "change": "manage"}

    def known(headers: Mapping[str, str], scope: str) -> None:
        if keys.get(headers.get("prediction-key", "")) not in (scope, "manage"):
            raise TrunklineError("The key is not known here.")

    access = Access(known)
    token = access.sign_in("change", HERE)
    keys["change"] = "predict"
    assert access.scope_of(_with(token)) == "predict"
    del keys["change"]
    assert access.scope_of(_with(token)) is None


def test_neither_key_nor_token_is_shown() -> None:
    access = Access(allowed)
    token = access.sign_in("change", HERE)
    kept = repr(vars(access))
    assert "change" not in kept
    assert token not in kept


def test_signing_out_ends_a_session() -> None:
    access = Access(allowed)
    token = access.sign_in("look", HERE)
    guest = Guest(access, _with(token))
    assert guest.scope == "predict"
    assert guest.signed_in
    access.sign_out(_with(token))
    assert guest.scope is None
    assert not guest.signed_in


def test_a_session_ends_when_it_is_not_used() -> None:
    now = [0.0]
    access = Access(allowed, clock=lambda: now[0])
    token = access.sign_in("look", HERE)
    for hours in (11, 22, 33):
        now[0] = hours * 3600.0
        assert access.scope_of(_with(token)) == "predict"
    now[0] = 46 * 3600.0
    assert access.scope_of(_with(token)) is None


def test_only_so_many_sessions_are_held_and_the_oldest_go() -> None:
    now = [0.0]
    access = Access(allowed, clock=lambda: now[0])
    tokens = []
    for _ in range(1003):
        now[0] += 1
        tokens.append(access.sign_in("look", HERE))
    assert access.scope_of(_with(tokens[2])) is None
    assert access.scope_of(_with(tokens[3])) == "predict"
    assert access.scope_of(_with(tokens[-1])) == "predict"


def test_without_keys_a_name_that_was_made_to_point_here_is_refused() -> None:
    access = Access(open_here)
    assert access.scope_of(HERE) == "manage"
    assert access.scope_of({"host": "evil.example:8000"}) is None
    assert access.scope_of({**HERE, "origin": "http://evil.example"}) is None
    with pytest.raises(TrunklineError, match="another origin"):
        access.sign_in("any", {"host": "evil.example"})


@pytest.mark.parametrize(
    "cookie", ["", "nonsense", f"{COOKIE}=", 'a="\\', f"{COOKIE}=\udce9", "a,b=1; \x00=2"]
)
def test_cookies_of_any_kind_do_no_harm(cookie: str) -> None:
    assert Access(allowed).scope_of({**HERE, "cookie": cookie}) is None


@pytest.mark.parametrize(
    ("origin", "same"),
    [
        ("http://here:8000", True),
        ("https://HERE:8000", True),
        ("http://here:9000", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin: str, same: bool) -> None:
    assert same_origin({**HERE, "origin": origin}, needed=False) is same


def test_an_origin_may_be_needed() -> None:
    assert same_origin(HERE, needed=False)
    assert not same_origin(HERE, needed=True)
