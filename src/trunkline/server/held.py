# SPDX-License-Identifier: Apache-2.0
"""What the repository remembers of each unit, and what it tells about each model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.server.layout import Unit

__all__ = ["Changes", "Held", "Listed", "State"]

State = Literal["READY", "UNAVAILABLE"]


@dataclass(slots=True)
class Held:
    """A unit that has been read, or an upload.

    Attributes:
        unit: What it is; None for an upload that lies in memory alone.
        names: Its models that answer.
        off: Its models that were unloaded, until they are loaded or their files change.
        problem: What is wrong with it; empty where nothing is.
        waits: Names that its models cannot have yet, for others have them.
        upload: Whether it came over HTTP.
    """

    unit: Unit | None
    names: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    problem: str = ""
    waits: frozenset[str] = frozenset()
    upload: bool = False

    def version(self, name: str) -> str:
        """Return the version of one of its models; that without versions is version 1."""
        versions = self.unit.versions if self.unit else {}
        return versions[name].name if name in versions else "1"

    def listed(self) -> Iterator[Listed]:
        """Yield its models, or what is known of a unit that has none."""
        source = str(self.unit.path) if self.unit else "uploaded"
        for name in sorted(self.names):
            yield Listed(name, self.version(name), "READY", self.problem, source)
        for name in sorted(self.off):
            reason = self.problem or "unloaded"
            yield Listed(name, self.version(name), "UNAVAILABLE", reason, source)
        if self.unit and not self.names and not self.off:
            yield Listed(self.unit.name, "1", "UNAVAILABLE", self.problem, source)


@dataclass(frozen=True, slots=True)
class Listed:
    """A model, for listings.

    Attributes:
        name: What it is called.
        version: Its version; ``"1"`` where it has none.
        state: Whether it answers.
        reason: Why it does not; for one that does, why its changed files are not in force.
        source: Where it comes from.
    """

    name: str
    version: str
    state: State
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look at the files led to.

    Attributes:
        added: Models that answer now.
        replaced: Models that answer as their changed files say.
        removed: Models that are gone.
        problems: What is wrong, as sentences.
    """

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.removed or self.problems)
