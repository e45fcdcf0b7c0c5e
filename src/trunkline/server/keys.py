# SPDX-License-Identifier: Apache-2.0
"""Who may ask: keys in headers, and what stands in for them where there are none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trunkline.errors import TrunklineError
from trunkline.page.loopback import is_loopback
from trunkline.server.faults import ForbiddenError, UnauthorizedError
from trunkline.server.keyfile import StoredKey, default_keys_file, read_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from trunkline.server.keyfile import Scope

__all__ = ["KeyRing"]

_LOOK_AGAIN_SECONDS = 1.0


class KeyRing:
    """The keys of a file, followed as it changes.

    Where there has been a key since the start, one is needed for good, even if the file goes.
    Without one, whatever key a client sends will do; but a web page of a foreign origin, which a
    browser on this machine may show, is refused.

    Args:
        path: The file; None for the default one.
        origins: Origins of web pages that may call without a key; ``"*"`` for all.

    Raises:
        TrunklineError: The file cannot be read.
    """

    def __init__(self, path: Path | None = None, *, origins: Collection[str] = ()) -> None:
        self._path = path or default_keys_file()
        self._origins = frozenset(origins)
        self._keys: tuple[StoredKey, ...] = ()
        self._required = False
        self._looked = 0.0
        self._stamp: object = None
        self._read()

    @property
    def path(self) -> Path:
        """Where the keys are kept."""
        return self._path

    @property
    def required(self) -> bool:
        """Whether a key is needed."""
        self._follow()
        return self._required

    def check(self, headers: Mapping[str, str], scope: Scope) -> None:
        """Let a request pass, or not.

        Args:
            headers: The request's, or a gRPC call's metadata; looked up by lower-case names.
            scope: What it asks for; a key for ``"manage"`` will do for ``"predict"``.

        Raises:
            UnauthorizedError: There is no key, or a wrong one.
            ForbiddenError: The key is good, but not for this; or a foreign web page asks.
        """
        if not self.required:
            self._check_origin(headers.get("origin"))
            return
        sent = list(_keys_in(headers))
        if not sent:
            raise UnauthorizedError(
                "A key is needed: send it as Prediction-Key, as Training-Key or as "
                "Authorization: Bearer."
            )
        # All are compared, so that the time taken tells nothing about which one fits.
        scopes = {stored.scope for stored in self._keys for key in sent if stored.fits(key)}
        if not scopes:
            raise UnauthorizedError("The key is not known here.")
        if scope == "manage" and "manage" not in scopes:
            raise ForbiddenError("The key is for predictions only; this needs one for manage.")

    def _check_origin(self, origin: str | None) -> None:
        if origin is None or "*" in self._origins or origin in self._origins:
            return
        if not is_loopback(_host_of(origin)):
            raise ForbiddenError(
                "A web page of another origin may not call a server without keys; add its origin "
                "to cors_origins."
            )

    def _follow(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN_SECONDS:
            return
        try:
            self._read()
        except TrunklineError:
            self._looked = now  # half written, perhaps: those known go on to hold

    def _read(self) -> None:
        self._looked = time.monotonic()
        stamp = _stamp(self._path)
        if stamp != self._stamp or stamp is None:
            self._keys = read_keys(self._path)
            self._stamp = stamp
        self._required = self._required or bool(self._keys)


def _keys_in(headers: Mapping[str, str]) -> Iterator[str]:
    for name in ("prediction-key", "training-key"):
        if key := headers.get(name, "").strip():
            yield key
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        yield key.strip()


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _stamp(path: Path) -> object:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
