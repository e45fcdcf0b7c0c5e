# SPDX-License-Identifier: Apache-2.0
"""The models of a model set as the live page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.engine.shares import Share, shares
from trunkline.page.view import ModelView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.engine.modelset import ModelSet
    from trunkline.engine.plan import Plan

__all__ = ["ModelViews"]


class ModelViews:
    """Tells of models again and again; what they share is worked out when they change.

    Args:
        models: The model set.
    """

    def __init__(self, models: ModelSet) -> None:
        self._models = models
        self._known: tuple[Plan, Mapping[str, Share]] | None = None

    def views(self, rates: Mapping[str, float], latencies: Mapping[str, float]) -> list[ModelView]:
        """Return all models.

        Args:
            rates: Answers per second, by model; 0 where there is none.
            latencies: Seconds to an answer, by model; unknown where there are none.
        """
        plan = self._models.plan
        if self._known is None or self._known[0] is not plan:
            self._known = plan, shares(plan)
        found = self._known[1]
        return [
            ModelView(
                name=name,
                task=entry.model.task,
                labels=entry.model.labels,
                trunk=found[name].trunk,
                sharing=found[name].sharing,
                macs=found[name].macs,
                trunk_macs=found[name].trunk_macs,
                rate=rates.get(name, 0.0),
                latency=latencies.get(name),
            )
            for name, entry in plan.entries.items()
        ]
