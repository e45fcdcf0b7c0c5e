# SPDX-License-Identifier: Apache-2.0
"""Folders with a model in several versions: ``name/1/...``, ``name/2/...``, as Triton has them.

The latest version that is served is called by the folder's name. Earlier ones, where the policy
asks for them, are called ``name.v1`` and so on, so that a request may mean them by name too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trunkline.server.settings import Versions

__all__ = ["named", "numbered", "served"]

_NUMBER = re.compile("[1-9][0-9]{0,17}")


def numbered(folder: Path) -> Mapping[int, Path]:
    """Return a folder's sub-folders that are versions, by number."""
    return {
        int(each.name): each
        for each in folder.iterdir()
        if _NUMBER.fullmatch(each.name) and each.is_dir()
    }


def served(versions: Mapping[int, Path], policy: Versions) -> tuple[int, ...]:
    """Return the versions to serve, the latest first.

    Args:
        versions: Those there are.
        policy: ``"latest"``, ``"all"``, or the numbers to serve where they are there.
    """
    newest_first = sorted(versions, reverse=True)
    if policy == "latest":
        return tuple(newest_first[:1])
    return tuple(n for n in newest_first if policy == "all" or n in policy)


def named(name: str, versions: Mapping[int, Path], policy: Versions) -> Mapping[str, Path]:
    """Return, by the name it is served under, the folder of each version to serve.

    Args:
        name: What the model is called.
        versions: Those there are.
        policy: As for ``served``.
    """
    chosen = served(versions, policy)
    return {
        name if rank == 0 else f"{name}.v{number}": versions[number]
        for rank, number in enumerate(chosen)
    }
