# SPDX-License-Identifier: Apache-2.0
"""Ten exports behind MLServer: a custom runtime, with the picture as a base64 input."""

from __future__ import annotations

import json

from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from serving_setup import Setup
from ten_models import TenModels


class TenModelsRuntime(MLModel):
    """What MLServer runs in each of its worker processes."""

    async def load(self) -> bool:
        """Open the exports."""
        self._models = TenModels.of(Setup.given())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return all models' probabilities by label, as JSON."""
        (picture,) = Base64Codec.decode_input(payload.inputs[0])
        answers = json.dumps(self._models.predict(picture))
        output = StringCodec.encode_output("answers", [answers])
        return InferenceResponse(model_name=self.name, outputs=[output])
