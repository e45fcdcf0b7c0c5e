# SPDX-License-Identifier: Apache-2.0
"""Loading large packages quickly, and no more of OpenVINO than is used."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["leave_converter_out", "loading"]

_CONVERTER = "openvino.tools.ovc"


class _WithoutConverter:
    """Tells OpenVINO, while it is imported, that its converter of models is not installed.

    OpenVINO then goes on without it, and whoever asks for the converter later gets it.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        if fullname == _CONVERTER and _is_being_imported("openvino"):
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)


def _is_being_imported(package: str) -> bool:
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def leave_converter_out() -> None:
    """Let ``import openvino`` leave out its converter, which no command uses.

    The converter takes half the time of that import. It also reports each import to Google
    Analytics, unless the person has opted out: from a copy of this process, which is made for it
    and waited for at the end, up to three seconds where there is no connection. Source:
    ``openvino/tools/ovc/__init__.py`` of 2026.4, and ``openvino_telemetry`` of 2025.2.
    """
    if not any(isinstance(finder, _WithoutConverter) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutConverter())


@contextmanager
def loading() -> Iterator[None]:
    """Import packages, or make anything else that is there for good, without looking for garbage.

    Python looks through all that it holds again and again while it gets more, and once more at
    the end. Of thousands of functions and classes none is ever garbage, so that is a sixth of a
    short command's time. What is held when the block ends is not looked through any more.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
