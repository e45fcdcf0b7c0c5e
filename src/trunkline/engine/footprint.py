# SPDX-License-Identifier: Apache-2.0
"""How much memory models take: measured, and foretold before anything is compiled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["compiled_bytes", "process_bytes", "resident_bytes"]

_STATUS = Path("/proc/self/status")

# All figures were measured with OpenVINO 2026.4 on x86-64, in processes of their own.
#
# A process that has loaded one export and answered, less what compiled_bytes says of its graph:
# 111 to 117 MiB for files of TensorFlow, TFLite and Core ML, and 130 for ONNX, whose package is
# large.
_PROCESS = 113 << 20
_ONNX_PACKAGE = 18 << 20

# Fitted to what each further model of a kind added, for ten kinds of networks with 0.02 to 55 MiB
# of weights and 14 to 549 operations: within 17 % of each, or 1 MiB where that is more. An
# operation's share is its generated code and its descriptions.
_PER_OPERATION = 36 << 10


def process_bytes(formats: Iterable[str]) -> int:
    """Foretell the memory of a process, without that of the graphs.

    Args:
        formats: What its models were read from, as ``Model.format`` says it.
    """
    onnx = any(each.startswith("ONNX") for each in formats)
    return _PROCESS + (_ONNX_PACKAGE if onnx else 0)


def compiled_bytes(weight_bytes: int, live_bytes: int, operations: int) -> int:
    """Foretell the memory of a graph, compiled, for one call at a time.

    The weights are held twice: as they were read, for a later model may make it necessary to cut
    the graph in another place, and in the order in which the processor wants them.

    Args:
        weight_bytes: The bytes of its weights.
        live_bytes: The most bytes of tensors that are alive at one moment.
        operations: How many operations it has.
    """
    return 2 * weight_bytes + live_bytes + operations * _PER_OPERATION


def resident_bytes(status: Path = _STATUS) -> int | None:
    """Return the memory that this process has in use; None where the system does not say.

    Args:
        status: Linux's description of the process, whose line ``VmRSS`` holds it in KiB.
    """
    try:
        text = status.read_text("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s*(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) << 10 if found else None
