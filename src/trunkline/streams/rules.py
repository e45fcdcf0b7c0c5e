# SPDX-License-Identifier: Apache-2.0
"""Which models watch a camera, how often, and what for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trunkline.streams.conditions import Condition, looking_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.streams.ends import FrameSource
    from trunkline.streams.regions import Region

__all__ = ["EVERY_MODEL", "Camera", "Rule", "rules_for"]

EVERY_MODEL = "*"
"""In the place of a model's name: every loaded model that has no rule of its own."""


def _check(right: bool, sentence: str) -> None:  # noqa: FBT001 - what is checked comes first
    if not right:
        raise ValueError(sentence)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one model watches one camera.

    Attributes:
        model: Its name, or ``EVERY_MODEL``.
        every: Look at every n-th frame of the source.
        seconds: Look again after this many seconds at the earliest; None for at once.
        when: Look only while this holds, by the other model's answer for the same frame or, where
            it was not its turn, its last one.
        region: The part of the frame to look at; None for all of it.
        threshold: The least probability of a label that counts for events, and of a box that is
            kept in the answers, 0 to 1.
        smoothing: ``(k, n)``: a label has come, or gone, when k of n frames say so.
        priority: What cannot be done in time is left out from the lowest priority up.
        deadline: Seconds from a live frame's coming within which there must be an answer; None
            for no limit.
    """

    model: str
    every: int = 1
    seconds: float | None = None
    when: Condition | None = None
    region: Region | None = None
    threshold: float = 0.5
    smoothing: tuple[int, int] | None = None
    priority: int = 0
    deadline: float | None = None

    def __post_init__(self) -> None:
        _check(self.every >= 1, f"every is {self.every}; it must be at least 1")
        _check(self.seconds is None or self.seconds > 0, "seconds must be more than 0")
        _check(0 <= self.threshold <= 1, f"threshold is {self.threshold:g}; it must be 0 to 1")
        _check(self.deadline is None or self.deadline > 0, "deadline must be more than 0")
        k, n = self.smoothing or (1, 1)
        _check(1 <= k <= n <= 9999, f"smoothing over {k} of {n} frames is impossible")
        _check(
            self.when is None or self.when.model != self.model,
            f"the model {self.model} cannot wait for itself",
        )


@dataclass(frozen=True, slots=True)
class Camera:
    """A source and the models that watch it.

    Attributes:
        source: Where its frames come from.
        rules: One for each model, or one with ``EVERY_MODEL`` for all others.
        still: Where a frame differs by less than this from the one that a model answered last,
            the answer is taken again: mean absolute difference of thumbnails, 0 to 255. None to
            look at every frame.

    Raises:
        ValueError: Two rules are for one model, or models wait for one another.
    """

    source: FrameSource
    rules: tuple[Rule, ...] = (Rule(EVERY_MODEL),)
    still: float | None = None

    def __post_init__(self) -> None:
        names = [rule.model for rule in self.rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        _check(twice is None, f"the model {twice} has two rules for {self.source.name}")
        _check(self.still is None or self.still > 0, "still must be more than 0")
        looking_order({rule.model: self._waiting(rule) for rule in self.rules})

    def _waiting(self, rule: Rule) -> Condition | None:
        """Return a rule's condition, on ``EVERY_MODEL`` where no rule names the other model."""
        when = rule.when
        if when and when.model not in {rule.model for rule in self.rules}:
            when = replace(when, model=EVERY_MODEL)
        return None if when and when.model == rule.model else when


def rules_for(camera: Camera, models: Iterable[str]) -> tuple[Rule, ...]:
    """Return one rule for each loaded model that watches a camera.

    Those that wait for others come behind these.

    Args:
        camera: The camera.
        models: The loaded models' names.
    """
    own = {rule.model: rule for rule in camera.rules}
    others = own.pop(EVERY_MODEL, None)
    found: dict[str, Rule] = {}
    for name in models:
        if name in own:
            found[name] = own[name]
        elif others:
            itself = others.when is not None and others.when.model == name
            found[name] = replace(others, model=name, when=None if itself else others.when)
    order = looking_order({name: rule.when for name, rule in found.items()})
    return tuple(found[name] for name in order)
