# SPDX-License-Identifier: Apache-2.0
"""From answers that flicker to labels that come and go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from trunkline.predictions import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.predictions import Prediction

__all__ = ["Change", "Smoother", "parse_smoothing", "seen_labels"]

Change = tuple[str, Literal["begin", "end"]]

_WRITTEN = re.compile(r"\s*(\d{1,4})\s*(?:/|of)\s*(\d{1,4})\s*")


def parse_smoothing(text: str) -> tuple[int, int]:
    """Read ``"3/5"`` or ``"3 of 5"``.

    Raises:
        ValueError: It is not two such numbers.
    """
    found = _WRITTEN.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not of the form K/N, such as 3/5")
    k, n = int(found[1]), int(found[2])
    if not 1 <= k <= n:
        raise ValueError(f"{text!r} asks for {k} of {n} frames; it must be at least 1, at most {n}")
    return k, n


def seen_labels(answer: Prediction, threshold: float) -> dict[str, float]:
    """Return the labels that an answer says yes to, with their greatest probabilities.

    Of a multiclass model that is its most probable label or none, of a multilabel model each
    label on its own, of a detector each label that has a box.

    Args:
        answer: One model's answer.
        threshold: The least probability of a yes, 0 to 1.
    """
    if isinstance(answer, Detection):
        seen: dict[str, float] = {}
        for box in answer.boxes:
            if box.probability >= threshold:
                seen[box.label] = max(box.probability, seen.get(box.label, 0.0))
        return seen
    if answer.task == "multiclass":
        probability = answer.probability
        return {answer.label: probability} if probability >= threshold else {}
    labels, probabilities = answer.labels, answer.probabilities
    found = np.flatnonzero(probabilities >= threshold).tolist()
    return {labels[i]: float(probabilities[i]) for i in found}


class Smoother:
    """Decides when labels have come and when they have gone.

    A label has come with the first frame that has it and where ``k`` of the last ``n`` frames
    have it; it has gone with the first frame that lacks it and where ``k`` of the last ``n``
    lack it. Only frames that the model looked at are counted.

    Args:
        k: How many frames.
        n: Of how many.
    """

    def __init__(self, k: int = 1, n: int = 1) -> None:
        if not 1 <= k <= n:
            raise ValueError(f"smoothing over {k} of {n} frames is impossible")
        self._k, self._mask = k, (1 << n) - 1
        self._frames = 0  # a bit for each of the last n frames that there were
        # A bit for each of these frames that has the label, the newest lowest.
        self._histories: dict[str, int] = {}
        self._present: dict[str, None] = {}  # as a set that keeps its order

    @property
    def present(self) -> tuple[str, ...]:
        """The labels that have come and not gone."""
        return tuple(self._present)

    def step(self, seen: Mapping[str, float]) -> list[Change]:
        """Take in one more frame, and return what has gone and come with it.

        Args:
            seen: The labels that the frame has.
        """
        self._frames = ((self._frames << 1) | 1) & self._mask
        changes: list[Change] = []
        for label in [*self._histories, *(label for label in seen if label not in self._histories)]:
            here = label in seen
            history = ((self._histories.get(label, 0) << 1) | here) & self._mask
            self._histories[label] = history
            if change := self._change(label, history, here=here):
                changes.append((label, change))
            if not history and label not in self._present:
                del self._histories[label]
        return changes

    def _change(self, label: str, history: int, *, here: bool) -> Literal["begin", "end"] | None:
        if label in self._present:
            if not here and (self._frames & ~history).bit_count() >= self._k:
                del self._present[label]
                return "end"
        elif here and history.bit_count() >= self._k:
            self._present[label] = None
            return "begin"
        return None
