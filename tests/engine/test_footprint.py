# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trunkline.engine.footprint import compiled_bytes, process_bytes, resident_bytes

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def test_weights_are_held_twice_and_everything_costs_something() -> None:
    base = compiled_bytes(0, 0, 0)
    assert compiled_bytes(MIB, 0, 0) - base == 2 * MIB
    assert compiled_bytes(0, MIB, 0) - base == MIB
    assert compiled_bytes(0, 0, 1) > base


def test_onnx_brings_a_package_with_it() -> None:
    plain = process_bytes(["TensorFlow", "Core ML"])
    assert process_bytes(["TensorFlow", "ONNX opset 7"]) > plain == process_bytes([])


def test_what_this_process_has_in_use_grows_with_what_it_uses() -> None:
    before = resident_bytes()
    assert before
    held = np.ones(64 * MIB, np.uint8)
    after = resident_bytes()
    assert after
    assert 60 * MIB < after - before < 80 * MIB
    assert held.all()


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    assert resident_bytes(tmp_path / "none") is None
    (tmp_path / "status").write_text("Name:\tpython\nVmPeak:\t 5 kB\n")
    assert resident_bytes(tmp_path / "status") is None
    (tmp_path / "status").write_text("VmPeak:\t 5 kB\nVmRSS:\t    7 kB\nRssAnon:\t 1 kB\n")
    assert resident_bytes(tmp_path / "status") == 7 * 1024
