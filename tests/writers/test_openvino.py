# SPDX-License-Identifier: Apache-2.0
"""What is written as OpenVINO IR runs there, and is the same network when read again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from hypothesis import given, settings

import builders
from graphs.networks import networks
from trunkline.errors import ExportError
from trunkline.exports.reading import read_one
from trunkline.graphs.normal_form import normal_form
from trunkline.writers.openvino import write
from trunkline.writers.package import write_export
from writers.classifiers import answer, assert_same, drawn, identities, mobile, pixels, read

if TYPE_CHECKING:
    from pathlib import Path


@given(network=networks())
@settings(deadline=None, max_examples=10)
def test_any_network_is_written_and_read_back_to_the_bit(
    network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = drawn(network)
    assert_same(model, read(write_export(model, tmp_path_factory.mktemp("ir") / "it", "OpenVino")))


@pytest.mark.parametrize("name", ["fruit-2", "fruit-7-tflite", "fruit-7-no-mean"])
def test_a_real_export_is_the_same(shared: Path, tmp_path: Path, name: str) -> None:
    model = read_one(shared / "models" / name, name)
    again = read(write_export(model, tmp_path / "it", "openvino"))
    assert_same(model, again)
    assert (again.contract.order, again.contract.maximum) == ("BGR", 255)


def test_it_takes_channels_first_by_name(tmp_path: Path) -> None:
    model = mobile()
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(tmp_path / write(model, tmp_path), "CPU", hint)
    picture = pixels(model)
    found = compiled({"data": picture.transpose(0, 3, 1, 2)})["probabilities"]
    assert np.abs(found - answer(model, picture)).max() < 1e-4


def test_a_lone_file_is_not_taken_for_one_of_the_service(tmp_path: Path) -> None:
    """Its own would be fed RGB from 0 to 1; without model.toml nothing says how to feed this."""
    write(mobile(), tmp_path)
    (tmp_path / "labels.txt").write_text("a\nb\nc\n", "utf-8")
    found = read_one(tmp_path, "it")
    assert isinstance(found, ExportError)
    assert "Put a model.toml beside it" in str(found)


def test_what_the_contract_asks_beyond_the_mean_stays_asked(tmp_path: Path) -> None:
    model = mobile()
    asked = replace(model.contract, order="RGB", maximum=1.0, mean=(0.4,) * 3, std=(0.2,) * 3)
    model = replace(model, contract=asked)
    again = read(write_export(model, tmp_path / "it", "OpenVino"))
    assert_same(model, again)
    assert replace(again.contract, layout="NHWC") == asked


def test_float16_halves_the_weights_and_keeps_the_answers(shared: Path, tmp_path: Path) -> None:
    model = read_one(shared / "models" / "soda-softmax", "soda")
    full = write_export(model, tmp_path / "full", "OpenVino")
    half = write_export(model, tmp_path / "half", "OpenVino", "OpenVinoFloat16")
    sizes = [(folder / "model.bin").stat().st_size for folder in (half, full)]
    assert sizes[0] < 0.52 * sizes[1]
    picture = pixels(model)
    assert np.abs(answer(read(half), picture) - answer(model, picture)).max() < 5e-3


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        path = tmp_path / write(mobile(), tmp_path)
        written.append(path.read_bytes() + path.with_suffix(".bin").read_bytes())
    assert written[0] == written[1]


def test_two_heads_on_one_trunk_share_it(tmp_path: Path) -> None:
    paths = [write_export(mobile(seed=s), tmp_path / str(s), "OpenVino") for s in (1, 2)]
    first, second = (set(identities(read(path)).values()) for path in paths)
    assert len(first - second) == len(second - first) == 4


def test_a_detector_keeps_its_outputs_and_decoder(tmp_path: Path) -> None:
    model = read_one(builders.boxes_detector(tmp_path / "boxes", threshold=0.3), "boxes")
    again = read(write_export(model, tmp_path / "it", "OpenVino"))
    assert (again.decoder, again.labels, again.contract) == (
        model.decoder, model.labels, model.contract
    )  # fmt: skip
    assert set(identities(again).values()) == set(identities(model).values())
    graph, _ = normal_form(again.graph, again.contract)
    assert len(graph.outputs) == 3
