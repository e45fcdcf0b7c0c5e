# SPDX-License-Identifier: Apache-2.0
"""The model repository: files on one side, a model set on the other, and what keeps them alike.

What is broken is reported and keeps nothing else from answering; where it was to replace a model,
that model goes on. Files are read only once they have stopped changing.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from trunkline.server.faults import BadRequestError, NotFoundError
from trunkline.server.held import Changes, Held, Listed
from trunkline.server.layout import Root, look, root_of
from trunkline.server.loadingunits import Loader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from trunkline.engine.modelset import ModelSet
    from trunkline.server.layout import Stamp, Unit
    from trunkline.server.settings import Settings

__all__ = ["Repository"]

_log = logging.getLogger("trunkline.server.repository")

_LONGEST_SETTLE = 2.0


class Repository:
    """Keeps a model set in step with the files that its models come from.

    It is safe to use from several threads; a change waits for the one before it.

    Args:
        models: What answers. What was in it before is left alone.
        roots: ``PATH`` or ``NAME=PATH`` each: exports, or folders of exports.
        settings: Which versions to serve, and how often to look.

    Attributes:
        models: What answers.
        stored: The folder that uploads are kept in; None where they lie in memory alone.
        changing: Held while anything changes.
    """

    def __init__(self, models: ModelSet, roots: Iterable[str], settings: Settings) -> None:
        self.models = models
        self.stored = settings.upload_folder
        self.changing = threading.RLock()
        self._roots = [root_of(each) for each in roots]
        if self.stored:
            # First: it may be one of the others too, and there files are called by their names.
            self._roots.insert(0, Root(self.stored, stored=True))
        self._policy = settings.versions
        self._seconds = settings.watch_seconds
        self._loader = Loader(models)
        self._held: dict[str, Held] = {}
        self._settling: dict[str, tuple[Stamp | None, float]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def scan(self, *, at_once: bool = True) -> Changes:
        """Look at the files, and load, replace and remove what has changed.

        Args:
            at_once: Whether to take files as they are; else only those that were the same a
                while ago, for another program may still be writing them.
        """
        with self.changing:
            found = self._look()
            due = [key for key in self._changed(found) if at_once or self._settled(key, found)]
            before = dict(self.models)
            self._apply(due, found)
            changes = self._changes(before, due)
        if changes:
            _tell(changes)
        return changes

    def index(self) -> tuple[Listed, ...]:
        """Return every model there is, those that do not answer too, by name."""
        listed = [each for held in list(self._held.values()) for each in held.listed()]
        known = {each.name for each in listed if each.state == "READY"}
        # Of files that an upload has taken the place of, nothing needs saying.
        listed = [each for each in listed if each.state == "READY" or each.name not in known]
        others = [
            Listed(name, "1", "READY", "", model.source)
            for name, model in self.models.items()
            if name not in known
        ]
        return tuple(sorted((*listed, *others), key=lambda each: (each.name, each.state)))

    def versions(self, name: str) -> Mapping[str, str]:
        """Return, by version, what the versions of a model are called in the model set.

        Args:
            name: What its latest version is called.

        Raises:
            NotFoundError: There is no such model.
        """
        held = self.owner(name)
        if name not in self.models:
            raise _unknown(name, self.models)
        if held is None or held.unit is None or name != held.unit.name or not held.unit.versions:
            return {held.version(name) if held else "1": name}
        return {held.version(each): each for each in held.unit.versions if each in held.names}

    def load(self, name: str) -> None:
        """Load a model from its files, again if it is loaded.

        Raises:
            NotFoundError: There are no files for it.
            BadRequestError: They cannot be read or run; if it was loaded, it stays as it was.
        """
        with self.changing:
            found = self._look()
            held = self._of_file(name)
            unit = next((u for u in found.values() if u.name == name), None)
            if held is not None and held.unit is not None:
                unit = found.get(held.unit.key)
            if unit is None:
                raise _unknown(name, (each.name for each in self.index()))
            held = held or Held(unit)
            held.off -= {name}
            self._held[unit.key] = held
            self._loader.update(held, unit)
            if held.problem:
                raise BadRequestError(held.problem)

    def unload(self, name: str) -> None:
        """Unload a model; it stays so until it is loaded or its files change.

        Raises:
            NotFoundError: None of this name is loaded.
        """
        with self.changing:
            if name not in self.models:
                raise _unknown(name, self.models)
            held = self.owner(name)
            self.models.remove(name)
            if held is not None:
                held.names -= {name}
                held.off |= {name} if held.unit else set()
                self._held = {key: each for key, each in self._held.items() if _matters(each)}

    def owner(self, name: str) -> Held | None:
        """Return what a model that answers came from; None where that is not known."""
        return next((each for each in list(self._held.values()) if name in each.names), None)

    def hand_over(self, name: str, held: Held, key: str) -> None:
        """Note that a model comes from elsewhere from now on; call it with ``changing`` held."""
        previous = self.owner(name)
        if previous is not None:
            previous.names -= {name}
            previous.off |= {name}
        self._held[key] = held
        self._held = {each_key: each for each_key, each in self._held.items() if _matters(each)}

    def forget(self, key: str) -> None:
        """Forget a unit whose files have been removed; call it with ``changing`` held."""
        self._held.pop(key, None)

    def start(self) -> None:
        """Begin to follow the files, if the settings say how often to look."""
        if self._seconds is not None and self._thread is None:
            self._thread = threading.Thread(
                target=self._follow, args=(self._seconds,), name="trunkline-watch", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop to follow the files; a change that has begun is finished first."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._stop.clear()

    def _follow(self, seconds: float) -> None:
        # Looking again and again works where the system tells of no changes: network drives, the
        # folders of containers. It costs microseconds per file.
        while not self._stop.wait(seconds):
            try:
                self.scan(at_once=False)
            except Exception:  # a fault here must not end the watch
                _log.exception("Looking at the models' files failed.")

    def _look(self) -> dict[str, Unit]:
        found: dict[Path, Unit] = {}
        for root in self._roots:
            for unit in look(root, self._policy):
                found.setdefault(unit.path.resolve(), unit)
        return {unit.key: unit for unit in found.values()}

    def _changed(self, found: Mapping[str, Unit]) -> list[str]:
        """Return the keys of units that are new, other or gone, or whose name is free now."""
        gone = [key for key, held in self._held.items() if held.unit and key not in found]
        other = [key for key, unit in found.items() if self._is_other(self._held.get(key), unit)]
        changed = [*gone, *other]
        self._settling = {key: s for key, s in self._settling.items() if key in changed}
        return changed

    def _is_other(self, held: Held | None, unit: Unit) -> bool:
        if held is None:
            return True
        freed = held.waits and not held.waits & self.models.keys()
        return held.unit != unit or bool(freed)

    def _settled(self, key: str, found: Mapping[str, Unit]) -> bool:
        """Return whether a unit is what it was a while ago."""
        now = time.monotonic()
        stamp = found[key].stamp if key in found else None
        known = self._settling.get(key)
        if known is None or known[0] != stamp:
            self._settling[key] = stamp, now
            return False
        return now - known[1] >= min(self._seconds or 0.0, _LONGEST_SETTLE) / 2

    def _apply(self, due: Collection[str], found: Mapping[str, Unit]) -> None:
        for key in due:  # first what goes: it may free a name
            if key not in found:
                self._loader.drop(self._held.pop(key))
        new = [Held(found[key]) for key in due if key in found and key not in self._held]
        old = [key for key in due if key in found and key in self._held]
        self._loader.add(new)
        self._held |= {held.unit.key: held for held in new if held.unit}
        for key in old:
            held, unit = self._held[key], found[key]
            if held.unit and held.unit.stamp != unit.stamp:
                held.off = frozenset()
            self._loader.update(held, unit)
        for key in due:
            self._settling.pop(key, None)

    def _changes(self, before: Mapping[str, object], due: Collection[str]) -> Changes:
        now = dict(self.models)
        problems = [self._held[key].problem for key in due if key in self._held]
        return Changes(
            tuple(name for name in now if name not in before),
            tuple(name for name in now if name in before and now[name] is not before[name]),
            tuple(name for name in before if name not in now),
            tuple(problem for problem in problems if problem),
        )

    def _of_file(self, name: str) -> Held | None:
        """Return the unit that a model was read from, whether it answers or not."""
        ours = (each for each in self._held.values() if each.unit)
        return next((each for each in ours if name in each.names | each.off), None)


def _matters(held: Held) -> bool:
    """Return whether there is a reason to remember: files, or models that answer."""
    return held.unit is not None or bool(held.names)


def _unknown(name: str, known: Iterable[str]) -> NotFoundError:
    loaded = ", ".join(dict.fromkeys(known)) or "none"
    return NotFoundError(f"No model is called {name!r}. Known: {loaded}.")


def _tell(changes: Changes) -> None:
    for what in ("added", "replaced", "removed"):
        if names := getattr(changes, what):
            fields = {"models": ",".join(names)} if len(names) <= 20 else {}
            _log.info("%d models were %s.", len(names), what, extra={"fields": fields})
    for problem in changes.problems:
        _log.warning("A model's files are not in force: %s", problem)
