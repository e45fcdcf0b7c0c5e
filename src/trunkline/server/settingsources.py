# SPDX-License-Identifier: Apache-2.0
"""Where settings come from: flags over the environment over a file over the defaults."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trunkline.errors import TrunklineError
from trunkline.server.settings import FetchSettings, ProjectSettings, Settings

__all__ = ["CONFIG_NAME", "PREFIX", "Sourced", "read_settings"]

CONFIG_NAME = "trunkline.toml"
"""The file that is read from the working folder where no other is named."""
PREFIX = "TRUNKLINE_"
"""What the names of environment variables begin with; ``__`` leads into a table."""

_TABLES: Mapping[str, type[BaseModel]] = {"fetch": FetchSettings, "projects": ProjectSettings}
_FLAGS = {"watch_seconds": "--watch", "models": "MODEL"}  # those that are not called as settings
_OTHERS = frozenset({"cameras", "watch"})  # what the same file says to ``trunkline watch``
_ALIKE = 0.75
# Kubernetes describes a service called trunkline to every pod, in variables that look like ours.
_KUBERNETES = ("tcp://", "udp://")

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sourced:
    """Settings, and where they come from.

    Attributes:
        settings: The settings.
        origins: For every value that is not a default, by its path in the tables: ``"--port"``,
            ``"TRUNKLINE_PORT"`` or the file's name.
    """

    settings: Settings
    origins: Mapping[Key, str]

    def origin(self, key: Key) -> str:
        """Return where a value comes from; ``"default"`` where nobody set it."""
        return self.origins.get(key, "default")


def read_settings(
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    config: Path | None = None,
) -> Sourced:
    """Return the settings that hold.

    Args:
        flags: By the setting's name; None for a flag that was not given.
        environment: The process's environment variables.
        config: A TOML file; None for ``trunkline.toml`` in the working folder, if it is there.

    Raises:
        TrunklineError: The file cannot be read, a name is unknown, or a value is out of range.
    """
    values: dict[Key, object] = {}
    origins: dict[Key, str] = {}
    for key, value, origin in (
        *_from_file(config),
        *_from_environment(environment),
        *_from_flags(flags),
    ):
        values[key], origins[key] = value, origin
    try:
        settings = Settings.model_validate(_nested(values))
    except ValidationError as error:
        raise TrunklineError(_sentence(error, origins)) from error
    return Sourced(settings, origins)


def _from_file(config: Path | None) -> Iterator[tuple[Key, object, str]]:
    path = config or Path(CONFIG_NAME)
    if config is None and not path.is_file():
        return
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise TrunklineError(f"{path}: the settings cannot be read ({error}).") from error
    for key, value in _flat({k: v for k, v in tables.items() if k not in _OTHERS}, ()):
        _check_known(key, ".".join(key), str(path))
        yield key, value, str(path)


def _flat(table: Mapping[str, object], above: Key) -> Iterator[tuple[Key, object]]:
    for name, value in table.items():
        key = *above, name
        # Nothing that can be set lies deeper than projects.<model>.<setting>.
        if isinstance(value, Mapping) and len(key) < 3 and key[0] in _TABLES:
            yield from _flat(value, key)
        else:
            yield key, value


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[Key, object, str]]:
    for name, value in environment.items():
        if not name.startswith(PREFIX) or value.startswith(_KUBERNETES):
            continue
        key = _environment_key(name.removeprefix(PREFIX))
        # Other parts of Trunkline, tests and Kubernetes have variables of their own; only what
        # looks like a setting with a slip in it is refused.
        if _is_known(key):
            yield key, value, name
        elif hint := _hint(key):
            raise TrunklineError(f"{name}: there is no such setting; {_named(name, hint)}?")


def _environment_key(name: str) -> Key:
    first, *deeper = name.split("__")
    if first.lower() != "projects" or len(deeper) != 2:
        return tuple(part.lower() for part in (first, *deeper))
    model, setting = deeper
    return "projects", model, setting.lower()  # a model's name keeps its case


def _named(name: str, hint: str) -> str:
    *tables, _ = name.split("__")
    return "did you mean " + (
        "__".join([*tables, hint.upper()]) if tables else PREFIX + hint.upper()
    )


def _from_flags(flags: Mapping[str, object]) -> Iterator[tuple[Key, object, str]]:
    for name, value in flags.items():
        if value is not None:
            yield (name,), value, _FLAGS.get(name, f"--{name.replace('_', '-')}")


def _table_of(key: Key) -> type[BaseModel] | None:
    """Return the table that a key's last part is looked up in; None where there is none."""
    if len(key) == 1:
        return Settings
    depth = 3 if key[0] == "projects" else 2
    return _TABLES.get(key[0]) if len(key) == depth else None


def _is_known(key: Key) -> bool:
    table = _table_of(key)
    return table is not None and key[-1] in table.model_fields


def _check_known(key: Key, name: str, origin: str) -> None:
    if not _is_known(key) and key not in {(table,) for table in _TABLES}:
        hint = _hint(key)
        more = f"; did you mean {'.'.join([*key[:-1], hint])}?" if hint else "."
        raise TrunklineError(f"{origin}: there is no setting called {name}{more}")


def _hint(key: Key) -> str | None:
    table = _table_of(key)
    if table is None:
        return None
    return next(iter(difflib.get_close_matches(key[-1], table.model_fields, 1, _ALIKE)), None)


def _nested(values: Mapping[Key, object]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for (*tables, name), value in values.items():
        table = nested
        for each in tables:
            inner = table.setdefault(each, {})
            if not isinstance(inner, dict):  # a table in one source, a value in another
                inner = table[each] = {}
            table = inner
        table[name] = value
    return nested


def _sentence(error: ValidationError, origins: Mapping[Key, str]) -> str:
    """Return what is wrong with the first value that is wrong, and where it was set."""
    found = error.errors(include_url=False)
    where = tuple(map(str, found[0]["loc"]))
    key = next((key for key in origins if where[: len(key)] == key), where)
    # A value that may be of several kinds has an error for each.
    about = [each for each in found if tuple(map(str, each["loc"]))[: len(key)] == key]
    said = " or ".join(each["msg"].removeprefix("Value error, ") for each in about)
    name, origin = ".".join(key), origins.get(key, "settings")
    return f"{origin}: {name} is {found[0]['input']!r}: {said[0].lower()}{said[1:]}."
