# SPDX-License-Identifier: Apache-2.0
"""What Trunkline's own API says about models."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trunkline.server.faults import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.engine.plan import Plan
    from trunkline.models import Model
    from trunkline.server.context import Server
    from trunkline.server.held import Listed
    from trunkline.server.repository import Repository

__all__ = ["described", "listing", "trunk_numbers"]


def listing(server: Server, repository: Repository) -> dict[str, Any]:
    """Return every model, and what keeps others from answering, as plain values."""
    plan = server.plane.models.plan
    trunks = trunk_numbers(plan)
    index = {each.name: each for each in repository.index() if each.state == "READY"}
    models = []
    for name, entry in plan.entries.items():
        with suppress(NotFoundError):  # it has gone meanwhile
            models.append(_values(server, entry.model, trunks[name], index.get(name)))
    return {
        "models": models,
        "failures": [
            {"name": each.name, "source": each.source, "state": each.state, "reason": each.reason}
            for each in repository.index()
            if each.reason
        ],
    }


def described(server: Server, repository: Repository, name: str) -> dict[str, Any]:
    """Return one model in full, as plain values.

    Raises:
        NotFoundError: There is no such model; the message says why, where that is known.
    """
    plan = server.plane.models.plan
    listed = [each for each in repository.index() if each.name == name]
    if name not in plan.entries:
        why = next((each.reason for each in listed), "")
        known = ", ".join(plan.entries) or "none"
        raise NotFoundError(
            f"Model {name!r} does not answer: {why}"
            if why
            else f"No model is called {name!r}. Loaded: {known}."
        )
    model = plan.entries[name].model
    ready = next((each for each in listed if each.state == "READY"), None)
    return {
        **_values(server, model, trunk_numbers(plan)[name], ready),
        "input": {
            "height": model.contract.height,
            "width": model.contract.width,
            "preset": str(model.contract.preset),
            "order": model.contract.order,
        },
        "decisions": [
            {"what": each.what, "value": each.value, "because": each.because}
            for each in model.decisions
        ],
        "notes": list(model.notes),
    }


def _values(server: Server, model: Model, trunk: int, listed: Listed | None) -> dict[str, Any]:
    published = server.directory.of(model.name)
    return {
        "name": model.name,
        "version": listed.version if listed else "1",
        "state": "READY",
        "reason": listed.reason if listed else "",
        "task": model.task,
        "labels": list(model.labels),
        "trunk": trunk,
        "project_id": str(published.project_id),
        "published_name": published.published_name,
        "format": model.format,
        "source": model.source,
    }


def trunk_numbers(plan: Plan) -> Mapping[str, int]:
    """Return which trunk each model hangs on: models of one number share their beginning.

    The trunk that most models hang on is number 1.
    """
    givers = {tensor: part for part in plan.parts for tensor in part.segment.gives}
    roots: dict[Any, Any] = {}

    def root(tensor: Any) -> Any:  # noqa: ANN401 - tensors are what the plan says they are
        if tensor not in roots:
            part = givers.get(tensor)
            below = [t for t in part.segment.takes if t not in plan.inputs] if part else []
            roots[tensor] = root(below[0]) if below else (part.segment.gives[0] if part else tensor)
        return roots[tensor]

    beginnings = {name: root(entry.needs[0]) for name, entry in plan.entries.items()}
    ranked = [tensor for tensor, _ in Counter(beginnings.values()).most_common()]
    numbers = {tensor: number for number, tensor in enumerate(ranked, 1)}
    return {name: numbers[beginning] for name, beginning in beginnings.items()}
