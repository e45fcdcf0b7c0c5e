# SPDX-License-Identifier: Apache-2.0
"""From a package to a model: read its graph, and decide how it is fed and what it answers."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from trunkline.contracts import Preset
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.contract import Evidence, decide_contract, input_form
from trunkline.exports.families import UNKNOWN, recognise
from trunkline.exports.normalisation import find_normalisation
from trunkline.exports.outputs import Answer, Case, decide_answer, names_of
from trunkline.exports.package import ModelFormat, Package
from trunkline.exports.settings import InputSettings
from trunkline.models import Model

if TYPE_CHECKING:
    from trunkline.contracts import Decision, InputContract
    from trunkline.exports.contract import InputForm
    from trunkline.exports.network import Network

__all__ = ["interpret", "labels_of"]

# One module per format; each is imported when the first such file is read.
_READERS = {
    ModelFormat.TENSORFLOW: "trunkline.exports.tensorflow",
    ModelFormat.SAVEDMODEL: "trunkline.exports.savedmodel",
    ModelFormat.TFLITE: "trunkline.exports.tflite",
    ModelFormat.ONNX: "trunkline.exports.onnx",
    ModelFormat.OPENVINO: "trunkline.exports.openvino",
    ModelFormat.TENSORFLOWJS: "trunkline.exports.tensorflowjs",
    ModelFormat.COREML: "trunkline.exports.coreml",
}


def interpret(package: Package, content: bytes | None = None) -> Model:
    """Read a package's graph, and decide how it is fed and what it answers.

    Args:
        package: What was found.
        content: The bytes of its model file, for the formats that are one file; where there are
            none the file is read.

    Raises:
        ExportError: It cannot be read.
    """
    try:
        read = importlib.import_module(_READERS[package.format]).read
        network: Network = read(package.model, *([] if content is None else [content]))
    except ExportError as error:
        # Zips are read from a temporary folder, whose name means nothing to anyone.
        raise type(error)(package.source, error.problem) from error
    inputs = package.settings.input if package.settings else InputSettings()
    form = input_form(network.graph, inputs, package.source)
    answer = _answer(package, network, form)
    contract, decisions = _contract(package, network, form, answer)
    return Model(
        name=package.name,
        labels=labels_of(package, network.labels, answer.label_count),
        task=answer.task,
        contract=contract,
        graph=answer.graph,
        decoder=answer.decoder,
        format=network.format,
        source=package.source,
        decisions=(*answer.decisions, *decisions),
        notes=(*package.notes, *network.notes),
    )


def _answer(package: Package, network: Network, form: InputForm) -> Answer:
    return decide_answer(
        Case(
            network,
            metadata={**package.metadata, **network.metadata},
            settings=package.settings,
            layout=form.layout,
            size=_told_size(package, form),
            source=package.source,
        )
    )


def _told_size(package: Package, form: InputForm) -> tuple[int, int]:
    told = package.settings.input if package.settings else InputSettings()
    return told.width or form.width or 0, told.height or form.height or 0


def _contract(
    package: Package, network: Network, form: InputForm, answer: Answer
) -> tuple[InputContract, tuple[Decision, ...]]:
    ports = [*network.graph.inputs, *network.graph.outputs]
    names = set().union(*(names_of(port) for port in ports))
    outputs = len(network.graph.outputs)
    family = recognise(answer.task, form, names, outputs, package.format)
    if package.settings and package.settings.task:
        family = UNKNOWN  # a person described it, so nothing is guessed
    stated = bool(package.settings or package.manifest or package.metadata or network.metadata)
    if not family.known and not stated:
        raise UnsupportedExportError(
            package.source,
            "this is none of the networks that Custom Vision exported, and nothing beside it says "
            "how to feed it. Put a model.toml beside it; docs/formats.md shows one.",
        )
    # What lies beside a TensorFlow.js export says RGB for all; its own model.json is right.
    trusted = {} if package.format is ModelFormat.TENSORFLOWJS else package.metadata
    evidence = Evidence(
        form=form,
        normalisation=find_normalisation(network.graph),
        family=family,
        metadata={**trusted, **network.metadata},
        settings=package.settings.input if package.settings else InputSettings(),
        resizable=family.preset is Preset.DETECTOR_COMPACT and _takes_any_size(answer, form),
        source=package.source,
    )
    return decide_contract(evidence), tuple(evidence.decisions)


def _takes_any_size(answer: Answer, form: InputForm) -> bool:
    """Try whether a fully convolutional graph really is."""
    sizes = [1, 64, 96, 3] if form.layout == "NHWC" else [1, 3, 64, 96]
    graph = answer.graph.clone()
    try:
        graph.reshape(sizes)
    except RuntimeError:
        return False
    spatial = list(graph.outputs[0].get_partial_shape())[1 if form.layout == "NHWC" else 2 :][:2]
    return [d.get_length() for d in spatial if d.is_static] == [2, 3]


def labels_of(
    package: Package, embedded: tuple[str, ...] | None, label_count: int | None
) -> tuple[str, ...]:
    """Take model.toml's labels, those in the file, or those beside it, in this order."""
    told = package.settings.labels if package.settings else None
    labels = told or embedded or package.labels
    if labels is None:
        raise ExportError(
            package.source,
            "it comes without labels. Put a labels.txt beside the model, one label per line in "
            "the order of its output.",
        )
    if label_count not in {None, len(labels)}:
        raise ExportError(
            package.source,
            f"it has {len(labels)} labels, and its graph answers for {label_count}. "
            "The labels and the model are from different exports; put them back together.",
        )
    # Many models have a "Negative", and a thousand of one kind the same labels throughout.
    return tuple(map(sys.intern, labels))
