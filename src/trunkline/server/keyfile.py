# SPDX-License-Identifier: Apache-2.0
"""Where keys are kept: a JSON file that only its owner can read, and that holds no key.

A key is 32 bytes of the system's randomness, and what is kept is SHA-256 of a salt and the key.
A slow hash such as scrypt makes guessing passwords expensive; nobody can guess 256 random bits,
while a slow hash would let anyone keep the server busy with wrong keys.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from trunkline.errors import TrunklineError

__all__ = ["Scope", "StoredKey", "default_keys_file", "make_key", "read_keys", "write_keys"]

Scope = Literal["predict", "manage"]

_PREFIX = "tl_"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of a key.

    Attributes:
        name: What a person calls it.
        scope: What it may be used for; ``"manage"`` covers ``"predict"``.
        salt: 16 random bytes, in hexadecimal.
        digest: SHA-256 of salt and key, in hexadecimal.
        created: When it was made, in UTC, as in RFC 3339.
    """

    name: str
    scope: Scope
    salt: str
    digest: str
    created: str

    def fits(self, key: str) -> bool:
        """Return whether this is the key; it takes as long where it is not."""
        return hmac.compare_digest(_digest(self.salt, key), self.digest)


def default_keys_file() -> Path:
    """Return ``trunkline/keys.json`` in the user's folder for configuration.

    That is ``XDG_CONFIG_HOME`` where it is absolute (XDG Base Directory Specification 0.8), else
    ``~/.config``. A user without a home gets one in the working folder.
    """
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(base).is_absolute():
        return Path(base, "trunkline", "keys.json")
    try:
        return Path.home() / ".config" / "trunkline" / "keys.json"
    except RuntimeError:
        return Path("trunkline-keys.json").absolute()


def make_key(name: str, scope: Scope) -> tuple[str, StoredKey]:
    """Return a new key, to be shown once, and what to keep of it."""
    key, salt = _PREFIX + secrets.token_urlsafe(32), secrets.token_hex(16)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return key, StoredKey(name, scope, salt, _digest(salt, key), created)


def read_keys(path: Path) -> tuple[StoredKey, ...]:
    """Return the keys of a file; none where there is no file.

    Raises:
        TrunklineError: The file cannot be read, or is not a file of keys.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise TrunklineError(f"{path}: the keys cannot be read ({error}).") from error
    try:
        return tuple(map(_stored, json.loads(text)["keys"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrunklineError(
            f"{path}: this is not a file of keys; move it away and add keys with: "
            "trunkline keys add"
        ) from error


def write_keys(path: Path, keys: tuple[StoredKey, ...]) -> None:
    """Write a file of keys, readable by its owner alone, all of it or nothing.

    Raises:
        TrunklineError: The file cannot be written.
    """
    text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes files with mode 0600.
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        Path(unfinished).replace(path)
    except OSError as error:
        raise TrunklineError(f"{path}: the keys cannot be written ({error}).") from error


def _stored(entry: dict[str, Any]) -> StoredKey:
    key = StoredKey(**entry)
    if key.scope not in get_args(Scope) or not all(
        isinstance(value, str) for value in asdict(key).values()
    ):
        raise ValueError(entry)
    return key


def _digest(salt: str, key: str) -> str:
    return hashlib.sha256(f"{salt}{key}".encode("utf-8", "surrogatepass")).hexdigest()
