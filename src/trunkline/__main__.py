# SPDX-License-Identifier: Apache-2.0
"""``python -m trunkline``: the same as the command ``trunkline``."""

from __future__ import annotations

from trunkline.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main(prog_name="trunkline")
