# SPDX-License-Identifier: Apache-2.0
"""A demonstration that needs nothing but Trunkline: it draws its pictures and fits its models.

``pictures`` draws; ``trunk`` and ``fitting`` make classifiers of drawn pictures; ``exports``
writes them as anybody's exports; ``show`` runs what ``trunkline.load`` made of them on a film,
``tally`` counts and ``report`` says it in words.
"""

from __future__ import annotations

from trunkline.demo.running import run_demo

__all__ = ["run_demo"]
