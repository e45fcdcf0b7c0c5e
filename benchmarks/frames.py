# SPDX-License-Identifier: Apache-2.0
"""What more models on one trunk cost per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trunkline
from crowd import LABELS
from figures import Finding, Target, ratios, spread
from lab import Measured, by_label, read_all, same_trunk
from timing import Side, alternate
from workers import check_agreement

if TYPE_CHECKING:
    from lab import Lab
    from trunkline import ModelSet

__all__ = ["thousand", "twenty"]

TWENTY = 20
TWENTY_TARGET = Target("at most", 1.05)
THOUSAND_TARGET = Target("at most", 1.25)


def twenty(lab: Lab) -> Measured:
    """Time 20 real exports on one trunk against one of them."""
    many = trunkline.load(**same_trunk(lab.models, 4 if lab.quick else TWENTY))
    one = trunkline.load(**same_trunk(lab.models, 1))
    return Measured(_per_frame(lab, many, one, TWENTY_TARGET))


def thousand(lab: Lab) -> Measured:
    """Time 1,000 made-up heads on a real trunk against one of them."""
    many = trunkline.load(lab.crowd)
    one = trunkline.load(lab.crowd / next(iter(many)))
    labels = [len(model.labels) for model in many.values()]
    note = (
        f"The made-up heads have {LABELS[0]} to {LABELS[-1]} labels each, every number as likely "
        f"as the others: {sum(labels):,} in all, {sum(labels) / len(labels):.1f} on average."
    )
    return Measured(_per_frame(lab, many, one, THOUSAND_TARGET), [note])


def _per_frame(lab: Lab, many: ModelSet, one: ModelSet, target: Target) -> list[Finding]:
    _check_shared(many)
    answers = by_label(many.predict(lab.frame))
    for name, alone in by_label(one.predict(lab.frame)).items():
        check_agreement({name: alone}, {name: answers[name]}, f"{name} among {len(many)}")
    took = alternate(
        [
            Side("one", lambda: read_all(one.predict(lab.frame))),
            Side("many", lambda: read_all(many.predict(lab.frame))),
            Side("unread", lambda: many.predict(lab.frame)),
        ],
        lab.rounds,
        lab.seconds,
    )

    def finding(measured: str, side: str, target: Target | None) -> Finding:
        these, those = took[side], took["one"]
        against = f"1 model: {spread(those, 'ms')}"
        return Finding(measured, spread(these, "ms"), against, ratios(these, those), target)

    what = f"{len(many):,} models on one trunk, time per frame"
    return [
        finding(f"{what}, every answer read", "many", target),
        finding(f"{what}, no answer read", "unread", None),
    ]


def _check_shared(models: ModelSet) -> None:
    """Refuse to time models on several trunks as if they were on one."""
    if len(models.plan.parts) != 1:
        raise RuntimeError(f"{len(models)} models are on {len(models.plan.parts)} trunks, not 1")
