# SPDX-License-Identifier: Apache-2.0
"""What a model can be written as: the service's platforms, and the flavors within each.

The names are those of the service's API and of the manifests in its exports, where the flavor of
a platform's own form is null. VAIDK, for a camera that is no longer made, is left out, and so are
ONNX10 and ONNX12: those stand for versions 1.0 and 1.2 of ONNX, and what is written here is newer.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trunkline.contracts import InputContract, Layout
    from trunkline.models import Model

__all__ = ["TARGETS", "Target", "find_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """One form that a model can be written in.

    Attributes:
        platform: The platform, as the service spells it.
        flavor: The flavor within it; None for the platform's own form.
        title: What it is, for a person.
        module: The module that writes it.
        layout: Where a picture's channels are in it.
        options: What its ``write`` is called with beside the model and the folder.
        aliases: Other names of the flavor.
    """

    platform: str
    flavor: str | None
    title: str
    module: str
    layout: Layout
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The platform, and the flavor where there is one: ``"TensorFlow, TensorFlowLite"``."""
        return self.platform if self.flavor is None else f"{self.platform}, {self.flavor}"

    def contract(self, model: Model) -> InputContract:
        """Return what a model's graph must be fed once it is written.

        A mean is subtracted in the graph. All formats but OpenVINO take float32, 0 to 255, as the
        service's exports do; what the graph wants else becomes part of it.
        """
        if self.platform == "OpenVino":
            from trunkline.writers.openvino import contract_of

            return contract_of(model)
        return replace(
            model.contract,
            layout=self.layout,
            dtype="float32",
            maximum=255.0,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
        )

    def write(self, model: Model, folder: Path) -> str:
        """Write a model's own file or files, nothing beside them.

        Args:
            model: A model with its graph.
            folder: Where to write; it exists.

        Returns:
            The name of the model's file or folder.

        Raises:
            UnsupportedExportError: The graph cannot be said in this format.
            MissingExtraError: The package that writes it is not installed.
        """
        written: str = importlib.import_module(self.module).write(model, folder, **self.options)
        return written


_FLOAT16 = MappingProxyType({"float16": True})

TARGETS: tuple[Target, ...] = (
    Target(
        "TensorFlow",
        None,
        "TensorFlow frozen graph",
        "trunkline.writers.tensorflow",
        "NHWC",
        aliases=("TensorFlowNormal",),
    ),
    Target(
        "TensorFlow",
        "TensorFlowSavedModel",
        "TensorFlow SavedModel",
        "trunkline.writers.savedmodel",
        "NHWC",
    ),
    Target("TensorFlow", "TensorFlowLite", "TensorFlow Lite", "trunkline.writers.tflite", "NHWC"),
    Target(
        "TensorFlow",
        "TensorFlowLiteFloat16",
        "TensorFlow Lite with float16 weights",
        "trunkline.writers.tflite",
        "NHWC",
        MappingProxyType({"half": True}),
    ),
    Target("TensorFlow", "TensorFlowJs", "TensorFlow.js", "trunkline.writers.tensorflowjs", "NHWC"),
    Target("ONNX", None, "ONNX", "trunkline.writers.onnx", "NCHW"),
    Target(
        "ONNX",
        "OnnxFloat16",
        "ONNX with float16 weights",
        "trunkline.writers.onnx",
        "NCHW",
        _FLOAT16,
    ),
    Target("OpenVino", None, "OpenVINO IR", "trunkline.writers.openvino", "NCHW"),
    Target(
        "OpenVino",
        "OpenVinoFloat16",
        "OpenVINO IR with float16 weights",
        "trunkline.writers.openvino",
        "NCHW",
        _FLOAT16,
    ),
    Target("CoreML", None, "Core ML", "trunkline.writers.coreml", "NCHW"),
    Target(
        "CoreML",
        "CoreMLFloat16",
        "Core ML with float16 weights",
        "trunkline.writers.coreml",
        "NCHW",
        _FLOAT16,
    ),
    Target(
        "DockerFile",
        None,
        "ONNX, with a Dockerfile that serves it",
        "trunkline.writers.dockerfile",
        "NCHW",
        aliases=("Linux", "ARM"),
    ),
)
"""Everything that can be written, a platform's own form before its flavors."""


def find_target(platform: str, flavor: str | None = None) -> Target:
    """Return the target of a platform and flavor.

    Args:
        platform: As the service spells it, in any case.
        flavor: Likewise; None or an empty text for the platform's own form.

    Raises:
        TrunklineError: There is no such target; the message lists those that there are.
    """
    wanted = (flavor or "").casefold()
    of_platform = [t for t in TARGETS if t.platform.casefold() == platform.casefold()]
    for target in of_platform:
        if wanted in {name.casefold() for name in (target.flavor or "", *target.aliases)}:
            return target
    if not of_platform:
        known = ", ".join(dict.fromkeys(target.platform for target in TARGETS))
        raise TrunklineError(f"There is no platform {platform!r}; there are {known}.")
    flavors = [target.flavor or "" for target in of_platform] + [*of_platform[0].aliases]
    listed = ", ".join(filter(None, flavors))
    raise TrunklineError(
        f"The platform {of_platform[0].platform} has no flavor {flavor!r}; it has {listed}, and "
        "its own form, without any."
    )
