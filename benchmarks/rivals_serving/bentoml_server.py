# SPDX-License-Identifier: Apache-2.0
"""Ten exports behind BentoML: a service whose API takes a picture."""

# BentoML reads the annotations when the class is made, so they must not be put off.

import bentoml
import PIL.Image
from serving_setup import Setup
from ten_models import TenModels


@bentoml.service(workers=Setup.given().workers, traffic={"timeout": 120})
class TenModelsService:
    """What BentoML runs in each of its worker processes."""

    def __init__(self) -> None:
        self._models = TenModels.of(Setup.given())

    @bentoml.api
    def predict(self, picture: PIL.Image.Image) -> dict[str, dict[str, float]]:
        """Return all models' probabilities by label."""
        return {name: dict(of) for name, of in self._models.predict_image(picture).items()}
