# SPDX-License-Identifier: Apache-2.0
"""Damaged exports, and what reading them may come to: an error in one sentence, or a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import trunkline
from trunkline.errors import ExportError
from trunkline.exports.reading import read_one
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

_TELLING_BYTES = (0, 1, 127, 128, 255)


def damaged(data: bytes, seed: int) -> bytes:
    """Return a file cut short, or with a few of its bytes changed."""
    random = np.random.default_rng(seed)
    if random.random() < 0.3:
        return data[: random.integers(len(data))]
    changed = np.frombuffer(data, np.uint8).copy()
    places = random.integers(len(data), size=random.choice([1, 2, 8]))
    telling = random.choice(_TELLING_BYTES, places.size)
    changed[places] = np.where(random.random(places.size) < 0.7, telling, changed[places] ^ 16)
    return changed.tobytes()


def readings(export: Path, name: str, cases: int) -> list[Model | ExportError]:
    """Damage a file of an export in many ways; return what reading came to, each time checked."""
    file = export / name
    original = file.read_bytes()
    outcomes = []
    for seed in range(cases):
        file.write_bytes(damaged(original, seed))
        outcomes.append(_read(export))
    file.write_bytes(original)
    return outcomes


def _read(export: Path) -> Model | ExportError:
    outcome = read_one(export, "damaged")
    if isinstance(outcome, ExportError):
        is_one_sentence(outcome, export)
    else:
        assert isinstance(outcome, Model)
    return outcome


def is_one_sentence(error: ExportError, source: Path) -> None:
    """Assert that an error names its file and says in one line what is wrong with it."""
    said = str(error)
    assert said.startswith(f"{source}: ")
    assert "\n" not in said
    assert "Traceback" not in said
    assert "Please report it" not in said  # that is for faults of our own
    assert said.endswith((".", ")"))


def run(outcomes: list[Model | ExportError]) -> None:
    """Load the models that came out; a graph that cannot run must be refused, too."""
    for model in outcomes:
        if isinstance(model, Model):
            models = trunkline.load(model, cores=1, on_error="skip")
            assert len(models) + len(models.failures) == 1
