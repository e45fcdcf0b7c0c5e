# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino

from trunkline.demo import exports
from trunkline.demo.exports import HELD_OUT, MadeExport
from trunkline.demo.pictures import ASPECTS, draw, random_scenes
from trunkline.demo.trunk import CONTRACT

if TYPE_CHECKING:
    import trunkline


def test_they_are_ordinary_exports(made: list[MadeExport], models: trunkline.ModelSet) -> None:
    assert [export.folder.name for export in made] == list(ASPECTS)
    for export in made:
        files = {file.name for file in export.folder.iterdir()}
        assert files == {"model.xml", "model.bin", "labels.txt", "model.toml"}
        model = models[export.folder.name]
        assert model.labels == export.labels == ASPECTS[model.name]
        assert (model.task, model.format) == ("multiclass", "OpenVINO IR")
        assert model.contract == CONTRACT


def test_the_accuracy_is_that_of_the_loaded_models(
    made: list[MadeExport], models: trunkline.ModelSet
) -> None:
    scenes = random_scenes(HELD_OUT, exports._HELD_OUT_SEED)
    answers = [(models.predict(draw(scene)), scene.truth) for scene in scenes]
    for export in made:
        name = export.folder.name
        right = np.mean([answer[name].label == truth[name] for answer, truth in answers])
        assert abs(right - export.accuracy) <= 1 / HELD_OUT  # a last bit may tip one picture
        assert export.accuracy > 0.9


def test_no_held_out_picture_was_fitted_on() -> None:
    fitting = random_scenes(exports.FITTED_ON, exports._FITTING_SEED)
    held_out = random_scenes(exports.HELD_OUT, exports._HELD_OUT_SEED)
    assert not set(fitting) & set(held_out)


def test_all_have_the_same_trunk(made: list[MadeExport]) -> None:
    filters = []
    for export in made:
        graph = openvino.Core().read_model(export.folder / "model.xml")
        constants = [n for n in graph.get_ordered_ops() if n.get_type_name() == "Constant"]
        kernels = [n.get_data() for n in constants if len(n.get_output_shape(0)) == 4]
        filters.append(sorted(kernel.tobytes() for kernel in kernels if kernel.size > 1))
    assert len(filters[0]) == 2
    assert filters[0] == filters[1] == filters[2]
