# SPDX-License-Identifier: Apache-2.0
"""The table of platforms and flavors."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import TrunklineError
from trunkline.writers.targets import TARGETS, find_target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_has_a_writer_that_takes_its_options(target) -> None:
    taken = inspect.signature(importlib.import_module(target.module).write).parameters
    assert set(target.options) <= set(taken)
    assert list(taken)[:2] == ["model", "folder"]


def test_no_two_targets_go_by_one_name() -> None:
    names = [(t.platform, flavor) for t in TARGETS for flavor in (t.flavor, *t.aliases)]
    assert len(set(names)) == len(names)


@given(data=st.data())
def test_case_does_not_matter(data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(TARGETS))
    change = data.draw(st.sampled_from([str.lower, str.upper, str.swapcase, str.title]))
    flavor = target.flavor and change(target.flavor)
    assert find_target(change(target.platform), flavor) is target


def test_the_own_form_of_a_platform_has_other_names() -> None:
    own = find_target("TensorFlow")
    assert own.flavor is None
    assert own is find_target("tensorflow", "") is find_target("TENSORFLOW", "tensorflownormal")


def test_what_is_not_there_is_answered_with_what_is() -> None:
    with pytest.raises(TrunklineError, match=r"'VAIDK'; .*TensorFlow, ONNX, OpenVino, CoreML"):
        find_target("VAIDK")
    with pytest.raises(TrunklineError, match=r"ONNX has no flavor 'ONNX12'; it has OnnxFloat16"):
        find_target("onnx", "ONNX12")
    with pytest.raises(TrunklineError, match="TensorFlowSavedModel, TensorFlowLite, "):
        find_target("TensorFlow", "Lite")


def test_the_platforms_are_the_service_s(shared: Path) -> None:
    path = shared / "api/specs/Training/preview/v3.4-preview/Training.json"
    (told,) = [
        each["enum"]
        for each in json.loads(path.read_text("utf-8"))["paths"][
            "/projects/{projectId}/iterations/{iterationId}/export"
        ]["post"]["parameters"]
        if each.get("name") == "platform"
    ]
    assert {target.platform for target in TARGETS} <= set(told)


def test_the_table_imports_no_writer() -> None:
    code = (
        "import sys, trunkline.writers.targets as t; t.find_target('onnx'); "
        "print([m for m in ('numpy', 'onnx', 'openvino') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
