# SPDX-License-Identifier: Apache-2.0
"""Who may see the page and who may change models: keys once, then a cookie that stands for one."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Literal

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Allowed = Callable[[Mapping[str, str], str], None]

__all__ = ["COOKIE", "Access", "Guest", "Scope", "same_origin"]

Scope = Literal["predict", "manage"]

COOKIE = "trunkline-live"
_IDLE_SECONDS = 12 * 3600.0
_MOST_SESSIONS = 1000


@dataclass(slots=True)
class _Session:
    sent: Mapping[str, str] = field(repr=False)  # the key among it
    used: float


class Access:
    """What visitors may do.

    A key is sent once, and a random token stands for it from then on, of which only the digest is
    kept. The key stays in memory and is asked about again with every request, so that a session
    ends when its key is revoked; it also ends after twelve hours without use.

    Args:
        allowed: Raises an error, which is a sentence, when headers (by lower-case names) do not
            permit a scope; None permits everything to everybody.
        clock: Seconds, from any start.
    """

    def __init__(
        self, allowed: Allowed | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed = allowed
        self._clock = clock
        self._sessions: dict[bytes, _Session] = {}

    def scope_of(self, headers: Mapping[str, str], scheme: str = "http") -> Scope | None:
        """Return what a request may do; None where its sender must sign in.

        Args:
            headers: The request's, by lower-case names.
            scheme: ``"http"`` or ``"https"``, as the request came.
        """
        if self._allowed is None:
            return "manage"
        session = self._session(_token_in(headers))
        if session is not None:
            session.used = self._clock()
            return self._open_to(session.sent)
        return self._open_to({"origin": _origin_of(headers, scheme)})

    def sign_in(self, key: str, headers: Mapping[str, str], scheme: str = "http") -> str:
        """Return a token for a key; it goes into the cookie.

        Raises:
            TrunklineError: The key does not permit even predictions; the message says why.
        """
        sent = {"prediction-key": key.strip(), "origin": _origin_of(headers, scheme)}
        if self._open_to(sent) is None:
            raise TrunklineError(self._why_not(sent))
        self._forget_old()
        token = secrets.token_urlsafe(32)
        self._sessions[_digest(token)] = _Session(sent, self._clock())
        return token

    def sign_out(self, headers: Mapping[str, str]) -> None:
        """Forget a visitor's session."""
        self._sessions.pop(_digest(_token_in(headers)), None)

    def signed_in(self, headers: Mapping[str, str]) -> bool:
        """Return whether a visitor has signed in, and so can sign out."""
        return self._session(_token_in(headers)) is not None

    def _session(self, token: str) -> _Session | None:
        session = self._sessions.get(_digest(token)) if token else None
        if session is not None and self._clock() - session.used > _IDLE_SECONDS:
            return None
        return session

    def _forget_old(self) -> None:
        end = self._clock() - _IDLE_SECONDS
        by_age = sorted(self._sessions.items(), key=lambda each: each[1].used)
        kept = [(digest, each) for digest, each in by_age if each.used >= end]
        self._sessions = dict(kept[-(_MOST_SESSIONS - 1) :])

    def _open_to(self, headers: Mapping[str, str]) -> Scope | None:
        scopes: tuple[Scope, ...] = ("manage", "predict")
        return next((scope for scope in scopes if not self._refusal(headers, scope)), None)

    def _why_not(self, headers: Mapping[str, str]) -> str:
        return self._refusal(headers, "predict")

    def _refusal(self, headers: Mapping[str, str], scope: Scope) -> str:
        if self._allowed is None:
            return ""
        try:
            self._allowed(headers, scope)
        except Exception as error:
            return str(error) or "The key is not known here."
        return ""


@dataclass(frozen=True, slots=True)
class Guest:
    """One visitor, asked again whenever something is to be changed.

    Attributes:
        access: What visitors may do.
        headers: Those of the visitor's first request.
        scheme: As that request came.
    """

    access: Access
    headers: Mapping[str, str]
    scheme: str = "http"

    @property
    def scope(self) -> Scope | None:
        """What the visitor may do now; None after signing out."""
        return self.access.scope_of(self.headers, self.scheme)

    @property
    def signed_in(self) -> bool:
        """Whether there is something to sign out of."""
        return self.access.signed_in(self.headers)


def same_origin(headers: Mapping[str, str], *, needed: bool) -> bool:
    """Return whether a request comes from a page of this very server.

    Browsers send the origin with whatever changes something and with each websocket.

    Args:
        headers: The request's, by lower-case names.
        needed: Whether a request that does not say its origin is refused.
    """
    origin = headers.get("origin")
    if origin is None:
        return not needed
    _, _, host = origin.lower().partition("://")
    return bool(host) and host == headers.get("host", "").lower()


def _origin_of(headers: Mapping[str, str], scheme: str) -> str:
    """Return a request's origin; the host that a browser was told stands in where it says none.

    That host is the attacker's where his name was made to point at this machine (DNS rebinding).
    """
    return headers.get("origin") or f"{scheme}://{headers.get('host', '')}"


def _token_in(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
