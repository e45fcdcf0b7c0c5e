# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace

from trunkline.cli.results import result_lines, result_values
from trunkline.engine.comparison import Comparison, Side
from trunkline.engine.measuring import Setting, Steps, Timing

FOUND = Comparison(
    together=Side(Setting("together"), Timing([0.01] * 9 + [0.02], 0.1), 150_000_000),
    apart=Side(Setting("apart", shared=False), Timing([0.05] * 2, 0.1), 300_000_000),
    throughput=Side(Setting("throughput", True, "throughput", 3), Timing([0.02] * 15, 0.1), None),
    largest_difference=1.5e-7,
    steps=Steps(0.004, 0.001, 0.009),
)


def test_in_words() -> None:
    assert [line.plain for line in result_lines(FOUND)] == [
        "            callers  frames/s    p50      p95      p99  memory",
        "together          1       100  10 ms  15.5 ms  19.1 ms  150 MB",
        "apart             1        20  50 ms    50 ms    50 ms  300 MB",
        "throughput        3       150  20 ms    20 ms    20 ms       -",
        "",
        "Together answers 5 times as many frames as apart, in 0.5 times the memory.",
        "Largest difference in any answer: 1.5e-07.",
        "A frame, together: decoding 4 ms, input tensors 1 ms, trunks and heads 9 ms.",
    ]


def test_memory_that_is_not_known_is_not_compared() -> None:
    found = replace(FOUND, apart=replace(FOUND.apart, memory_bytes=None))
    lines = [line.plain for line in result_lines(found)]
    assert "Together answers 5 times as many frames as apart." in lines


def test_as_values() -> None:
    values = json.loads(json.dumps(result_values(FOUND, 7, 4)))
    assert (values["models"], values["pictures"]) == (7, 4)
    assert values["apart"] == {
        "optimise": "latency",
        "callers": 1,
        "frames": 2,
        "seconds": 0.1,
        "frames_per_second": 20,
        "latency": {"p50": 0.05, "p95": 0.05, "p99": 0.05},
        "memory_bytes": 300_000_000,
    }
    assert values["throughput"]["memory_bytes"] is None
    assert values["largest_difference"] == 1.5e-7
    assert values["steps"] == {"decoding": 0.004, "input_tensors": 0.001, "networks": 0.009}
