# SPDX-License-Identifier: Apache-2.0
"""How many cores this process may use.

The runtimes count the machine's cores. In a container with a quota of two on a host of sixty-four
that starts sixty-four threads, which the kernel then throttles. So the budget is counted here.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["available_cores"]

_CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Return the number of cores to use: the affinity mask, cut by the container's CPU quota.

    Args:
        cgroup: Where the control group's files are (version 2 ``cpu.max``, or version 1
            ``cpu/cpu.cfs_quota_us`` and ``cpu/cpu.cfs_period_us``).

    Returns:
        At least 1. A quota of one and a half cores counts as 2.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = _quota(cgroup)
    return max(1, min(cores, math.ceil(quota))) if quota else cores


def _quota(cgroup: Path) -> float | None:
    try:
        limit, period = (cgroup / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            limit = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text("ascii").strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text("ascii").strip()
        except (OSError, ValueError):
            return None
    try:
        quota = int(limit) / int(period)
    except (ValueError, ZeroDivisionError):
        return None  # version 2 says "max" where there is no limit
    return quota if quota > 0 else None  # version 1 says -1
