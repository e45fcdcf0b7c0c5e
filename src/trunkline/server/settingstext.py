# SPDX-License-Identifier: Apache-2.0
"""Settings as a TOML file that says where each value comes from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.server.settingsources import Sourced

__all__ = ["settings_text"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CAN_BE_OFF = {"grpc_port", "watch_seconds"}


def settings_text(sourced: Sourced) -> str:
    """Return settings as TOML; what reads it finds the same settings.

    A value that is not set and that TOML has no word for is shown as a comment.
    """
    return "\n".join(_table(sourced.settings.to_plain(), (), sourced)).lstrip("\n") + "\n"


def _table(values: Mapping[str, object], above: tuple[str, ...], sourced: Sourced) -> Iterator[str]:
    deeper = []
    for name, value in values.items():
        key = *above, name
        if isinstance(value, dict):
            deeper.append((key, value))
            continue
        off = value is None and name in _CAN_BE_OFF
        shown = '"off"' if off else _value(value)
        line = f"{name} = {shown}  # {sourced.origin(key)}"
        yield line if value is not None or off else f"# {name} is not set"
    for key, inner in deeper:
        if any(not isinstance(value, dict) for value in inner.values()):
            yield f"\n[{'.'.join(map(_key, key))}]"
        yield from _table(inner, key, sourced)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    """Return a value as TOML has it, which takes what JSON writes, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
