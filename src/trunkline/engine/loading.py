# SPDX-License-Identifier: Apache-2.0
"""The first call of most programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trunkline.engine.modelset import ModelSet

if TYPE_CHECKING:
    from trunkline.engine.compiled import Optimise
    from trunkline.engine.modelset import Export

__all__ = ["load"]


def load(
    *exports: Export,
    cores: int | None = None,
    optimise: Optimise = "latency",
    on_error: Literal["raise", "skip"] = "raise",
    **named: Export,
) -> ModelSet:
    """Load exports into a model set.

    Args:
        *exports: Folders, zips or model files, each named after itself; a folder of exports is
            many models.
        cores: How many cores to use; by default all that the process may.
        optimise: ``"latency"`` for the shortest time per frame, ``"throughput"`` for the most
            frames where several threads call ``predict``.
        on_error: ``"raise"`` to load nothing where one fails; ``"skip"`` to load the others and
            keep the errors in ``failures``.
        **named: One export each, under the name of its argument.

    Raises:
        ExportError: An export cannot be read or run.
        ModelNameError: Two models have the same name.
    """
    models = ModelSet(cores=cores, optimise=optimise)
    models.add(*exports, on_error=on_error, **named)
    return models
