# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trunkline.cli.descriptions import contract_words, describe
from trunkline.contracts import Decision, InputContract, Preset
from trunkline.models import Model

CONTRACT = InputContract(227, 200, Preset.CONTAINER_2018)
NOTHING: Any = None  # a description never looks at the graph or the decoder


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (CONTRACT, "200 x 227 by container-2018, BGR, 0 to 255, NHWC float32"),
        (
            replace(CONTRACT, order="RGB", maximum=1.0, layout="NCHW", dtype="float16"),
            "200 x 227 by container-2018, RGB, 0 to 1, NCHW float16",
        ),
        (
            replace(CONTRACT, mean=(104.0, 117.5, 123.0), std=(1.0, 2.0, 0.225)),
            (
                "200 x 227 by container-2018, BGR, 0 to 255, minus B 104 G 117.5 R 123, "
                "divided by B 1 G 2 R 0.225, NHWC float32"
            ),
        ),
        (
            InputContract(512, 512, Preset.DETECTOR_COMPACT),
            "as many pixels as 512 x 512 by detector-compact, BGR, 0 to 255, NHWC float32",
        ),
    ],
)
def test_a_contract_in_words(contract: InputContract, words: str) -> None:
    assert contract_words(contract) == words


def test_a_model_in_words() -> None:
    decisions = (Decision("order", "BGR", "the graph subtracts 104, 117, 123"),)
    notes = ("the manifest's SHA1\ndoes not match",)
    labels = ("[red]", *(f"l{i}" for i in range(11)))
    model = Model(
        *("fruit", labels, "multilabel", CONTRACT, NOTHING, NOTHING, "ONNX", "a/fruit"),
        decisions=decisions,
        notes=notes,
    )
    assert describe(model).plain.splitlines() == [
        "fruit",
        "  source    a/fruit",
        "  format    ONNX",
        "  task      multilabel",
        "  labels    12: [red], l0, l1, l2, l3, l4, l5, l6, l7, l8, ...",
        "  input     200 x 227 by container-2018, BGR, 0 to 255, NHWC float32",
        "  decided   order is BGR, because the graph subtracts 104, 117, 123",
        "  note      the manifest's SHA1 does not match",
    ]


def test_few_labels_are_all_shown() -> None:
    model = Model("m", ("a", "b"), "multiclass", CONTRACT, NOTHING, NOTHING, "ONNX", "m")
    assert "  labels    2: a, b\n" in describe(model).plain
