# SPDX-License-Identifier: Apache-2.0
"""What models share, and what that saves: worked out from their graphs, with nothing compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.engine.footprint import process_bytes
from trunkline.engine.likeness import Difference, differences
from trunkline.engine.planning import entry_of, outline_of
from trunkline.engine.trunks import Cost, Network, Trunk, User, find_trunks
from trunkline.errors import UnsupportedExportError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.graphs.merging import Tensor
    from trunkline.models import Model

__all__ = ["Overview", "overview"]


@dataclass(frozen=True, slots=True)
class Overview:
    """What models share.

    Attributes:
        models: How many there are.
        trunks: Those of most models first, each behind those it continues.
        shared: What all of them take in one model set; the memory is that of the whole process.
        apart: What they would take if nothing was shared; likewise.
        differences: Where trunks that are almost the same first differ.
        failures: Why models were left out.
    """

    models: int
    trunks: tuple[Trunk, ...]
    shared: Cost
    apart: Cost
    differences: tuple[Difference, ...]
    failures: tuple[UnsupportedExportError, ...]


def overview(models: Iterable[Model]) -> Overview:
    """Work out what models share, as a model set of them would. Nothing is compiled.

    Of models that are one network but for their heads, only the first one's graph is kept.

    Args:
        models: As they were read; their names need not differ.
    """
    networks: dict[tuple[Tensor, ...], Network] = {}
    failures: list[UnsupportedExportError] = []
    formats: set[str] = set()
    apart = Cost()
    for model in models:
        try:
            network, needs, user = _survey(model)
        except UnsupportedExportError as error:
            failures.append(error)
            continue
        formats.add(model.format)
        apart += network.cost(network.operations)
        networks.setdefault(needs, network).users.append(user)
    trunks = find_trunks(networks)
    process = Cost(memory_bytes=process_bytes(formats))
    return Overview(
        sum(len(network.users) for network in networks.values()),
        tuple(trunk for trunk, _ in trunks),
        sum((trunk.whole_cost for trunk, _ in trunks), process),
        apart + process,
        tuple(differences([(t.id, n.outline) for t, n in trunks if not t.after])),
        tuple(failures),
    )


def _survey(model: Model) -> tuple[Network, tuple[Tensor, ...], User]:
    outline = outline_of(model)
    entry = entry_of(model, outline)
    head = outline.head if entry.pack else None
    return Network(outline), entry.needs, User(model.name, len(model.labels), head)
