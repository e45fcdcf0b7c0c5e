# SPDX-License-Identifier: Apache-2.0
"""The names under which models answer in the service's own API.

Ids are made from names, and an iteration's from its network, weights and labels, so that they are
the same after every start.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trunkline.server.faults import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from trunkline.engine.modelset import ModelSet
    from trunkline.engine.plan import Plan
    from trunkline.models import Model
    from trunkline.predictions import Task
    from trunkline.server.settings import Settings

__all__ = ["Directory", "Kind", "Published"]

Kind = Literal["classify", "detect"]

# Drawn once at random; all ids are made under it.
_NAMESPACE = uuid.UUID("5b0f8c1e-6f0c-4b52-9e0e-3d9d3f4f6c1a")


@dataclass(frozen=True, slots=True)
class Published:
    """A model, as the service's own API knows it.

    Attributes:
        model: Its name in the model set.
        task: What it does.
        project_id: Its project.
        pinned: Whether it answers to no other project id.
        iteration_id: Its iteration; another one where it has other weights or labels.
        published_name: What requests call it.
        tag_ids: By label.
    """

    model: str
    task: Task
    project_id: UUID
    pinned: bool
    iteration_id: UUID
    published_name: str
    tag_ids: Mapping[str, UUID]

    @property
    def kind(self) -> Kind:
        """The routes that it answers on."""
        return "detect" if self.task == "detection" else "classify"

    def answers_to(self, project_id: str) -> bool:
        """Return whether a request with this project id may mean it."""
        if not self.pinned:
            return True
        try:
            return uuid.UUID(project_id) == self.project_id
        except ValueError:
            return False


class Directory:
    """All models of a model set by their published names, kept up as models come and go.

    Args:
        models: The models.
        settings: Which of them have a project id or a published name of their own.
    """

    def __init__(self, models: ModelSet, settings: Settings) -> None:
        self._models = models
        self._settings = settings
        self._known: tuple[Plan, Mapping[str, Published]] | None = None

    def all(self) -> tuple[Published, ...]:
        """Return every model, in the order of the model set."""
        return tuple(self._entries().values())

    def of(self, model: str) -> Published:
        """Return what is known of a model.

        Raises:
            NotFoundError: There is no such model.
        """
        try:
            return self._entries()[model]
        except KeyError:
            loaded = ", ".join(self._entries()) or "none"
            raise NotFoundError(f"No model is called {model!r}. Loaded: {loaded}.") from None

    def find(self, project_id: str, published_name: str, kind: Kind) -> str:
        """Return the name of the model that a request means.

        A name in another case will do where none fits exactly.

        Args:
            project_id: The project in the path; it matters only to models that pin theirs.
            published_name: The published name in the path.
            kind: The route.

        Raises:
            NotFoundError: There is no such model, or it is of the other kind.
        """
        entries = self._entries().values()
        named = [each for each in entries if each.published_name == published_name] or [
            each for each in entries if each.published_name.lower() == published_name.lower()
        ]
        if not named:
            known = ", ".join(each.published_name for each in entries) or "none"
            raise NotFoundError(
                f"Invalid iteration: nothing is published as {published_name!r}. "
                f"Published: {known}.",
                code="NotFoundIteration",
            )
        meant = [each for each in named if each.answers_to(project_id)]
        if not meant:
            raise NotFoundError(
                f"Invalid project: {published_name!r} is not of project {project_id!r}.",
                code="NotFoundProject",
            )
        return _of_kind(meant, kind).model

    def _entries(self) -> Mapping[str, Published]:
        plan = self._models.plan
        if self._known is None or self._known[0] is not plan:
            digests = plan.digests()
            published = {
                name: self._published(entry.model, digests[name])
                for name, entry in plan.entries.items()
            }
            self._known = plan, published
        return self._known[1]

    def _published(self, model: Model, digest: bytes) -> Published:
        own = self._settings.project(model.name)
        project = own.project_id or uuid.uuid5(_NAMESPACE, f"project/{model.name}")
        return Published(
            model.name,
            model.task,
            project,
            own.project_id is not None,
            uuid.uuid5(project, f"iteration/{hashlib.sha256(digest).hexdigest()}"),
            own.published_name or model.name,
            {label: uuid.uuid5(project, f"tag/{label}") for label in model.labels},
        )


def _of_kind(meant: Iterable[Published], kind: Kind) -> Published:
    """Return the model of this kind, one with the project's own id first."""
    for each in sorted(meant, key=lambda each: not each.pinned):
        if each.kind == kind:
            return each
    what, other = ("classifier", "classify") if kind == "detect" else ("detector", "detect")
    raise NotFoundError(
        f"Invalid iteration: {each.published_name!r} is a {what}; use /{other}/ in the path.",
        code="NotFoundIteration",
    )
