# SPDX-License-Identifier: Apache-2.0
"""Ten exports behind Triton, through PyTriton: the picture is a tensor of bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig
from serving_setup import Setup
from ten_models import TenModels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Infer = Callable[[Sequence[Any]], list[Mapping[str, Any]]]


def inference(setup: Setup) -> Infer:
    """Return what answers the requests that one of Triton's instances is given."""
    models = TenModels.of(setup)

    def infer(requests: Sequence[Any]) -> list[Mapping[str, Any]]:
        answers = []
        for request in requests:
            with Image.open(io.BytesIO(request.data["picture"].item())) as image:
                answers.append(models.rows(image))
        return answers

    return infer


def main() -> None:
    setup = Setup.given()
    http, grpc, metrics = setup.ports[:3]
    config = TritonConfig(
        http_address="127.0.0.1",
        http_port=http,
        grpc_address="127.0.0.1",
        grpc_port=grpc,
        metrics_port=metrics,
        allow_metrics=False,
    )
    instances = [inference(setup) for _ in range(setup.workers)]
    with Triton(config=config) as triton:
        triton.bind(
            model_name="ten",
            infer_func=instances,
            inputs=[Tensor(name="picture", dtype=np.bytes_, shape=(1,))],
            outputs=[
                Tensor(name=folder.name, dtype=np.float32, shape=(-1,)) for folder in setup.folders
            ],
            config=ModelConfig(batching=False),
        )
        triton.serve()


if __name__ == "__main__":
    main()
