# SPDX-License-Identifier: Apache-2.0
"""A build in the making, and the files it learns to recognise; see also test_planning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.crowds import PICTURE, Layer, Recipe, model, numbers
from trunkline.engine import drafts
from trunkline.engine.drafts import Draft
from trunkline.engine.planning import Build, Workshop
from trunkline.exports.package import ModelFormat
from trunkline.exports.reading import Known, Origin, Read
from trunkline.exports.template_parts import Places
from trunkline.exports.templates import HeadConstants, ModelFile, Template

if TYPE_CHECKING:
    from trunkline.models import Model

DENSE = Recipe((Layer("wide", 0), Layer("conv", 0)), "softmax", 0)
DEEP = replace(DENSE, end="deep")
ORIGIN = Origin(ModelFile(ModelFormat.ONNX, (b"a file",)), None, {})


@pytest.fixture
def draft() -> Draft:
    return Draft.of(Build.empty())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files that a template was made of; every one can be made into one."""
    files: list[bytes] = []

    def made(file: ModelFile, *_: np.ndarray) -> Template:
        files.append(file.parts[0])
        return Template(file.format, Places("w", "b", transposed=False, shaped=()), file.parts[0])

    monkeypatch.setattr(drafts, "make_template", made)
    return files


def test_a_file_without_a_template_is_not_remembered(draft: Draft) -> None:
    draft.add(Read(model("a", DENSE), ORIGIN))
    assert draft.known == {}


def test_the_first_files_of_a_network_are_remembered(
    draft: Draft, asked: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "_MOST_TEMPLATES", 4)
    for index in range(9):
        origin = replace(ORIGIN, file=ModelFile(ModelFormat.ONNX, (bytes([index]),)))
        draft.add(Read(model(f"m{index}", replace(DENSE, seed=index)), origin))
    assert asked == [b"\0", b"\1", b"\2", b"\3"]
    assert len(draft.known) == 4
    assert {known.origin.file for known in draft.known} == {None}
    assert all(known.model.graph is None for known in draft.known)


def test_what_has_no_dense_head_or_no_file_is_not_remembered(
    draft: Draft, asked: list[bytes]
) -> None:
    draft.add(Read(model("deep", DEEP), ORIGIN))
    draft.add(Read(model("dense", DENSE)))
    assert asked == []


def known(draft: Draft) -> Known:
    (file,) = draft.known
    return file


def head(recipe: Recipe, like: Model) -> HeadConstants:
    """Return the head of a recipe as it would be found in a file."""
    made = Draft.of(Build.empty())
    made.add(Read(model(like.name, recipe)))
    (heads,) = made.packs.values()
    rows = heads._rows
    return HeadConstants(rows.weights[: heads.stop].T.copy(), rows.bias[: heads.stop].copy())


def test_a_head_of_a_known_network_is_packed_with_the_others(
    draft: Draft, asked: list[bytes]
) -> None:
    draft.add(Read(model("first", DENSE), ORIGIN))
    other = replace(DENSE, seed=3, labels=5)
    light = replace(model("second", other), graph=None)
    draft.add(Read(light, None, known(draft), head(other, light)))
    assert [len(heads) for heads in draft.packs.values()] == [2]
    assert len(draft.networks) == 1
    first, second = draft.entries.values()  # which have in common all but the model
    assert second.needs is first.needs
    assert second.pack is first.pack
    build = Workshop(1, "latency").finish(draft, Build.empty())
    whole = Draft.of(Build.empty())
    whole.add(Read(model("second", other)))
    alone = Workshop(1, "latency").finish(whole, Build.empty())
    np.testing.assert_array_equal(
        numbers(build.plan.predict(PICTURE)["second"]),
        numbers(alone.plan.predict(PICTURE)["second"]),
    )


def test_what_is_known_goes_with_the_last_model_of_its_network(
    draft: Draft, asked: list[bytes]
) -> None:
    """In place: whoever reads the next model holds on to the same mapping."""
    seen = draft.known
    draft.add(Read(model("first", DENSE), ORIGIN))
    draft.add(
        Read(
            replace(model("second", DENSE), graph=None),
            None,
            known(draft),
            head(DENSE, model("x", DENSE)),
        )
    )
    draft.drop(["first"])
    assert len(seen) == 1
    draft.drop(["second"])
    assert seen == draft.known == {}
    assert (draft.networks, draft.packs, draft.weights, draft.entries) == ({}, {}, {}, {})
