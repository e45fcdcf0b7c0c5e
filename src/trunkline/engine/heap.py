# SPDX-License-Identifier: Apache-2.0
"""Memory of decoded pictures, kept by the process from one picture to the next.

The C library gives blocks of a picture's size back to the system as soon as they are free, and
the next picture's are mapped and zeroed again, page by page. For a picture of 1.4 megapixels that
takes longer than decoding it.

Only for processes that are all Trunkline's: it changes how the whole process handles memory.
"""

from __future__ import annotations

import ctypes
import os

__all__ = ["keep_large_blocks"]

# Parameters of mallopt, from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

# The largest that glibc allows: half of what an arena's heap may hold. Larger pictures, from about
# 10 megapixels, still go back at once.
_LARGEST_KEPT = 32 * 1024 * 1024
_MOST_KEPT = 64 * 1024 * 1024  # per arena, of which a process has a few per core

_CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


def keep_large_blocks() -> bool:
    """Have the C library keep free blocks of up to 32 MiB.

    Returns:
        Whether it does; not where the C library is another than glibc, or where whoever started
        the process has chosen how memory is handled.
    """
    if any(name in os.environ for name in _CHOSEN):
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc; on Windows there is no such handle
        return False
    return bool(
        set_option(_M_MMAP_THRESHOLD, _LARGEST_KEPT) and set_option(_M_TRIM_THRESHOLD, _MOST_KEPT)
    )
