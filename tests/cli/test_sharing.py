# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from trunkline.cli.sharing import sharing_lines, sharing_values, totals_words
from trunkline.engine.likeness import Difference
from trunkline.engine.overview import Overview
from trunkline.engine.trunks import Cost, Head, Trunk

NOTHING = Cost()
STEM = Trunk("aaaaaaaa", (), 9, Cost(2_000_000, 3000, 4000), ())
BRANCH = Trunk(
    "bbbbbbbb",
    ("aaaaaaaa",),
    3,
    Cost(1_000_000, 2000, 3000),
    (Head("m1", 3, "packed", Cost(48, 204, 204)), Head("m2", 1, "none", NOTHING)),
)
OTHER = Trunk(
    "cccccccc",
    (),
    9,
    Cost(2_000_000, 3000, 4000),
    (Head("m\n3", 2, "compiled", Cost(7, 8, 9)),),
)
FOUND = Overview(
    3,
    (STEM, BRANCH, OTHER),
    Cost(5_000_055, 8000, 120_000_000),
    Cost(9_000_000, 12_000, 130_000_000),
    (Difference("cccccccc", "aaaaaaaa", "the third\nConvolution"),),
    (),
)


TOTALS = (
    "3 models, 3 trunks: 5 M instead of 9 M multiply-accumulates per frame, 8 kB instead of 12 kB "
    "of weights, about 120 MB instead of 130 MB of memory."
)


def test_in_words() -> None:
    assert [line.plain for line in sharing_lines(FOUND)] == [
        "trunk                                   MACs  weights  memory",
        "aaaaaaaa  2 models                       2 M     3 kB    4 kB",
        "bbbbbbbb  2 models  continues aaaaaaaa   1 M     2 kB    3 kB",
        "  m1      3 labels  packed                48    204 B   204 B",
        "  m2      1 label   the trunk's end        0      0 B     0 B",
        "cccccccc  1 model                        2 M     3 kB    4 kB",
        "  m 3     2 labels  compiled               7      8 B     9 B",
        "",
        TOTALS,
        "",
        "almost the same",
        "  cccccccc (m 3) and aaaaaaaa (m1 and 1 more):",
        "    the third Convolution",
    ]


def test_where_nothing_is_saved_there_is_no_instead() -> None:
    alone = Overview(1, (OTHER,), OTHER.whole_cost, OTHER.whole_cost, (), ())
    assert totals_words(alone) == (
        "1 model, 1 trunk: 2 M multiply-accumulates per frame, 3.01 kB of weights, "
        "about 4.01 kB of memory."
    )
    assert not any("almost" in line.plain for line in sharing_lines(alone))


def test_as_values() -> None:
    values = json.loads(json.dumps(sharing_values(FOUND)))
    assert values["trunks"][1] == {
        "id": "bbbbbbbb",
        "after": ["aaaaaaaa"],
        "operations": 3,
        "macs": 1_000_000,
        "weight_bytes": 2000,
        "memory_bytes": 3000,
        "models": [
            {
                "name": "m1",
                "labels": 3,
                "head": "packed",
                "macs": 48,
                "weight_bytes": 204,
                "memory_bytes": 204,
            },
            {
                "name": "m2",
                "labels": 1,
                "head": "none",
                "macs": 0,
                "weight_bytes": 0,
                "memory_bytes": 0,
            },
        ],
    }
    assert values["totals"] == {
        "models": 3,
        "trunks": 3,
        "with_sharing": {"macs": 5_000_055, "weight_bytes": 8000, "memory_bytes": 120_000_000},
        "without_sharing": {"macs": 9_000_000, "weight_bytes": 12_000, "memory_bytes": 130_000_000},
    }
    assert values["differences"] == [
        {"trunk": "cccccccc", "other": "aaaaaaaa", "where": "the third\nConvolution"}
    ]
