# SPDX-License-Identifier: Apache-2.0
"""Ten exports behind LitServe: a ``LitAPI`` that takes a file of a form."""

# LitServe reads the annotations of what it calls: it would make the file a model to read the body
# with, and the answer one to check it with.
# ruff: noqa: ANN001, ANN201

import litserve
from serving_setup import Setup
from ten_models import TenModels


class TenModelsApi(litserve.LitAPI):
    """What LitServe runs in each of its worker processes."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        """Open the exports."""
        self._models = TenModels.of(Setup.given())

    def decode_request(self, request):
        """Return the picture's bytes from a form."""
        return request["picture"].file.read()

    def predict(self, picture):
        """Return all models' probabilities by label."""
        return self._models.predict(picture)

    def encode_response(self, output):
        """Return them as they are."""
        return output


def main() -> None:
    setup = Setup.given()
    server = litserve.LitServer(
        TenModelsApi(), accelerator="cpu", workers_per_device=setup.workers, timeout=120
    )
    server.run(
        host="127.0.0.1", port=setup.ports[0], generate_client_file=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
