# SPDX-License-Identifier: Apache-2.0
"""The cameras in ``trunkline.toml``.

    models = ["models/"]

    [watch]
    sinks = ["jsonl:answers.jsonl"]

    [[cameras]]
    source = "rtsp://camera/stream"
    name = "door"
    models = ["person"]

    [[cameras.rules]]
    model = "helmet"
    when = "person: person > 0.6"
    seconds = 1
    smooth = "3/5"

What a camera says of rates and thresholds holds for each of its models where the model's own rule
says nothing else. Without ``models`` and ``rules``, every model watches a camera. The other
settings in the file are the server's, and none of these.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.errors import TrunklineError
from trunkline.streams.conditions import Condition
from trunkline.streams.regions import Region
from trunkline.streams.rules import EVERY_MODEL, Camera, Rule
from trunkline.streams.settings import SourceSettings
from trunkline.streams.smoothing import parse_smoothing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trunkline.streams.ends import FrameSource

__all__ = ["CameraSettings", "WatchSettings", "read_camera_file"]

_NUMBER = int, float
_RULE_KEYS: Mapping[str, tuple[type, ...]] = {
    "every": (int,),
    "seconds": _NUMBER,
    "when": (str,),
    "region": (list,),
    "threshold": _NUMBER,
    "smooth": (str,),
    "priority": (int,),
    "deadline": _NUMBER,
}
_READING_KEYS: Mapping[str, tuple[type, ...]] = {
    "follow": (bool,),
    "patience": _NUMBER,
    "transport": (str,),
    "options": (dict,),
}
_CAMERA_KEYS: Mapping[str, tuple[type, ...]] = {
    "source": (str, int),
    "name": (str,),
    "every": (int,),
    "fps": _NUMBER,
    "still": _NUMBER,
    "models": (list,),
    "rules": (list,),
    **_READING_KEYS,
    **{key: kinds for key, kinds in _RULE_KEYS.items() if key != "every"},
}
_WORDS = {int: "a number", float: "a number", str: "a text", list: "a list", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """A camera that is not open yet.

    Attributes:
        source: As ``open_source`` takes it.
        name: What to call it; None to call it after its source.
        every: Take every n-th frame.
        fps: Take at most so many frames per second; None for all.
        still: As a ``Camera``'s.
        rules: As a ``Camera``'s.
        reading: How the source is read.
    """

    source: str
    name: str | None = None
    every: int = 1
    fps: float | None = None
    still: float | None = None
    rules: tuple[Rule, ...] = (Rule(EVERY_MODEL),)
    reading: SourceSettings | None = None

    def open(self, name: str | None = None) -> Camera:
        """Return the camera; its source is opened when it is started.

        Args:
            name: What to call it, where it has no name of its own.

        Raises:
            TrunklineError: The source cannot be meant, or two rules do not go together.
        """
        from trunkline.streams.sources import open_source

        source: FrameSource = open_source(
            self.source,
            name=self.name or name,
            every=self.every,
            fps=self.fps,
            settings=self.reading,
        )
        try:
            return Camera(source, self.rules, self.still)
        except ValueError as error:
            raise TrunklineError(f"{source.name}: {error}.") from error


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What ``trunkline.toml`` says to ``trunkline watch``.

    Attributes:
        models: Exports to load, ``PATH`` or ``NAME=PATH``.
        sinks: As ``open_sink`` takes them.
        cameras: The cameras.
    """

    models: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    cameras: tuple[CameraSettings, ...] = ()


def read_camera_file(path: Path) -> WatchSettings:
    """Read the cameras, sinks and models in a file.

    Raises:
        TrunklineError: It cannot be read, or says something that cannot be meant.
    """
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise TrunklineError(f"{path}: the settings cannot be read ({error}).") from error
    where = str(path)
    watching = _table(tables.get("watch", {}), f"{where}: watch", {"sinks": (list,)})
    cameras = _tables(tables.get("cameras", []), f"{where}: cameras")
    return WatchSettings(
        _texts(tables.get("models", []), f"{where}: models"),
        _texts(watching.get("sinks", []), f"{where}: watch.sinks"),
        tuple(_camera(each, f"{where}: camera {i}") for i, each in enumerate(cameras, 1)),
    )


def _camera(found: object, where: str) -> CameraSettings:
    table = _table(found, where, _CAMERA_KEYS)
    if "source" not in table:
        raise TrunklineError(f"{where}: it has no source; add one, such as source = 0.")
    rules = tuple(_rules(table, where))
    try:
        return CameraSettings(
            source=str(table["source"]),
            name=table.get("name"),
            every=table.get("every", 1),
            fps=table.get("fps"),
            still=table.get("still"),
            rules=rules,
            reading=SourceSettings(**{k: table[k] for k in _READING_KEYS if k in table}),
        )
    except TrunklineError as error:
        raise TrunklineError(f"{where}: {error}") from error


def _rules(camera: Mapping[str, Any], where: str) -> list[Rule]:
    shared = {k: v for k, v in camera.items() if k in _RULE_KEYS and k != "every"}
    keys = {"model": (str,), **_RULE_KEYS}
    own: dict[str, Mapping[str, Any]] = {
        name: {} for name in _texts(camera.get("models", []), f"{where}: models")
    }
    for i, each in enumerate(_tables(camera.get("rules", []), f"{where}: rules"), 1):
        table = _table(each, f"{where}, rule {i}", keys)
        if "model" not in table:
            raise TrunklineError(f"{where}, rule {i}: it names no model.")
        own[table["model"]] = {k: v for k, v in table.items() if k != "model"}
    own = own or {EVERY_MODEL: {}}
    return [_rule(name, {**shared, **more}, where) for name, more in own.items()]


def _rule(model: str, values: Mapping[str, Any], where: str) -> Rule:
    readers: dict[str, Callable[[Any], Any]] = {
        "when": Condition.parse,
        "region": Region.of,
        "smooth": parse_smoothing,
    }
    names = {"smooth": "smoothing"}
    try:
        return Rule(
            model,
            **{names.get(k, k): readers[k](v) if k in readers else v for k, v in values.items()},
        )
    except (TypeError, ValueError) as error:
        raise TrunklineError(f"{where}, model {model}: {error}.") from error


def _table(found: object, where: str, keys: Mapping[str, tuple[type, ...]]) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise TrunklineError(f"{where}: it must be a table.")
    for key, value in found.items():
        if key not in keys:
            known = ", ".join(keys)
            raise TrunklineError(f"{where}: there is no setting called {key}; there are {known}.")
        # True is an int to Python, and no number to a person.
        if not isinstance(value, keys[key]) or (isinstance(value, bool) and bool not in keys[key]):
            kind = _WORDS.get(keys[key][0], "a table")
            raise TrunklineError(f"{where}: {key} is {value!r}; it must be {kind}.")
    return found


def _tables(found: object, where: str) -> list[object]:
    if not isinstance(found, list):
        raise TrunklineError(f"{where}: it must be a list of tables.")
    return found


def _texts(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise TrunklineError(f"{where}: it must be a list of texts.")
    return tuple(found)
