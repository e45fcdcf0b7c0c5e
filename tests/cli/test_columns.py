# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from trunkline.cli.columns import columns


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [("trunk", "", "MACs"), ("  猫", "2 labels", "1.5 k"), ("x", "", "0")]
    assert [line.plain for line in columns(rows, left=2)] == [
        "trunk             MACs",
        "  猫   2 labels  1.5 k",
        "x                    0",
    ]


def test_rows_may_have_styles() -> None:
    first, second = columns([("a",), ("b",)], left=1, styles=["bold", ""])
    assert (first.style, second.style) == ("bold", "")
